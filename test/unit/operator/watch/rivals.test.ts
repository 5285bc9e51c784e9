import { describe, expect, test } from 'vitest';
import { managedByLabel, managedByValue } from '../../../../src/operator/api/labels.ts';
import { noEvidence } from '../../../../src/operator/inquiry/evidence.ts';
import { unproven } from '../../../../src/operator/network/proof.ts';
import { observe } from '../../../../src/operator/reconcile/observe.ts';
import type { CachedCard } from '../../../../src/operator/watch/cached.ts';
import { OwnWrites } from '../../../../src/operator/watch/own-writes.ts';
import { emptyList } from '../../../../src/operator/watch/quarantine-entries.ts';
import { rivals, standing } from '../../../../src/operator/watch/rivals.ts';
import { connect } from '../../../../src/operator/watch/triggers/triggers.ts';
import { cardOf, changed, deployment, labelledPod, policyOf, serviceOf, sliceOf, stores } from './stores.ts';

const many = 3_000;
const target = 'team/apps/Deployment/weather';

/** One workload with many cards, of which card-0 is the oldest; what is woken, and how often an age is read. */
function crowd() {
  const fed = stores();
  const counted = { reads: 0 };
  const of = (index: number, over: object = {}): CachedCard => {
    const base = changed(cardOf(`card-${index}`, { target: 'weather', ...over }));
    const metadata = {
      ...base.metadata,
      get creationTimestamp() {
        counted.reads += 1;
        return new Date(Date.UTC(2026, 0, 1, 0, 0, index)).toISOString();
      },
    };
    return { ...base, metadata };
  };
  fed.deployments.put(deployment('weather'));
  for (let index = 0; index < many; index++) fed.cards.put(of(index), { initial: true });
  const woken: string[] = [];
  const sinks = { wake: (key: string) => woken.push(key), addStray: () => {}, ownWrites: new OwnWrites() };
  connect(fed.caches, [], sinks);
  const reset = () => {
    woken.length = 0;
    counted.reads = 0;
  };
  reset();
  return { ...fed, of, woken, counted, reset };
}

type Crowd = ReturnType<typeof crowd>;

const created = (card: CachedCard): CachedCard => {
  return changed({ ...card, metadata: { ...card.metadata, labels: { [managedByLabel]: managedByValue } } });
};
const first = 'team/card-0';
const second = 'team/card-1';

test.each<[string, (now: Crowd) => void, readonly string[]]>([
  ['a card that comes', ({ cards, of }) => cards.put(of(many)), [first, `team/card-${many}`]],
  ['a card that people change', ({ cards, of }) => cards.put(of(7, { generation: 2 })), [first, 'team/card-7']],
  ['a card that goes', ({ cards, of }) => cards.delete(of(7)), [first, 'team/card-7']],
  ['the winner that people change', ({ cards, of }) => cards.put(of(0, { generation: 2 })), [first, second]],
  ['the winner that goes', ({ cards, of }) => cards.delete(of(0)), [first, second]],
  ['the winner that becomes a created one', ({ cards, of }) => cards.put(created(of(0))), [first, second]],
  ['the workload', ({ deployments }) => deployments.put(deployment('weather')), [first]],
  ['its Service', ({ services }) => services.put(serviceOf('weather', { app: 'weather' })), [first]],
  ['its EndpointSlice', ({ slices }) => slices.put(sliceOf('weather')), [first]],
  ['a labelled pod', ({ labelledPods }) => labelledPods.put(labelledPod('a', { app: 'weather' })), [first]],
  ['a foreign policy', ({ policies }) => policies.put(policyOf('p', { app: 'weather' })), [first]],
  ['the policy of a loser', ({ policies, of }) => policies.put(policyOf('p', {}, of(7))), [first, 'team/card-7']],
])('of many cards on one workload %s wakes the one that stands for it, and who changed', (_, change, expected) => {
  const now = crowd();
  change(now);
  expect([...new Set(now.woken)].sort()).toEqual([...expected].sort());
  expect(now.woken.length).toBeLessThanOrEqual(4);
});

test('one edit, and then a look at every card, reads each card’s age a few times, however many there are', () => {
  const { caches, cards, of, counted, reset } = crowd();
  const config = { podNamespace: 'agents', dnsService: [] };
  const heard = {
    evidence: noEvidence,
    fleetHeldUntil: undefined,
    openedAt: undefined,
    quarantineList: emptyList,
    network: unproven,
  };
  const sources = { caches, config, ...heard, listedBefore: () => [] };
  const look = () =>
    standing(cards, target).map((card) => observe(`team/${card.metadata.name}`, sources)?.siblings.length);
  look();
  reset();
  cards.put(of(7, { generation: 2 }));
  expect(
    look()
      .toSorted((a = 0, b = 0) => b - a)
      .slice(0, 3),
  ).toEqual([many - 1, 1, 1]);
  expect(counted.reads).toBeLessThanOrEqual(6 * many);
});

describe('who stands for a workload', () => {
  test('follows every change of its cards', () => {
    const { caches, cards, of } = crowd();
    const winner = () => rivals(caches.cards)(target).winner?.metadata.name;
    expect(winner()).toBe('card-0');
    cards.put(created(of(0)));
    expect(winner()).toBe('card-1');
    cards.put(changed(of(1), { deletionTimestamp: 'now' }));
    expect(winner()).toBe('card-2');
    cards.put(of(2, { target: 'elsewhere', generation: 2 }));
    expect(winner()).toBe('card-3');
    cards.delete(of(3));
    expect(winner()).toBe('card-4');
  });
});
