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
  return { namespace: 'team', name, uid: `${name}-uid`, address: '198.19.0.1', ...whose, ...over };
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
  /** One after the other; nothing is known of the pods of any of `all`. */
  const read = async (some: readonly PodPlace[], all = some) => {
    const facts = [];
    for (const each of some) facts.push(await ahead.facts(each, () => all.map(workloadOf)));
    return facts;
  };
  return { ahead, read, lists, listPage, pods, clock };
}

const workloadOf = ({ workloadUid: uid, selector }: PodPlace) => ({ uid, selector });
const names = (count: number) => Array.from({ length: count }, (_, index) => `agent-${index}`);
const places = (count: number) => names(count).map((name) => place(name));
const uids = (facts: readonly ({ readonly uid: string } | undefined)[]) => facts.map((each) => each?.uid);

test('at the first question to a namespace, the pods of fifty workloads of which nothing is known are read by two lists', async () => {
  const { read, lists } = cluster(names(60));
  const facts = await read(places(60));
  expect(uids(facts)).toEqual(places(60).map(({ uid }) => uid));
  expect(facts.map((each) => each?.owner.uid)).toEqual(places(60).map(({ workloadUid }) => workloadUid));
  expect(lists).toEqual(['pods', 'replicasets', 'pods', 'replicasets']);
});

test('who comes while the list is under way that brings its pod waits for that one', async () => {
  const { ahead, lists } = cluster(names(10));
  const facts = await Promise.all(places(10).map((each) => ahead.facts(each, () => places(10).map(workloadOf))));
  expect(uids(facts)).toEqual(places(10).map(({ uid }) => uid));
  expect(lists).toEqual(['pods', 'replicasets']);
});

test('nobody waits for the list of another namespace', async () => {
  const { ahead, listPage } = cluster(names(4));
  listPage.mockReturnValueOnce(Promise.withResolvers<never>().promise);
  const ask = (namespace: string) => {
    const own = (name: string) => (namespace === 'team' ? {} : { namespace, workloadUid: `${namespace}-${name}` });
    const all = names(4).map((name) => place(name, own(name)));
    return ahead.facts(all[0] ?? place('none'), () => all.map(workloadOf));
  };
  void ask('slow');
  expect((await ask('team'))?.uid).toBe('agent-0-uid');
});

test('the lists choose by the labels of the workloads, and take one page of a few megabytes', async () => {
  const { read, listPage } = cluster(names(4));
  await read(places(4));
  const options = listPage.mock.calls.map(([, chosen]) => chosen);
  const bounds = { maxBytes: 2 << 20, timeoutMs: 5_000 };
  expect(options).toEqual([
    { namespace: 'team', limit: 200, ...bounds, labelSelector: 'app in (agent-0,agent-1,agent-2,agent-3)' },
    {
      namespace: 'team',
      metadataOnly: true,
      ...bounds,
      labelSelector: 'pod-template-hash in (hash-agent-0,hash-agent-1,hash-agent-2,hash-agent-3)',
    },
  ]);
});

test('a few pods are left to reads of their own, and so are many of one workload', async () => {
  const { read, lists } = cluster(names(10));
  expect(await read(places(3))).toEqual([undefined, undefined, undefined]);
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
  const all = [place('agent-0', over), ...places(5).slice(1)];
  expect(uids(await read(all))).toEqual([undefined, ...all.slice(1).map(({ uid }) => uid)]);
});

test('what was read serves once and within a minute, in which no workload is listed again', async () => {
  const { read, lists, clock } = cluster(names(5));
  const [a = place('a'), b = place('b'), ...rest] = places(5);
  await read([a], places(5));
  expect(await read([a], places(5))).toEqual([undefined]);
  clock.now = 59_999;
  expect(uids(await read([b], places(5)))).toEqual([b.uid]);
  expect(lists).toEqual(['pods', 'replicasets']);
  clock.now = 60_000;
  expect(uids(await read(rest, places(5)))).toEqual(rest.map(({ uid }) => uid));
  // The ReplicaSets are known by then.
  expect(lists).toEqual(['pods', 'replicasets', 'pods']);
});

test('a list that is refused leaves each pod to a read of its own, and is not tried again at once', async () => {
  const { read, listPage } = cluster(names(5));
  listPage.mockRejectedValue(new ApiError(403, 'Forbidden', 'no'));
  expect(uids(await read(places(5)))).toEqual(names(5).map(() => undefined));
  expect(listPage).toHaveBeenCalledTimes(1);
});

test('workloads that select by other labels, or by none, are no part of a list', async () => {
  const { read, listPage } = cluster(names(6));
  const other = place('agent-4', { selector: { matchLabels: { name: 'agent-4' } } });
  const bare = place('agent-5', { selector: { matchExpressions: [{ key: 'app', operator: 'Exists' }] } });
  const empty = place('agent-5', { workloadUid: 'empty', selector: { matchLabels: { app: '' } } });
  const all = [...places(4), other, bare, empty];
  expect(uids(await read([bare, empty, other, ...places(4)], all))).toEqual([
    undefined,
    undefined,
    undefined,
    ...places(4).map(({ uid }) => uid),
  ]);
  expect(listPage.mock.calls[0]?.[1].labelSelector).toBe('app in (agent-0,agent-1,agent-2,agent-3)');
});
