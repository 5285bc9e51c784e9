import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AgentCardStatus } from '../../../../src/operator/api/agentcard.ts';
import { longestMessage, reasons, remedy } from '../../../../src/operator/api/conditions.ts';
import { mergePatch } from '../../../../src/operator/reconcile/patch.ts';
import type { StatusFields } from '../../../../src/operator/reconcile/status.ts';
import { transitions } from '../../../../src/operator/reconcile/transitions.ts';
import * as build from '../kit/builders.ts';
import type { Given, PodGiven } from '../kit/given.ts';
import { given, type Life, life, places, renamed, tellLife } from '../kit/lives.ts';
import { merged } from '../kit/merge.ts';
import { decide, settle, type Told, tell } from '../kit/tell.ts';

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
        const again = decide(after, told.settings, told.at).plan;
        expect(again.policy.operations).toEqual([]);
        expect(again.marks).toEqual([]);
        expect(statusPatch(after.card.status, again)).toBeUndefined();
        if (again.status === undefined) return;
        expect(again.status.card.kind === 'received' ? again.status.card.card.published.sha256 : undefined).toBe(
          again.status.card.kind === 'received' ? after.card.publishedHash : undefined,
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
        const again = decide({ ...told.snapshot, evidence }, told.settings, told.at).plan;
        expect(again.status).toEqual(told.plan.status);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a label that somebody else put on a pod, with an annotation that fits,', () => {
  const forged = build.pod('weather-9', { labelled: true });
  const shows = fc.constantFrom<PodGiven | null>(null, {}, { silent: { minutes: 0 } }, { silent: { minutes: 12 } });

  test('proves nothing at any time, and is taken off unless the pod is about to be asked', () => {
    fc.assert(
      fc.property(life, shows, ({ earlier, later }, shown) => {
        const beside = shown === null ? later : { ...later, pods: { ...later.pods, 'weather-9': shown } };
        const { snapshot, at, plan, settings } = tell(beside, tell(earlier));
        const labelledPods = [...snapshot.labelledPods, forged];
        const wearing = decide({ ...snapshot, labelledPods }, settings, at).plan;
        const off = wearing.marks.filter(({ podName }) => podName === 'weather-9');
        expect({ ...wearing, marks: wearing.marks.filter((mark) => !off.includes(mark)) }).toEqual(plan);
        const isAsked = wearing.agenda.some(({ endpoint }) => endpoint.podName === 'weather-9');
        const mayWait = wearing.status === undefined && isAsked && shown !== null && !('silent' in shown);
        if (!mayWait) expect(off.map(({ proven }) => proven)).toEqual([undefined]);
        expect(off.every(({ proven }) => proven === undefined)).toBe(true);
      }),
      { numRuns: 600 },
    );
  });
});

test('a pod of which nobody knows yet whose it is keeps marks that fit, unless the agent is cut off', () => {
  const other = build.pod('weather-8', { labelled: true });
  const stale = build.pod('weather-9', { labelled: true, attested: 'another' });
  fc.assert(
    fc.property(life, ({ earlier, later }) => {
      const { snapshot, at, settings } = tell(later, tell(earlier));
      const labelledPods = [...snapshot.labelledPods, other, stale];
      const unsure = new Set([other, stale].map(({ metadata }) => metadata.uid ?? ''));
      const { marks, policy } = decide({ ...snapshot, labelledPods, unsure }, settings, at).plan;
      const off = marks.flatMap(({ podName }) => (/[89]$/.test(podName) ? [podName] : []));
      const cutOff = policy.status?.mode === 'quarantine';
      if (cutOff) expect(off).toEqual(['weather-8', 'weather-9']);
      else expect(off).toContain('weather-9');
      // While the list cannot be read, what it said before stands.
      const list = later.quarantineList === null ? earlier.quarantineList : later.quarantineList;
      const listed = (list ?? []).length > 0 || later.card?.spec?.quarantine !== undefined;
      if (!listed) expect(off).not.toContain('weather-8');
    }),
    { numRuns: 300 },
  );
});

describe('of several pods', () => {
  /** What is decided, with pods told by what they show instead of by their names. */
  const decided = (lived: Life) => {
    const { status, marks, policy } = tellLife(lived).plan;
    const { earlier, later } = lived;
    const shows = (name: string) => [earlier.pods?.[name], earlier.labelled?.[name], later.pods?.[name]];
    const told = marks.map(({ podName, proven }) => JSON.stringify([...shows(podName), proven !== undefined]));
    // A pod's uid is in what the status names it by.
    const { covered, ...fields } = status?.fields ?? {};
    return JSON.stringify([fields, covered?.length, status?.card, told.sort(), policy]).replaceAll(
      /weather-\d/g,
      'weather-?',
    );
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
        expect(merged(status, patch)).toEqual(JSON.parse(JSON.stringify(fields)));
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
        if (verified?.status !== 'True') expect(plan.marks.filter(({ proven }) => proven !== undefined)).toEqual([]);
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
