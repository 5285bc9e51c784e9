import { describe, expect, test } from 'vitest';
import { ApiError, type KubeClient } from '../../../../src/kube/client/client.ts';
import { keyOf, type Namespace, type NetworkPolicy, resources } from '../../../../src/kube/objects.ts';
import { Store } from '../../../../src/kube/watch/store.ts';
import { cardChange as change, connectDiscovery, discover } from '../../../../src/operator/discover/discover.ts';
import type { CachedCard, CachedWorkload } from '../../../../src/operator/watch/cached.ts';
import type { Caches } from '../../../../src/operator/watch/caches.ts';
import { indexes } from '../../../../src/operator/watch/indexes.ts';
import { emptyList } from '../../../../src/operator/watch/quarantine-entries.ts';
import { workloadKey } from '../../../../src/operator/workload/workload.ts';
import { card, workload } from '../kit/builders.ts';
import { stores } from '../watch/stores.ts';

type Inputs = Parameters<typeof change>;
const noTies: Inputs[2] = { hasPolicy: () => false, isListed: () => false, wasListed: false, bequest: undefined };
const cardChange = (agent: Inputs[0], cards: Inputs[1], ties: Partial<Inputs[2]> = {}) =>
  change(agent, cards, { ...noTies, ...ties });
const unlisted = { quarantineList: () => emptyList, listedBefore: () => [] };

const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'weather', uid: 'deployment-uid', controller: true };
const auto = card({
  metadata: {
    name: 'weather-deployment-card',
    namespace: 'team',
    uid: 'a',
    labels: { 'app.kubernetes.io/managed-by': 'agentcard-operator' },
    ownerReferences: [owner],
  },
});

test('a labelled workload without a card gets one that it owns', () => {
  const change = cardChange(workload, []);
  expect(change).toMatchObject({
    kind: 'create',
    card: {
      metadata: { name: 'weather-deployment-card', ownerReferences: [{ ...owner, blockOwnerDeletion: false }] },
      spec: { targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'weather' } },
    },
  });
});

test('a hand-written card takes the place of ours', () => {
  expect(cardChange(workload, [card()])).toBeUndefined();
  expect(cardChange(workload, [card(), auto])).toMatchObject({ kind: 'delete', card: { metadata: { uid: 'a' } } });
});

test('a created card that still owns the NetworkPolicy stays until the hand-written one has it', () => {
  const hasPolicy = ({ metadata }: typeof auto) => metadata.uid === auto.metadata.uid;
  expect(cardChange(workload, [card(), auto], { hasPolicy })).toBeUndefined();
  expect(cardChange({ ...workload, autoCard: false }, [auto], { hasPolicy })).toMatchObject({ kind: 'delete' });
  expect(cardChange(undefined, [card(), auto], { hasPolicy })).toMatchObject({ kind: 'delete' });
});

test('a hand-written card that is being deleted gives the place back', () => {
  const going = card({
    metadata: { name: 'w', namespace: 'team', uid: 'w', deletionTimestamp: '2026-01-01T00:00:00Z' },
  });
  expect(cardChange(workload, [going])).toMatchObject({ kind: 'create' });
});

test.each([
  ['opted out', { autoCard: false }],
  ['lost its type label', { labels: { 'protocol.kagenti.io/a2a': '' } }],
  ['names no protocol', { labels: { 'kagenti.io/type': 'agent' } }],
])('a workload that %s keeps no card of ours and gets none', (_, over) => {
  expect(cardChange({ ...workload, ...over }, [])).toBeUndefined();
  expect(cardChange({ ...workload, ...over }, [auto])).toMatchObject({ kind: 'delete' });
});

test('a created card in quarantine stays, whatever becomes of its workload’s labels', () => {
  const quarantined = { ...auto, spec: { ...auto.spec, quarantine: { reason: 'incident' } } };
  expect(cardChange({ ...workload, labels: {} }, [quarantined])).toBeUndefined();
  expect(cardChange(workload, [card(), quarantined])).toBeUndefined();
});

test.each([
  ['is approved', { approvedCardId: 'a'.repeat(64) }, undefined],
  ['must be strict', { identityBinding: { strict: true } }, undefined],
  ['names who may serve it', { identityBinding: { allowedSpiffeIDs: ['spiffe://example.org/a'] } }, undefined],
  ['names its trust domain', { identityBinding: { trustDomain: 'example.org' } }, undefined],
  ['need not be strict', { identityBinding: { strict: false } }, { kind: 'delete' }],
])('a created card that %s stays beside a hand-written one only where going would loosen', (_, spec, change) => {
  const demanding = { ...auto, spec: { ...auto.spec, ...spec } };
  for (const found of [cardChange(workload, [card(), demanding]), cardChange(undefined, [demanding])]) {
    if (change === undefined) expect(found).toBeUndefined();
    else expect(found).toMatchObject(change);
  }
});

test('our card of a workload whose kind cannot be read stays, and is looked at again when it can', async () => {
  const { caches, cards, sandboxes } = stores();
  const targetRef = { apiVersion: 'agents.x-k8s.io/v1alpha1', kind: 'Sandbox', name: 'weather' };
  cards.put({ ...auto, spec: { ...auto.spec, targetRef } });
  const deleted: string[] = [];
  const client = { delete: async (_: unknown, name: string) => deleted.push(name) } as unknown as KubeClient;
  const added: string[] = [];
  connectDiscovery(caches, new Map(), (each) => added.push(each));
  const key = workloadKey('team', targetRef);
  sandboxes.unread = 'the cluster serves it in v2 alone';
  await discover(key, { client, caches, bequests: new Map(), ...unlisted });
  expect(deleted).toEqual([]);
  added.length = 0;
  sandboxes.unread = undefined;
  sandboxes.tellUnread();
  expect(added).toEqual([key]);
  await discover(key, { client, caches, bequests: new Map(), ...unlisted });
  expect(deleted).toEqual([keyOf(auto)]);
});

describe('a quarantine whose card is gone', () => {
  const quarantine = { reason: 'incident 7' };
  const cutOff = (base: CachedCard): CachedCard => ({ ...base, spec: { ...base.spec, quarantine } });
  const missing = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'nope', uid: 'nope-uid' }];
  const ownedBy = (base: CachedCard, ownerReferences: typeof missing) => ({
    ...base,
    metadata: { ...base.metadata, ownerReferences },
  });
  const key = workloadKey('team', workload);
  const deployment = (over: Partial<CachedWorkload['metadata']> = {}): CachedWorkload => {
    const uid = over.uid ?? workload.uid;
    return { metadata: { name: 'weather', namespace: 'team', uid, ...over }, workload: { ...workload, uid } };
  };

  /** The caches of a team's namespace, and what discover creates and deletes there. */
  function world(over: Partial<CachedWorkload['metadata']> = {}) {
    const report = (error: unknown) => {
      throw error;
    };
    const cards = new Store<CachedCard>(indexes.cards, report);
    const deployments = Object.assign(new Store<CachedWorkload>({}, report), { resource: resources.deployments });
    const namespaces = new Store<Namespace>({}, report);
    const policies = new Store<NetworkPolicy>(indexes.policies, report);
    const workloads = new Map([['apps/Deployment', deployments]]);
    const caches = { cards, policies, namespaces, workloads } as unknown as Caches;
    const orders: [string, unknown][] = [];
    const client = {
      create: async (_: unknown, made: CachedCard) => {
        if (cards.get(keyOf(made)) !== undefined) throw new ApiError(409, 'AlreadyExists', 'it is there');
        orders.push([`create ${made.metadata.name}`, made.spec.quarantine]);
        cards.put({ ...made, metadata: { ...made.metadata, uid: 'made' } });
      },
    } as unknown as KubeClient;
    const bequests = new Map();
    connectDiscovery(caches, bequests, () => {});
    namespaces.put({ metadata: { name: 'team', uid: 'team' } });
    deployments.put(deployment(over));
    return {
      cards,
      deployments,
      namespaces,
      orders,
      settle: () => discover(key, { client, caches, bequests, ...unlisted }),
    };
  }

  test.each([
    ['a created card', cutOff(ownedBy(auto, missing))],
    ['a hand-written card', cutOff(ownedBy(card(), missing))],
  ])('holds for the workload when %s was collected: the next one orders it again', async (_, collected) => {
    const { cards, orders, settle } = world();
    cards.put(collected);
    await settle();
    cards.delete(collected);
    await settle();
    await settle();
    expect(orders).toEqual([['create weather-deployment-card', quarantine]]);
  });

  test('holds when the workload is deleted and made again', async () => {
    const { cards, deployments, orders, settle } = world();
    cards.put(cutOff(auto));
    deployments.delete(deployment());
    cards.delete(auto);
    await settle();
    expect(orders).toEqual([]);
    deployments.put(deployment({ uid: 'second' }));
    await settle();
    expect(orders).toEqual([['create weather-deployment-card', quarantine]]);
  });

  test('holds beside a hand-written card, which then lifts nothing, and for a workload that opts out', async () => {
    expect(cardChange(workload, [card()], { bequest: quarantine })).toMatchObject({ card: { spec: { quarantine } } });
    const optedOut = { ...workload, autoCard: false };
    expect(cardChange(optedOut, [], { bequest: quarantine })).toMatchObject({ card: { spec: { quarantine } } });
  });

  test.each([
    ['a created card whose owner stands', cutOff(auto)],
    ['a card without an owner', cutOff(card())],
  ])('ends when somebody deleted %s', async (_, deleted) => {
    const { cards, orders, settle } = world();
    cards.put(deleted);
    cards.delete(deleted);
    await settle();
    expect(orders).toEqual([['create weather-deployment-card', undefined]]);
  });

  test('holds when the owner is on its way out', async () => {
    const { cards, orders, settle } = world({ deletionTimestamp: '2026-03-01T12:00:00Z' });
    cards.put(cutOff(auto));
    cards.delete(auto);
    await settle();
    expect(orders).toEqual([['create weather-deployment-card', quarantine]]);
  });

  test('ends with its namespace', async () => {
    const { cards, namespaces, orders, settle } = world();
    const going = { name: 'team', uid: 'team', resourceVersion: '2', deletionTimestamp: '2026-03-01T12:00:00Z' };
    cards.put(cutOff(ownedBy(auto, missing)));
    namespaces.put({ metadata: going });
    cards.delete(auto);
    await settle();
    expect(orders).toEqual([['create weather-deployment-card', undefined]]);
  });
});

test('a card that merely looks like ours but has no owner is people’s to delete', () => {
  const orphan = card({ metadata: { ...auto.metadata, ownerReferences: [] } });
  expect(cardChange({ ...workload, autoCard: false }, [orphan])).toBeUndefined();
});
