import { expect, test, vi } from 'vitest';
import { ApiError, type KubeClient } from '../../../../../src/kube/client/client.ts';
import type { OwnerReference, ReplicaSet } from '../../../../../src/kube/objects.ts';
import { podReader } from '../../../../../src/operator/inquiry/dial/pod-reader.ts';
import { ReplicaSets } from '../../../../../src/operator/watch/replica-sets.ts';
import { pod } from '../../kit/builders.ts';

const owner = (kind: string, name: string): OwnerReference[] => [
  { apiVersion: 'apps/v1', kind, name, uid: `${name}-uid`, controller: true },
];
const set: ReplicaSet = {
  metadata: {
    name: 'weather-1',
    namespace: 'team',
    uid: 'weather-1-uid',
    ownerReferences: owner('Deployment', 'weather'),
  },
};

/** An API server whose own copy of the ReplicaSet may be missing or of another time. */
function cluster(copy: ReplicaSet | undefined) {
  const reads: string[] = [];
  const bare = pod('weather-0');
  const there = { ...bare, metadata: { ...bare.metadata, ownerReferences: owner('ReplicaSet', 'weather-1') } };
  const client = {
    get: async (_: unknown, key: string) => {
      reads.push(`read ${key}`);
      return key === 'team/weather-1' ? set : there;
    },
    json: async () => {
      reads.push('copy');
      if (copy === undefined) throw new ApiError(404, 'NotFound', 'no');
      return copy;
    },
  } as unknown as KubeClient;
  const reader = podReader(
    client,
    () => undefined,
    new ReplicaSets(client),
    () => 0,
  );
  return {
    reads,
    facts: (workloadUid = 'weather-uid') =>
      reader.facts({
        namespace: 'team',
        name: 'weather-0',
        uid: there.metadata.uid ?? '',
        workloadUid,
        selector: {},
        address: '198.19.0.1',
      }),
  };
}

test("a ReplicaSet is read once, from the API server's own copy", async () => {
  const { reads, facts } = cluster(set);
  expect((await facts())?.owner).toEqual(expect.objectContaining({ kind: 'Deployment', uid: 'weather-uid' }));
  await facts();
  expect(reads).toEqual(['read team/weather-0', 'copy', 'read team/weather-0']);
});

test.each([
  ['missing', undefined],
  ['of an older ReplicaSet of that name', { metadata: { ...set.metadata, uid: 'another' } }],
  ['of a time before it was adopted', { metadata: { ...set.metadata, ownerReferences: [] } }],
])('a copy that is %s is not believed', async (_, copy) => {
  const { reads, facts } = cluster(copy);
  expect((await facts())?.owner.uid).toBe('weather-uid');
  expect(reads).toEqual(['read team/weather-0', 'copy', 'read team/weather-1']);
});

test('a ReplicaSet that does not lead to the workload is read again, since it may have been adopted', async () => {
  const { reads, facts } = cluster(set);
  await facts();
  reads.length = 0;
  expect((await facts('weather-again-uid'))?.owner.uid).toBe('weather-uid');
  expect(reads).toEqual(['read team/weather-0', 'copy', 'read team/weather-1']);
});

/** A namespace whose slices name pods that are not there. */
function bogus() {
  const clock = { now: 0 };
  let reads = 0;
  const client = {
    get: async () => {
      reads += 1;
      return undefined;
    },
  } as unknown as KubeClient;
  const reader = podReader(
    client,
    () => undefined,
    new ReplicaSets(client),
    () => clock.now,
  );
  const read = async (namespace: string, count: number) => {
    const before = reads;
    for (let i = 0; i < count; i++) {
      await reader.facts({
        namespace,
        name: `p-${i}`,
        uid: `u-${i}`,
        workloadUid: 'w',
        selector: {},
        address: '198.19.0.1',
      });
    }
    return reads - before;
  };
  return { clock, read };
}

test('however many pods a namespace names that are not there, its reads are bounded, and cost no other namespace any', async () => {
  const { clock, read } = bogus();
  expect(await read('tenant', 10_000)).toBe(500);
  expect(await read('honest', 100)).toBe(100);
  clock.now += 30_000;
  expect(await read('tenant', 10_000)).toBe(60);
});

test('a pod of something else, or at another address, costs its namespace the same', async () => {
  const { reads, facts } = cluster(set);
  for (let i = 0; i < 600; i++) await facts('another-workload');
  expect(reads.filter((read) => read === 'read team/weather-0')).toHaveLength(500);
});

test('reads of pods that are what they should be are never bounded', async () => {
  const { reads, facts } = cluster(set);
  for (let i = 0; i < 600; i++) await facts();
  expect(reads.filter((read) => read === 'read team/weather-0')).toHaveLength(600);
});

test('what is not read because the reads are spent leaves turns to timers and sockets', async () => {
  const { read } = bogus();
  await read('tenant', 500);
  const turn = vi.fn();
  setImmediate(turn);
  expect(await read('tenant', 2)).toBe(0);
  expect(turn).toHaveBeenCalled();
});
