import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AgentCardStatus } from '../../../../src/operator/api/agentcard.ts';
import { longestMessage, reasons, remedy } from '../../../../src/operator/api/conditions.ts';
import { mergePatch } from '../../../../src/operator/reconcile/patch.ts';
import type { StatusFields } from '../../../../src/operator/reconcile/status.ts';
import { transitions } from '../../../../src/operator/reconcile/transitions.ts';
import { settings } from './builders.ts';
import { decide, type Given, type PodGiven, settle, type Told, tell } from './scenario.ts';

const own = 'spiffe://example.org/ns/team/sa/weather';
const impostor = 'spiffe://example.org/ns/team/sa/impostor';

const signature = fc.constantFrom(
  undefined,
  ...(['valid', 'invalid', 'missing', 'expired', 'untrusted'] as const).map((outcome) => ({ outcome })),
  { outcome: 'valid' as const, signer: impostor },
);
const answers = fc.record({
  id: fc.constantFrom(own, own, impostor),
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
const pod = fc.oneof(
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
const pods = fc
  .array(pod, { maxLength: 3 })
  .map((list) => Object.fromEntries(list.map((one, index) => [`weather-${index}`, one as PodGiven])));
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
const given: fc.Arbitrary<Given> = fc.record({
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
const life = fc.record({ earlier: given, later: given }).map(({ earlier, later }) => {
  const { labelled: _, ...rest } = later;
  return { earlier, later: { ...rest, after: (earlier.after ?? 0) + (later.after ?? 0) } };
});
const chosen = (one: Given) => ({ ...settings, ...one.settings });

function tellLife({ earlier, later }: { readonly earlier: Given; readonly later: Given }): Told {
  return tell(later, tell(earlier));
}

function statusPatch(before: StatusFields | undefined, plan: Told['plan']) {
  if (plan.status === undefined) return undefined;
  const { identityExpiresAt: _, ...patch } = mergePatch((before ?? {}) as never, plan.status.fields as never) ?? {};
  return Object.keys(patch).length === 0 ? undefined : patch;
}

describe('one reconcile after another', () => {
  test('a plan carried out leaves nothing to do: no write, no event', () => {
    fc.assert(
      fc.property(life, (lived) => {
        const told = tellLife(lived);
        const after = settle(told);
        const again = decide(after, chosen(lived.later), told.at);
        expect(again.policy.operations).toEqual([]);
        expect(again.marks).toEqual([]);
        expect(statusPatch(after.card.status, again)).toBeUndefined();
        if (again.status === undefined) return;
        expect(again.status.card.kind === 'set' ? again.status.card.card.sha256 : undefined).toBe(
          again.status.card.kind === 'set' ? after.card.publishedHash : undefined,
        );
        expect(transitions(after.card.status ?? {}, again.status.fields, { ...after.card.spec })).toEqual([]);
      }),
      { numRuns: 800 },
    );
  });

  test('the same sight gives the same plan', () => {
    fc.assert(
      fc.property(life, (lived) => {
        expect(tellLife(lived).plan).toEqual(tellLife(lived).plan);
      }),
      { numRuns: 200 },
    );
  });

  test('a failed attempt more changes no message', () => {
    fc.assert(
      fc.property(life, fc.integer({ min: 1, max: 50 }), (lived, attempts) => {
        const told = tellLife(lived);
        const retried = [...told.snapshot.evidence.pods].map(([uid, one]) => {
          const silence = one.silence && { ...one.silence, attempts: one.silence.attempts + attempts };
          return [uid, { ...one, silence }] as const;
        });
        const evidence = { ...told.snapshot.evidence, pods: new Map(retried) };
        const again = decide({ ...told.snapshot, evidence }, chosen(lived.later), told.at);
        expect(again.status).toEqual(told.plan.status);
      }),
      { numRuns: 300 },
    );
  });
});

describe('of several pods', () => {
  const places = fc.shuffledSubarray([0, 1, 2], { minLength: 3, maxLength: 3 });
  const renamed = (one: Given, order: readonly number[]): Given => {
    const move = <T>(named: Readonly<Record<string, T>> = {}) =>
      Object.fromEntries(
        Object.entries(named).map(([name, value]) => [`weather-${order[Number(name.at(-1))]}`, value]),
      );
    return { ...one, pods: move(one.pods), ...(one.labelled === undefined ? {} : { labelled: move(one.labelled) }) };
  };
  /** What is decided, with pods told by what they show instead of by their names. */
  const decided = (lived: { readonly earlier: Given; readonly later: Given }) => {
    const { status, marks, policy } = tellLife(lived).plan;
    const { earlier, later } = lived;
    const shows = (name: string) => [earlier.pods?.[name], earlier.labelled?.[name], later.pods?.[name]];
    const told = marks.map(({ podName, attested }) => JSON.stringify([...shows(podName), attested !== undefined]));
    return JSON.stringify([status, told.sort(), policy]).replaceAll(/weather-\d/g, 'weather-?');
  };

  test('neither their names nor their order change anything', () => {
    fc.assert(
      fc.property(life, places, ({ earlier, later }, order) => {
        const moved = { earlier: renamed(earlier, order), later: renamed(later, order) };
        expect(decided(moved)).toBe(decided({ earlier, later }));
      }),
      { numRuns: 1_000 },
    );
  });

  test('one that serves other bytes than the approved ones fails the card, wherever it stands', () => {
    const serving = (cardId: string, revision: string): PodGiven => ({ answers: { cardId, revision } });
    const approving = { card: { spec: { approvedCardId: 'a'.repeat(64) } } } as Given;
    fc.assert(
      fc.property(fc.constantFrom('r1', 'r2'), fc.constantFrom('r1', 'r2'), places, (one, other, order) => {
        const pods = { 'weather-0': serving('a', one), 'weather-1': serving('b', other), 'weather-2': {} };
        const { status, marks } = tell(renamed({ ...approving, pods }, order)).plan;
        const verified = status?.fields.conditions?.find(({ type }) => type === 'Verified');
        expect(verified).toMatchObject({ status: 'False', reason: 'CardNotApproved' });
        expect(verified?.message).toContain(`Pod weather-${order[1]}: The card is ${'b'.repeat(64)}`);
        expect(marks).toEqual([]);
      }),
    );
  });
});

describe('what a status may say', () => {
  test('a status that another manager wrote is replaced whole', () => {
    const junk = fc.dictionary(
      fc.constantFrom(
        'cardId',
        'seen',
        'policy',
        'rekorLogIndex',
        'signatureKeyId',
        'unknownField',
        'bindingStatus',
        'replicas',
      ),
      fc.constantFrom('x', { a: 1 }, ['y'], true),
    );
    fc.assert(
      fc.property(given, junk, (one, status) => {
        const told = tell({ ...one, card: { ...one.card, status: status as never } });
        const { fields } = told.plan.status ?? {};
        if (fields === undefined) return;
        const patch = mergePatch(status, fields as never) ?? {};
        expect(patched(status, patch)).toEqual(JSON.parse(JSON.stringify(fields)));
      }),
      { numRuns: 300 },
    );
  });

  test('no field outlives its evidence: once the agent answers, nothing stored shows through', () => {
    fc.assert(
      fc.property(given, given, (earlier, later) => {
        const { services: _, workload: __, ...rest } = later;
        const over = { pods: answeringPods(later), labelled: {}, quarantineList: [] };
        const answering = { ...rest, ...over, settings: { ...later.settings, mtls: true } };
        const fresh = tell(answering).plan.status?.fields;
        const lived = tell(answering, tell(earlier)).plan.status?.fields;
        expect(withoutTimes(lived)).toEqual(withoutTimes(fresh));
      }),
      { numRuns: 400 },
    );
  });

  test('trust is claimed only with proof, now or held: the label, the policy and the condition agree', () => {
    fc.assert(
      fc.property(life, (lived) => {
        const { snapshot, plan } = tellLife(lived);
        const { fields } = plan.status ?? {};
        if (fields === undefined) return;
        const verified = fields.conditions?.find(({ type }) => type === 'Verified');
        if (verified?.status !== 'True')
          expect(plan.marks.filter(({ attested }) => attested !== undefined)).toEqual([]);
        if (verified?.reason === 'EvidenceHeld') expect(fields.heldSince).toBeDefined();
        else expect(fields.heldSince).toBeUndefined();
        const written = plan.policy.operations.filter(({ kind }) => kind === 'create' || kind === 'replace');
        for (const { policy } of written) {
          expect(policy.spec.policyTypes?.includes('Egress')).toBe(verified?.status !== 'True');
          const [standing] = snapshot.ownPolicies;
          expect(policy.spec.podSelector).toEqual(snapshot.workload?.selector ?? standing?.spec.podSelector);
        }
      }),
      { numRuns: 400 },
    );
  });

  test('Ready is Synced and Verified and not quarantined, and says the reason of what stands in its way', () => {
    fc.assert(
      fc.property(life, (lived) => {
        const { fields } = tellLife(lived).plan.status ?? {};
        if (fields === undefined) return;
        const is = (type: string) => fields.conditions?.find((condition) => condition.type === type);
        const verified = is('Verified');
        const ready = is('Synced')?.status === 'True' && (verified === undefined || verified.status === 'True');
        if (is('Ready')?.reason !== 'Quarantined') expect(is('Ready')?.status).toBe(ready ? 'True' : 'False');
        else expect(is('Ready')?.status).toBe('False');
        if (is('Ready')?.status === 'False') {
          const from = [is('Synced'), verified].map((condition) => condition?.reason);
          expect([...from, 'Quarantined']).toContain(is('Ready')?.reason);
        }
      }),
      { numRuns: 400 },
    );
  });

  test('every reason is a known one, and every message fits and ends with what to do', () => {
    fc.assert(
      fc.property(life, (lived) => {
        for (const { type, reason, message, observedGeneration } of tellLife(lived).plan.status?.fields.conditions ??
          []) {
          const known =
            type === 'Ready' ? [reasons.Ready, reasons.Synced, reasons.Verified] : [reasons[type as 'Synced']];
          expect(known.some((table) => Object.hasOwn(table, reason))).toBe(true);
          expect(message.length).toBeLessThanOrEqual(longestMessage);
          expect(message.endsWith(remedy(type as 'Ready', reason))).toBe(true);
          expect(observedGeneration).toBe(1);
        }
      }),
      { numRuns: 300 },
    );
  });
});

function answeringPods(one: Given): Readonly<Record<string, PodGiven>> {
  const entries = Object.entries(one.pods ?? {}).filter(([, { answers: said }]) => said !== undefined);
  const kept = entries.map(([, { answers: said }], index): [string, PodGiven] => [
    `weather-${index}`,
    { answers: { ...said, source: 'mtls', minutesAgo: 0 } },
  ]);
  return kept.length === 0 ? { 'weather-0': { answers: {} } } : Object.fromEntries(kept);
}

/** Times tell when something last changed, so they may differ; so does the protocol's memory of what was. */
function withoutTimes(fields: Omit<AgentCardStatus, 'card'> | undefined): unknown {
  if (fields === undefined) return undefined;
  const { lastSyncTime: _, history: __, ...rest } = fields;
  return JSON.parse(JSON.stringify(rest, (key, value) => (/^last.*Time$/.test(key) ? undefined : value)));
}

/** RFC 7396. */
function patched(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> =
    typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = patched(result[key], value);
  }
  return result;
}
