import { expect, test } from 'vitest';
import { ApiError, type KubeClient } from '../../../../../src/kube/client/client.ts';
import type { OwnerReference, ReplicaSet } from '../../../../../src/kube/objects.ts';
import { podReader } from '../../../../../src/operator/inquiry/dial/pod-reader.ts';
import { pod } from '../../reconcile/builders.ts';

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
  const reader = podReader(client, () => undefined);
  return {
    reads,
    facts: (workloadUid = 'weather-uid') =>
      reader.facts({ namespace: 'team', name: 'weather-0', uid: there.metadata.uid ?? '', workloadUid }),
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
