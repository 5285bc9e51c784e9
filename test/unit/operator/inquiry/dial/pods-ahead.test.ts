import { expect, test, vi } from 'vitest';
import { ApiError, type KubeClient } from '../../../../../src/kube/client/client.ts';
import type { KubeObject, OwnerReference, Pod } from '../../../../../src/kube/objects.ts';
import type { PodPlace } from '../../../../../src/operator/inquiry/dial/pod-place.ts';
import { PodsAhead } from '../../../../../src/operator/inquiry/dial/pods-ahead.ts';
import { ReplicaSets } from '../../../../../src/operator/watch/replica-sets.ts';

const owner = (kind: string, uid: string): OwnerReference[] => [
  { apiVersion: 'apps/v1', kind, name: uid, uid, controller: true },
];

function place(name: string, over: Partial<PodPlace> = {}): PodPlace {
  const selector = { matchLabels: { app: name } };
  const whose = { workloadUid: `${name}-deployment`, selector };
  return { namespace: 'team', name, uid: `${name}-uid`, version: 'v', address: '198.19.0.1', ...whose, ...over };
}

function podOf(name: string, labels = { app: name, 'pod-template-hash': `hash-${name}` }): Pod {
  const metadata = {
    name,
    namespace: 'team',
    uid: `${name}-uid`,
    labels,
    ownerReferences: owner('ReplicaSet', `${name}-set`),
  };
  return { metadata, status: { podIP: '198.19.0.1' } };
}

function setOf(name: string, deployment = `${name}-deployment`): KubeObject {
  const labels = { app: name, 'pod-template-hash': `hash-${name}` };
  return {
    metadata: { name: `${name}-set`, uid: `${name}-set`, labels, ownerReferences: owner('Deployment', deployment) },
  };
}

/** Selectors of sets alone. */
function isChosen({ metadata: { labels = {} } }: KubeObject, selector = ''): boolean {
  const terms = [...selector.matchAll(/([^ ,]+) in \(([^)]*)\)/g)];
  return terms.length > 0 && terms.every(([, key = '', values = '']) => values.split(',').includes(labels[key] ?? ''));
}

function cluster(names: readonly string[], { sets = names.map((name) => setOf(name)) } = {}) {
  const clock = { now: 0 };
  const lists: string[] = [];
  const pods = names.map((name) => podOf(name));
  const listPage = vi.fn(async ({ plural }: { plural: string }, { labelSelector }: { labelSelector: string }) => {
    lists.push(plural);
    const all: readonly KubeObject[] = plural === 'pods' ? pods : sets;
    return { items: all.filter((each) => isChosen(each, labelSelector)), resourceVersion: '1' };
  });
  const client = { listPage } as unknown as KubeClient;
  const ahead = new PodsAhead(client, new ReplicaSets(client), () => clock.now);
  /** In one go, as many as places are free; the others are next. */
  const read = (some: readonly PodPlace[], next: readonly PodPlace[] = []) =>
    Promise.all(some.map((each) => ahead.facts(each, () => next)));
  return { read, lists, listPage, clock };
}

const names = (count: number) => Array.from({ length: count }, (_, index) => `agent-${index}`);
const uids = (facts: readonly ({ readonly uid: string } | undefined)[]) => facts.map((each) => each?.uid);

test('the pods that are asked in one go, and those that are next, are read by two lists', async () => {
  const places = names(40).map((name) => place(name));
  const { read, lists } = cluster(names(40));
  const first = await read(places.slice(0, 10), places.slice(10));
  for (const each of places.slice(10)) first.push(...(await read([each])));
  expect(uids(first)).toEqual(places.map(({ uid }) => uid));
  expect(first.map((facts) => facts?.owner.uid)).toEqual(places.map(({ workloadUid }) => workloadUid));
  expect(lists).toEqual(['pods', 'replicasets']);
});

test('who comes while a list is under way that brings its pod takes what that brings', async () => {
  const places = names(10).map((name) => place(name));
  const { read, listPage, lists } = cluster(names(10));
  const [list] = [listPage.getMockImplementation()];
  const late = Promise.withResolvers<void>();
  listPage.mockImplementationOnce(async (...asked) => {
    await late.promise;
    return list?.(...asked) ?? { items: [], resourceVersion: '' };
  });
  const first = read(places.slice(0, 5), places.slice(5));
  await expect.poll(() => listPage.mock.calls.length).toBe(1);
  const second = read(places.slice(5));
  late.resolve();
  expect(uids([...(await first), ...(await second)])).toEqual(places.map(({ uid }) => uid));
  expect(lists).toEqual(['pods', 'replicasets']);
});

test('the lists choose by the labels of the workloads, and take one page', async () => {
  const { read, listPage } = cluster(names(4));
  await read(names(4).map((name) => place(name)));
  const options = listPage.mock.calls.map(([, chosen]) => chosen);
  expect(options).toEqual([
    { namespace: 'team', limit: 200, labelSelector: 'app in (agent-0,agent-1,agent-2,agent-3)' },
    {
      namespace: 'team',
      metadataOnly: true,
      labelSelector: 'pod-template-hash in (hash-agent-0,hash-agent-1,hash-agent-2,hash-agent-3)',
    },
  ]);
});

test('a few pods are left to reads of their own, and so are many of one workload', async () => {
  const { read, lists } = cluster(names(10));
  expect(await read(names(3).map((name) => place(name)))).toEqual([undefined, undefined, undefined]);
  const replicas = names(10).map((name) => place(name, { workloadUid: 'one' }));
  expect(uids(await read(replicas))).toEqual(replicas.map(() => undefined));
  expect(lists).toEqual([]);
});

test.each([
  ['is not there', {}, { uid: 'another' }],
  ['has another address', {}, { address: '198.19.0.2' }],
  ['is of another workload', {}, { workloadUid: 'another' }],
  [
    'has a ReplicaSet of another one',
    { sets: names(5).map((name) => setOf(name, name === 'agent-0' ? 'x' : undefined)) },
    {},
  ],
  [
    'has a ReplicaSet that is not there',
    {
      sets: names(5)
        .slice(1)
        .map((name) => setOf(name)),
    },
    {},
  ],
] as const)('a pod that %s takes a look of its own, and no other', async (_, more, over) => {
  const { read } = cluster(names(5), more);
  const all = names(5).map((name) => place(name));
  const facts = await read([place('agent-0', over), ...all.slice(1)]);
  expect(uids(facts)).toEqual([undefined, ...all.slice(1).map(({ uid }) => uid)]);
});

test('what was read serves once, for a minute, and for the EndpointSlice entry for which it was read', async () => {
  const { read, clock } = cluster(names(8));
  const [a, b, c, ...rest] = names(8).map((name) => place(name)) as [PodPlace, PodPlace, PodPlace];
  await read(rest, [a, b, c]);
  expect(uids(await read([a]))).toEqual([a.uid]);
  expect(await read([a])).toEqual([undefined]);
  expect(await read([{ ...b, version: 'w' }])).toEqual([undefined]);
  clock.now = 60_000;
  expect(await read([c])).toEqual([undefined]);
});

test('a list that is refused leaves each pod to a read of its own', async () => {
  const { read, listPage } = cluster(names(5));
  listPage.mockRejectedValue(new ApiError(403, 'Forbidden', 'no'));
  expect(uids(await read(names(5).map((name) => place(name))))).toEqual(names(5).map(() => undefined));
});

test('workloads that select by other labels, or by none, are no part of a list', async () => {
  const { read, listPage } = cluster(names(6));
  const other = place('agent-4', { selector: { matchLabels: { name: 'agent-4' } } });
  const bare = place('agent-5', { selector: { matchExpressions: [{ key: 'app', operator: 'Exists' }] } });
  const empty = place('agent-5', { selector: { matchLabels: { app: '' } } });
  const facts = await read([...names(4).map((name) => place(name)), other, bare, empty]);
  expect(uids(facts)).toEqual([...names(4).map((name) => `${name}-uid`), undefined, undefined, undefined]);
  expect(listPage.mock.calls[0]?.[1].labelSelector).toBe('app in (agent-0,agent-1,agent-2,agent-3)');
});
