import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LabelSelector } from '../../../../src/kube/objects.ts';
import { ownerOf } from '../../../../src/operator/network/policy.ts';
import { isPositive } from '../../../../src/operator/workload/selector.ts';
import type { Workload } from '../../../../src/operator/workload/workload.ts';
import * as build from '../kit/builders.ts';
import type { Given } from '../kit/given.ts';
import { decide, settle, type Told, tell } from '../kit/tell.ts';

const lacking = { matchExpressions: [{ key: 'x', operator: 'DoesNotExist' }] };
const quarantined: Given = { card: { spec: { quarantine: { reason: 'incident' } } } };
const overlap = () => ['Deployment clock', 'StatefulSet store'];

function enforcedOf({ status }: Told['plan']) {
  const { status: is, reason, message } = status?.fields.conditions?.find(({ type }) => type === 'Enforced') ?? {};
  return { is, reason, message };
}

/** The same card in other circumstances. */
function seen(given: Given, over: Partial<Told['snapshot']> = {}): Told {
  const { snapshot, at } = tell(given);
  const other = { ...snapshot, ...over };
  return decide(other, { ...build.settings, ...given.settings }, at);
}

describe('no policy is written', () => {
  test('whose selector chooses the pods of another workload, and it is named; what stands goes', () => {
    const before = settle(tell({}));
    const { plan } = seen({}, { ...before, chosenBesides: overlap });
    expect(plan.policy.operations).toMatchObject([{ kind: 'delete' }]);
    expect(enforcedOf(plan)).toMatchObject({ is: 'False', reason: 'NotEnforceable' });
    expect(enforcedOf(plan).message).toContain('also chooses Deployment clock (and 1 more)');
  });

  test('whose selector chooses a pod behind the Service that is of something else', () => {
    const { snapshot } = tell({ pods: { 'weather-0': { answers: {} }, 'weather-1': { stranger: 'Job thief' } } });
    const strangers = [...snapshot.evidence.strangers].map(([uid, one]) => [uid, { ...one, chosen: true }] as const);
    const evidence = { ...snapshot.evidence, strangers: new Map(strangers) };
    const told = seen({}, { ...snapshot, evidence });
    expect(enforcedOf(told.plan).message).toContain('pod weather-1 of Job thief');
    expect(told.plan.policy.operations).toEqual([]);
  });

  test.each<[string, LabelSelector]>([
    ['is empty', {}],
    ['only says what pods lack', lacking],
    ['only says which value they have not', { matchExpressions: [{ key: 'x', operator: 'NotIn', values: ['y'] }] }],
  ])('where the selector %s', (_, selector) => {
    const { plan } = seen({ workload: { selector } });
    expect(enforcedOf(plan)).toMatchObject({ is: 'False', reason: 'NotEnforceable' });
    expect(plan.policy.operations).toEqual([]);
  });
});

describe('a quarantine', () => {
  test('is written despite overlap, and names whom it cuts off besides', () => {
    const { plan } = seen(quarantined, { chosenBesides: overlap });
    expect(plan.policy.operations).toMatchObject([
      { kind: 'create', policy: { spec: { podSelector: build.workload.selector } } },
    ]);
    expect(enforcedOf(plan)).toMatchObject({ is: 'True', reason: 'PolicyApplied' });
    expect(enforcedOf(plan).message).toContain('It also cuts off Deployment clock (and 1 more).');
  });

  test('of a workload whose selector says nothing of its pods goes by the labels of its template', () => {
    const { plan } = seen({ ...quarantined, workload: { selector: lacking } });
    const podSelector = { ...lacking, matchLabels: { app: 'weather' } };
    expect(plan.policy.operations).toMatchObject([{ kind: 'create', policy: { spec: { podSelector } } }]);
  });

  test('that nothing tells apart is said not to be enforceable, and nobody is cut off', () => {
    const { plan } = seen({ ...quarantined, workload: { selector: lacking, templateLabels: {} } });
    expect(plan.policy.operations).toEqual([]);
    expect(enforcedOf(plan)).toMatchObject({ is: 'False', reason: 'NotEnforceable' });
  });

  test('does not wait for a name that somebody else took', () => {
    const taken = { name: 'weather-signature-policy', spec: { podSelector: {} } };
    const { plan } = seen({ ...quarantined, policies: { namesake: taken } });
    expect(plan.policy.operations).toMatchObject([
      {
        kind: 'create',
        policy: { metadata: { name: expect.stringMatching(/^weather-signature-policy-[0-9a-f]{8}$/) } },
      },
    ]);
  });
});

/** What becomes of the workload while it is quarantined. */
const shape = fc.record({
  name: fc.constantFrom('weather', 'renamed'),
  hostNetwork: fc.boolean(),
  selector: fc.constantFrom<LabelSelector>(
    { matchLabels: { app: 'weather' } },
    { matchLabels: { app: 'other' } },
    { matchExpressions: [{ key: 'app', operator: 'In', values: ['weather', 'other'] }] },
    lacking,
    {},
  ),
  templateLabels: fc.constantFrom({ app: 'weather' }, { app: 'other' }, {}),
});
const fate = fc.record({
  workload: fc.option(shape, { nil: null }),
  pods: fc.constantFrom({}, { 'weather-0': { answers: {} } }),
});

/** One moment after another of one quarantined card; what is done is done before the next. */
function lived(fates: readonly { workload: Partial<Workload> | null; pods: Given['pods'] & object }[]): Told[] {
  const told: Told[] = [];
  for (const { workload, pods } of fates) {
    const targetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: workload?.name ?? 'weather' };
    const spec = { ...quarantined.card?.spec, targetRef } as never;
    told.push(tell({ card: { spec }, workload, pods }, told.at(-1)));
  }
  return told;
}

describe('while a workload is quarantined, whatever becomes of it', () => {
  test('policies are only added to: what was cut off stays cut off, and nobody is by a selector that says nothing', () => {
    fc.assert(
      fc.property(fc.array(fate, { minLength: 1, maxLength: 5 }), (fates) => {
        let before: readonly string[] = [];
        for (const one of lived(fates)) {
          expect(one.plan.policy.operations.every(({ kind }) => kind === 'create' || kind === 'replace')).toBe(true);
          const { ownPolicies, workload } = settle(one);
          for (const { spec } of ownPolicies) {
            expect(spec).toMatchObject({ policyTypes: ['Ingress', 'Egress'] });
            expect(isPositive(spec.podSelector)).toBe(true);
            expect(spec.egress ?? []).toEqual([]);
          }
          const selectors = ownPolicies.map(({ spec }) => JSON.stringify(spec.podSelector));
          expect(selectors).toEqual(expect.arrayContaining([...before]));
          expect(new Set(ownPolicies.map(({ metadata }) => metadata.name)).size).toBe(ownPolicies.length);
          if (workload !== undefined && isPositive(workload.selector)) {
            expect(selectors).toContain(JSON.stringify(workload.selector));
          }
          before = selectors;
        }
      }),
      { numRuns: 500 },
    );
  });

  test('once it ends one policy is left, of the workload as it is', () => {
    const others = fc.constantFrom(...['weather', 'other'].map((app) => ({ matchLabels: { app } })));
    fc.assert(
      fc.property(fc.array(fate, { minLength: 1, maxLength: 5 }), others, (fates, selector) => {
        const last = lived(fates).at(-1);
        const released = settle(tell({ workload: { selector } }, last));
        expect(released.ownPolicies.map(({ spec }) => spec.podSelector)).toEqual([selector]);
      }),
      { numRuns: 200 },
    );
  });

  test('the card that yields to another hands over everything that chooses its pods', () => {
    const [last] = lived([
      { workload: {}, pods: {} },
      { workload: { selector: { matchLabels: { app: 'other' } } }, pods: {} },
    ]).slice(-1);
    const winner = build.card({
      metadata: { ...build.card().metadata, name: 'a', uid: 'winner', creationTimestamp: '2020-01-01T00:00:00Z' },
    });
    const { plan } = tell({ ...quarantined, siblings: [winner] }, last);
    const operations = plan.policy.operations.map(({ kind, policy }) => [kind, policy.metadata.ownerReferences]);
    expect(operations).toEqual([1, 2].map(() => ['hand-over', [ownerOf(winner.metadata)]]));
  });
});
