import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KubeClient } from '../../../../src/kube/client/client.ts';
import type { Applied } from '../../../../src/operator/reconcile/apply.ts';
import type { Plan } from '../../../../src/operator/reconcile/plan.ts';
import { type SettleEdges, settle } from '../../../../src/operator/reconcile/settle.ts';
import type { StatusFields } from '../../../../src/operator/reconcile/status.ts';
import { type CachedCard, hashOf } from '../../../../src/operator/watch/cached.ts';
import { card, snapshot } from '../kit/builders.ts';

const applied: Applied = { policyFailure: undefined, markFailures: [], unmarked: 0, replaced: [] };

/** Settles one status after another, at these milliseconds; returns when each was written and what is stored in the end. */
async function settled(statuses: readonly (readonly [number, StatusFields])[]) {
  let now = 0;
  let stored: CachedCard = card();
  const written: number[] = [];
  const client = {
    patch: async (_: unknown, __: string, { status }: { status: StatusFields }) => {
      written.push(now);
      const replicas = { ...stored.status?.replicas, ...status.replicas };
      return { ...stored, status: { ...stored.status, ...status, replicas } };
    },
  } as unknown as KubeClient;
  const takeCard: SettleEdges['takeCard'] = (one) => {
    stored = one as CachedCard;
  };
  const edges: SettleEdges = { client, now: () => now, lastWritten: new Map(), takeCard, record: () => {} };
  const waits: (number | undefined)[] = [];
  for (const [at, fields] of statuses) {
    now = at;
    const plan = { status: { fields, card: { kind: 'kept' } } } as Plan;
    const wait = await settle(plan, applied, snapshot({ card: stored }), edges);
    waits.push(wait === undefined ? undefined : at + wait);
  }
  return { written, waits, stored: stored.status };
}

test('which pods are covered is written at most once a second, a verdict at once, and nothing is lost', async () => {
  const steps = fc.array(fc.record({ after: fc.integer({ min: 0, max: 700 }), news: fc.boolean() }), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      let at = 10_000;
      let reason = '';
      const statuses = list.map(({ after, news }, index): [number, StatusFields] => {
        at += after;
        if (news) reason = `${index}`;
        const conditions = [
          { type: 'Verified', status: 'False', reason, message: '', lastTransitionTime: '' } as const,
        ];
        return [at, { conditions, covered: `${index}`, replicas: { ready: 1, attested: index } }];
      });
      const { written, waits } = await settled(statuses);
      const reasonOf = (fields?: StatusFields) => fields?.conditions?.[0]?.reason;
      const urgent = statuses.filter(
        ([, one], index) => index === 0 || reasonOf(one) !== reasonOf(statuses[index - 1]?.[1]),
      );
      expect(urgent.every(([when]) => written.includes(when))).toBe(true);
      const counting = written.filter((when) => !urgent.some(([other]) => other === when));
      for (const when of counting) expect(written.some((other) => other < when && other > when - 1_000)).toBe(false);
      // It comes back a second after the last write before it.
      for (const due of waits) if (due !== undefined) expect(written).toContain(due - 1_000);
      const [last] = statuses.at(-1) ?? [];
      if (last === undefined) return;
      const again = await settled([...statuses, [last + 1_000, statuses.at(-1)?.[1] ?? {}]]);
      expect(again.stored).toMatchObject(statuses.at(-1)?.[1] ?? {});
    }),
  );
});

describe('a list of callers, of which the cache keeps the hash,', () => {
  const list = [{ who: 'AgentCard team/menu', ids: ['spiffe://example.org/ns/team/sa/menu'] }];
  const patchFrom = async (stored: CachedCard, fields: StatusFields) => {
    const bodies: unknown[] = [];
    const client = {
      patch: async (_: unknown, __: string, { status }: { status: object }) => {
        bodies.push(status);
        return stored;
      },
    } as unknown as KubeClient;
    const plan = { status: { fields, card: { kind: 'kept' } } } as Plan;
    const edges = { client, now: () => 0, lastWritten: new Map(), takeCard: () => {}, record: () => {} };
    await settle(plan, applied, snapshot({ card: stored }), edges);
    return bodies;
  };
  const keeping = (callers?: object): CachedCard =>
    callers === undefined ? { ...card(), status: {} } : { ...card(), status: {}, callersHash: hashOf(callers) };

  test('is not written again while it is the same', async () => {
    expect(await patchFrom(keeping(list), { callers: structuredClone(list) })).toEqual([]);
    expect(await patchFrom(keeping(), {})).toEqual([]);
  });

  test('is written when it is another, and taken away when there is none', async () => {
    expect(await patchFrom(keeping(), { callers: list })).toEqual([{ callers: list }]);
    expect(await patchFrom(keeping([]), { callers: list })).toEqual([{ callers: list }]);
    expect(await patchFrom(keeping(list), { callers: [] })).toEqual([{ callers: [] }]);
    expect(await patchFrom(keeping(list), {})).toEqual([{ callers: null }]);
  });
});
