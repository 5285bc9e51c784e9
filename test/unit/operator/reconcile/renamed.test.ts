import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LabelSelector, NetworkPolicy } from '../../../../src/kube/objects.ts';
import { noEvidence } from '../../../../src/operator/inquiry/evidence.ts';
import { observe } from '../../../../src/operator/reconcile/observe.ts';
import type { CachedCard } from '../../../../src/operator/watch/cached.ts';
import { selects } from '../../../../src/operator/workload/selector.ts';
import * as build from '../kit/builders.ts';
import { decide, settle, type Told } from '../kit/tell.ts';
import { cardOf, changed, deployment, stores } from '../watch/stores.ts';

const app = (name: string): LabelSelector => ({ matchLabels: { app: name } });

/** Agents of one namespace that prove themselves, and what is done about them. */
function world(entries: readonly { card: string; reason: string }[] = []) {
  const { caches, cards, deployments, policies, services, slices } = stores();
  const sources = {
    caches,
    config: { podNamespace: 'agents', dnsService: [] },
    fleetHeldUntil: undefined,
    openedAt: undefined,
  };
  const known = {
    quarantineList: { entries, isPartial: false },
    listedBefore: () => [],
    network: { state: 'proven', says: '' },
  } as const;
  const answers = build.evidence(build.answered('weather-0'));
  /** One reconcile; what it wants of the cluster is done. */
  const reconcile = (name: string): Told => {
    const there = caches.workloads.get('apps/Deployment')?.get(`team/${name}`) !== undefined;
    const evidence = there ? answers : noEvidence;
    const snapshot = observe(`team/${name}`, { ...sources, ...known, evidence });
    if (snapshot === undefined) throw new Error(`no card ${name}`);
    const told = decide(snapshot, build.settings, build.now);
    const { ownPolicies, card } = settle(told);
    const names = new Set(ownPolicies.map(({ metadata }) => metadata.name));
    for (const own of snapshot.ownPolicies) if (!names.has(own.metadata.name)) policies.delete(own);
    for (const own of ownPolicies) policies.put(changed(own));
    cards.put(changed(card));
    return told;
  };
  const run = (name: string, selector: LabelSelector, templateLabels = selector.matchLabels ?? {}) => {
    deployments.put(
      changed(deployment(name, { ...build.workload, name, uid: `${name}-uid`, selector, templateLabels })),
    );
    services.put(changed({ ...build.service, metadata: { name, namespace: 'team' } }));
    const slice = build.slice(['weather-0']);
    const labels = { 'kubernetes.io/service-name': name };
    slices.put(changed({ ...slice, metadata: { ...slice.metadata, name: `${name}-1`, labels } }));
    if (cards.get(`team/${name}`) === undefined) cards.put(cardOf(name));
  };
  const spec = (name: string, quarantine: CachedCard['spec']['quarantine'] | undefined) => {
    const card = cards.get(`team/${name}`) as CachedCard;
    const { quarantine: _, ...rest } = card.spec;
    cards.put(changed({ ...card, spec: { ...rest, ...(quarantine === undefined ? {} : { quarantine }) } }));
  };
  const gone = (name: string) => {
    const found = deployments.get(`team/${name}`);
    if (found !== undefined) deployments.delete(found);
  };
  return { reconcile, run, spec, gone, policies, cards };
}

const isCutOff = ({ spec }: NetworkPolicy) =>
  spec.policyTypes?.includes('Egress') === true && (spec.egress ?? []).length === 0 && spec.ingress?.length === 1;

describe('a workload that was made again under another name', () => {
  test.each(['its card', 'the list'])('stays cut off where %s quarantined the first, and is told by which', (by) => {
    const { reconcile, run, spec, gone } = world(by === 'the list' ? [{ card: 'team/first', reason: 'incident' }] : []);
    run('first', app('weather'));
    if (by === 'its card') spec('first', { reason: 'incident' });
    reconcile('first');
    gone('first');
    run('second', app('weather'));
    const second = reconcile('second');
    expect(second.says('Verified')).toBe('False Quarantined');
    expect(second.condition('Ready')?.message).toContain(
      'Quarantined with AgentCard first, whose NetworkPolicy chooses its pods: incident.',
    );
    expect(second.marks).toEqual([]);
    expect(second.plan.policy.operations.map(({ policy }) => isCutOff(policy))).toEqual([true]);
    expect(reconcile('first').says('Enforced')).toBe('True PolicyApplied');
  });

  test('that had a policy before is cut off by that too; both are let go with the first', () => {
    const { reconcile, run, spec, policies } = world();
    run('first', app('weather'));
    run('second', { matchLabels: { app: 'weather', role: 'second' } });
    expect(reconcile('second').says('Enforced')).toBe('True PolicyApplied');
    spec('first', { reason: 'incident' });
    reconcile('first');
    reconcile('second');
    expect([...policies.values()].map(isCutOff)).toEqual([true, true]);
    expect(reconcile('first').verdict.quarantine?.by).toBe('card');
    spec('first', undefined);
    reconcile('first');
    expect(reconcile('second').says('Verified')).toBe('True mTLSVerified');
    expect([...policies.values()].some(isCutOff)).toBe(false);
  });

  test('another card’s way in to what the first left behind is no applied quarantine', () => {
    const { reconcile, run, spec, gone, policies, cards } = world();
    run('first', app('weather'));
    spec('first', { reason: 'incident' });
    reconcile('first');
    gone('first');
    run('other', app('other'));
    const open = reconcile('other').plan.policy.operations[0]?.policy as NetworkPolicy;
    const uid = cards.get('team/other')?.metadata.uid;
    expect(open.metadata.ownerReferences).toMatchObject([{ uid }]);
    policies.put(
      changed({
        ...open,
        metadata: { ...open.metadata, uid: 'o' },
        spec: { ...open.spec, podSelector: app('weather') },
      }),
    );
    expect(reconcile('first').says('Enforced')).toBe('False Weakened');
  });
});

const labels = fc.record(
  { app: fc.constantFrom('weather', 'other'), role: fc.constantFrom('x', 'y') },
  { requiredKeys: ['app'] },
);
const selectors = fc.record({ matchLabels: labels }) as fc.Arbitrary<LabelSelector>;
const names = ['a', 'b', 'c'] as const;
const move = fc.oneof(
  fc.record({ does: fc.constant('run' as const), name: fc.constantFrom(...names), selector: selectors, more: labels }),
  fc.record({ does: fc.constantFrom('gone' as const, 'quarantine'), name: fc.constantFrom(...names) }),
);

describe('whatever agents of a namespace are made and go while some are quarantined', () => {
  test('pods that a quarantine chooses are opened by no other card; who shares no pods with one is let be; all end with it', () => {
    fc.assert(
      fc.property(fc.array(move, { minLength: 2, maxLength: 8 }), (moves) => {
        const { reconcile, run, spec, gone, policies, cards } = world();
        const templates = new Map<string, Record<string, string>>();
        const there = () => names.filter((name) => cards.get(`team/${name}`) !== undefined);
        const settled = () => [1, 2, 3].map(() => there().map(reconcile)).at(-1) ?? [];
        for (const each of moves) {
          if (each.does === 'run') {
            const template = { ...(each.more as object), ...each.selector.matchLabels };
            templates.set(each.name, template);
            run(each.name, each.selector, template);
          } else if (each.does === 'gone') gone(each.name);
          else if (there().includes(each.name)) spec(each.name, { reason: 'r' });
          for (const { snapshot, verdict, marks } of settled()) {
            if (snapshot.workload === undefined) continue;
            const { card, workload } = snapshot;
            const cutting = [...policies.values()].filter(({ metadata, spec: { podSelector } }) => {
              const owner = cards.get(`team/${metadata.ownerReferences?.[0]?.name}`);
              return owner?.spec.quarantine !== undefined && selects(podSelector, workload.templateLabels);
            });
            expect(verdict.quarantine !== undefined).toBe(card.spec.quarantine !== undefined || cutting.length > 0);
            if (verdict.quarantine === undefined) continue;
            expect(marks.filter((mark) => mark.startsWith('on'))).toEqual([]);
            expect(snapshot.ownPolicies.every(isCutOff)).toBe(true);
          }
        }
        for (const name of there()) spec(name, undefined);
        expect(settled().filter(({ verdict }) => verdict.quarantine !== undefined)).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});
