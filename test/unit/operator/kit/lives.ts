import fc from 'fast-check';
import { expectedId, impostor } from './builders.ts';
import type { Given, PodGiven } from './given.ts';
import { type Told, tell } from './tell.ts';

/** Random lives of one card, for laws. */

const signature = fc.constantFrom(
  undefined,
  ...(['valid', 'invalid', 'missing', 'expired', 'untrusted'] as const).map((outcome) => ({ outcome })),
  { outcome: 'valid' as const, signer: impostor },
);
const answers = fc.record({
  id: fc.constantFrom(expectedId, expectedId, impostor),
  cardId: fc.constantFrom('a', 'a', 'b'),
  source: fc.constantFrom('mtls' as const, 'mtls' as const, 'http' as const, 'configmap' as const),
  signature,
  minutesAgo: fc.integer({ min: 0, max: 20 }),
  certificateMinutes: fc.integer({ min: -5, max: 60 }),
  revision: fc.constantFrom('r1', 'r1', 'r2'),
});
const silent = fc.record({
  minutes: fc.integer({ min: 0, max: 20 }),
  reason: fc.constantFrom('FetchFailed' as const, 'CardInvalid' as const),
});
export const pod: fc.Arbitrary<PodGiven> = fc.oneof(
  fc.record({ answers }),
  fc.record({ answers }),
  fc.record({ answers, silent }),
  fc.record({ silent }),
  fc.record({
    refuses: fc.record({ code: fc.constantFrom('TrustDomainMismatch', 'NoSpiffeId'), claims: fc.constant(impostor) }),
  }),
  fc.record({ stranger: fc.constant('ReplicaSet other') }),
  fc.constant({}),
);
export const pods = fc
  .array(pod, { maxLength: 3 })
  .map((list) => Object.fromEntries(list.map((one, index) => [`weather-${index}`, one])));
const labelled = fc
  .array(fc.constantFrom('fits' as const, 'stale' as const, undefined), { maxLength: 3 })
  .map((list) =>
    Object.fromEntries(list.flatMap((how, index) => (how === undefined ? [] : [[`weather-${index}`, how]]))),
  );
const spec = fc.record(
  {
    suspend: fc.boolean(),
    quarantine: fc.constant({ reason: 'incident' }),
    approvedCardId: fc.constantFrom('a'.repeat(64), 'c'.repeat(64)),
    identityBinding: fc.record({ strict: fc.boolean() }),
  },
  { requiredKeys: [] },
);
const foreign = fc.subarray([
  { name: 'deny', spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] } },
  { name: 'open', spec: { podSelector: {}, policyTypes: ['Ingress'], ingress: [{}] } },
]);
export const given: fc.Arbitrary<Given> = fc.record({
  after: fc.integer({ min: 0, max: 30 }),
  settings: fc.record({
    mtls: fc.boolean(),
    signature: fc.boolean(),
    enforcement: fc.constantFrom('off' as const, 'audit' as const, 'enforce' as const, 'enforce' as const),
  }),
  namespace: fc.constantFrom({}, {}, { 'agent.kagenti.dev/enforcement': 'audit' }),
  card: fc.record({ spec: spec as fc.Arbitrary<never> }),
  workload: fc.constantFrom({}, {}, {}, { labels: {} }, { hostNetwork: true }, null),
  services: fc.constantFrom(undefined, undefined, undefined, []) as fc.Arbitrary<never>,
  pods,
  labelled,
  policies: fc.record({ foreign }),
  quarantineList: fc.constantFrom(
    [],
    [],
    null,
    [{ cardId: 'a'.repeat(64), reason: 'bad' }],
    [{ spiffeId: impostor, reason: 'bad' }],
  ),
});

/** Two moments of one card, the earlier one settled. */
export interface Life {
  readonly earlier: Given;
  readonly later: Given;
}

export const life: fc.Arbitrary<Life> = fc.record({ earlier: given, later: given }).map(({ earlier, later }) => {
  const { labelled: _, ...rest } = later;
  return { earlier, later: { ...rest, after: (earlier.after ?? 0) + (later.after ?? 0) } };
});

export function tellLife({ earlier, later }: Life): Told {
  return tell(later, tell(earlier));
}

/** Where each of three pods stands instead. */
export const places = fc.shuffledSubarray([0, 1, 2], { minLength: 3, maxLength: 3 });

/** The same with other names for the pods, which changes their order too. */
export function renamed(one: Given, order: readonly number[]): Given {
  const move = <T>(named: Readonly<Record<string, T>> = {}) =>
    Object.fromEntries(Object.entries(named).map(([name, value]) => [`weather-${order[Number(name.at(-1))]}`, value]));
  return { ...one, pods: move(one.pods), ...(one.labelled === undefined ? {} : { labelled: move(one.labelled) }) };
}
