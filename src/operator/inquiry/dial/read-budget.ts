/** Of one namespace: reads of pods that may bring nothing, at once and then each second. A rollout needs some. */
const atOnce = 500;
const eachSecond = 2;

/**
 * How many reads of pods may still bring nothing, by namespace. Whoever writes EndpointSlices can name any number of pods that
 * are not there or belong to something else.
 */
export function readBudget(now: () => number) {
  const spent = new Map<string, { readonly reads: number; readonly at: number }>();
  const owed = (namespace: string) => {
    const { reads, at } = spent.get(namespace) ?? { reads: 0, at: 0 };
    const left = reads - (Math.max(0, now() - at) / 1000) * eachSecond;
    if (left <= 0) spent.delete(namespace);
    return Math.max(0, left);
  };
  return {
    isSpent: (namespace: string) => owed(namespace) >= atOnce,
    spend: (namespace: string) => void spent.set(namespace, { reads: owed(namespace) + 1, at: now() }),
  };
}
