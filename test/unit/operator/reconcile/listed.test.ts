import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KubeClient } from '../../../../src/kube/client/client.ts';
import { keyOf } from '../../../../src/kube/objects.ts';
import { managedByLabel } from '../../../../src/operator/api/labels.ts';
import { connectDiscovery, discover } from '../../../../src/operator/discover/discover.ts';
import { noEvidence } from '../../../../src/operator/inquiry/evidence.ts';
import { observe } from '../../../../src/operator/reconcile/observe.ts';
import type { CachedCard } from '../../../../src/operator/watch/cached.ts';
import {
  emptyList,
  type QuarantineEntry,
  type QuarantineList,
} from '../../../../src/operator/watch/quarantine-entries.ts';
import { followListed } from '../../../../src/operator/watch/quarantine-list.ts';
import { workloadKey } from '../../../../src/operator/workload/workload.ts';
import * as build from '../kit/builders.ts';
import { decide, settle, type Told } from '../kit/tell.ts';
import { cardOf, changed, deployment, stores } from '../watch/stores.ts';

/** What an editor of cards does without any special verb. */
type Move =
  | { readonly does: 'write' | 'delete' | 'let it go' | 'turn elsewhere' | 'call it created'; readonly name: string }
  | { readonly does: 'delete all' | 'opt out' | 'nothing'; readonly name?: undefined };

const autoName = 'weather-deployment-card';
const named = fc.record({
  does: fc.constantFrom('write' as const, 'delete', 'let it go', 'turn elsewhere', 'call it created'),
  name: fc.constantFrom('first', 'a', 'z', autoName),
});
const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 4, arbitrary: named },
  { weight: 1, arbitrary: fc.record({ does: fc.constantFrom('delete all' as const, 'opt out', 'nothing') }) },
);

const listed: readonly QuarantineEntry[] = [
  { card: 'team/first', reason: 'r' },
  { card: `team/${autoName}`, reason: 'r' },
  { cardId: build.cardId, reason: 'r' },
  { spiffeId: build.expectedId, reason: 'r' },
];

let count = 0;

function serial(): number {
  count += 1;
  return count;
}

/** A workload with one card, which showed something before and which the list names. */
function world(entry: QuarantineEntry) {
  const { caches, cards, deployments } = stores();
  let list: QuarantineList = { entries: [entry], isPartial: false };
  const quarantineList = () => list;
  const listedBefore = followListed(caches, quarantineList);
  const target = workloadKey('team', build.workload);
  const agent = (autoCard: boolean) => deployment('weather', { ...build.workload, autoCard });
  const bequests = new Map();
  const put = (card: CachedCard) => cards.put(changed(card));
  const client = {
    create: async (_: unknown, card: CachedCard) =>
      put({ ...card, metadata: { ...card.metadata, uid: `made-${serial()}` } }),
    delete: async (_: unknown, key: string) => remove(cards.get(key)),
  } as unknown as KubeClient;
  const remove = (card: CachedCard | undefined) => card && cards.delete(card);
  connectDiscovery(caches, bequests, () => {});
  const write = (name: string) => {
    if (cards.get(`team/${name}`) !== undefined) return;
    const { metadata, spec } = cardOf('weather');
    put({ metadata: { ...metadata, name, uid: `${name}-${serial()}` }, spec });
  };
  deployments.put(changed(agent(true)));
  write('first');
  const first = cards.get('team/first') as CachedCard;
  put({ ...first, status: { cardId: build.cardId, attestedAgentSpiffeId: build.expectedId } });

  const moves: Record<Move['does'], (card: CachedCard | undefined, name: string) => void> = {
    write: (_, name) => write(name),
    delete: remove,
    'let it go': (card) =>
      card && put({ ...card, metadata: { ...card.metadata, deletionTimestamp: '2026-03-01T12:00:00Z' } }),
    'turn elsewhere': (card) =>
      card &&
      put({ ...card, spec: { ...card.spec, targetRef: { ...build.card().spec.targetRef, name: 'other' } as never } }),
    'call it created': (card) =>
      card && put({ ...card, metadata: { ...card.metadata, labels: { [managedByLabel]: 'agentcard-operator' } } }),
    'delete all': () => {
      for (const card of [...cards.values()]) remove(card);
    },
    'opt out': () => deployments.put(changed(agent(false))),
    nothing: () => {},
  };
  const sources = { caches, config: { podNamespace: 'agents', dnsService: [] }, evidence: noEvidence };
  const known = { fleetHeldUntil: undefined, openedAt: undefined, network: { state: 'proven', says: '' } } as const;
  const look = (): Told[] => {
    const snapshots = cards.byIndex('target', target).flatMap((card) => {
      return observe(keyOf(card), { ...sources, ...known, quarantineList: list, listedBefore }) ?? [];
    });
    return snapshots.map((snapshot) => decide(snapshot, build.settings, build.now));
  };
  /** The card that stands for the workload, once everything that follows has been done. */
  const stands = async (): Promise<Told | undefined> => {
    await discover(target, { client, caches, bequests, quarantineList, listedBefore });
    for (const told of look()) put(settle(told).card);
    await discover(target, { client, caches, bequests, quarantineList, listedBefore });
    return look().find(({ snapshot }) => snapshot.winner === undefined);
  };
  return {
    stands,
    move: ({ does, name = '' }: Move) => moves[does](cards.get(`team/${name}`), name),
    unlist: () => {
      list = emptyList;
    },
    names: () => look().map(({ snapshot }) => snapshot.card.metadata.name),
  };
}

test('nothing that an editor does to cards lifts what the list orders, until its entry goes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...listed),
      fc.array(move, { minLength: 1, maxLength: 8 }),
      async (entry, moves) => {
        const { stands, move: go, unlist } = world(entry);
        expect((await stands())?.says('Ready')).toBe('False Quarantined');
        for (const each of moves) {
          go(each);
          const told = await stands();
          if (told === undefined) continue;
          expect(told.verdict.quarantine).toMatchObject({ by: 'list', reason: 'r' });
          expect(told.marks).toEqual([]);
        }
        unlist();
        expect((await stands())?.verdict.quarantine).toBeUndefined();
      },
    ),
    { numRuns: 300 },
  );
});

test('a created card that the list names stays beside a hand-written one, and goes when its entry does', async () => {
  const { stands, move: go, unlist, names } = world({ card: `team/${autoName}`, reason: 'r' });
  go({ does: 'delete all' });
  await stands();
  go({ does: 'write', name: 'a' });
  await stands();
  expect(names().sort()).toEqual(['a', autoName]);
  unlist();
  await stands();
  await stands();
  expect(names()).toEqual(['a']);
});
