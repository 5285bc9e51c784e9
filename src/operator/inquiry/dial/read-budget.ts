/** Of one namespace: reads of pods that may bring nothing, at once and then each second. A rollout needs some. */
const atOnce = 500;
const eachSecond = 2;

/**
 * How many reads of pods may still bring nothing, by namespace. Whoever writes EndpointSlices can name any number of pods that
 * are not there or belong to something else.
 */
export class ReadBudget {
  readonly #now: () => number;
  readonly #spent = new Map<string, { readonly reads: number; readonly at: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  isSpent(namespace: string): boolean {
    return this.#owed(namespace) >= atOnce;
  }

  spend(namespace: string): void {
    this.#spent.set(namespace, { reads: this.#owed(namespace) + 1, at: this.#now() });
  }

  #owed(namespace: string): number {
    const { reads, at } = this.#spent.get(namespace) ?? { reads: 0, at: 0 };
    const owed = reads - (Math.max(0, this.#now() - at) / 1000) * eachSecond;
    if (owed <= 0) this.#spent.delete(namespace);
    return Math.max(0, owed);
  }
}
