import { expect, test } from 'vitest';
import { ApiError, type KubeClient } from '../../../../src/kube/client/client.ts';
import type { OwnerReference, ReplicaSet } from '../../../../src/kube/objects.ts';
import { sweep } from '../../../../src/operator/discover/sweep.ts';
import type { Caches } from '../../../../src/operator/watch/caches.ts';
import { cardOf, deployment, labelledPod, stores } from '../watch/stores.ts';

interface Over {
  readonly claimed?: boolean;
  readonly gone?: boolean;
  readonly code?: number;
  /** What the pod names as its owner, instead of a known ReplicaSet. */
  readonly owner?: Partial<OwnerReference>;
  /** The Deployment of a ReplicaSet that was not read before. */
  readonly leadsTo?: string;
}

async function swept(over: Over) {
  const patches: unknown[] = [];
  const woken: string[] = [];
  const stripped: string[] = [];
  const client = {
    patch: async (_: unknown, key: string, body: unknown) => {
      patches.push([key, body]);
      if (over.code !== undefined) throw new ApiError(over.code, 'Refused', 'no');
    },
  } as unknown as KubeClient;
  const { caches: fed, cards, deployments, labelledPods } = stores();
  const { known } = fed.replicaSets;
  let read: ReplicaSet | undefined;
  const replicaSets = {
    known: (uid: string) => (uid === 'unread' ? read : known.call(fed.replicaSets, uid)),
    of: async () => {
      read = over.leadsTo === undefined ? undefined : known.call(fed.replicaSets, `team-${over.leadsTo}-rs`);
    },
  };
  const caches = { ...fed, replicaSets } as unknown as Caches;
  deployments.put(deployment('weather'));
  if (over.claimed) cards.put(cardOf('weather'));
  const stray = labelledPod('stray', { app: 'weather' });
  const ownerReferences = stray.metadata.ownerReferences?.map((owner) => ({ ...owner, ...over.owner })) ?? [];
  if (!over.gone) labelledPods.put({ ...stray, metadata: { ...stray.metadata, ownerReferences } });
  const failure = await sweep('team/stray', {
    client,
    caches,
    onStripped: ({ metadata }) => stripped.push(metadata.name),
    wake: (card) => woken.push(card),
  }).catch((error: Error) => error.message);
  return { patches, stripped, woken, failure };
}

test('a labelled pod that no card accounts for loses label and proof, and only this instance of it', async () => {
  expect(await swept({})).toEqual({
    patches: [
      [
        'team/stray',
        {
          metadata: {
            uid: 'stray-uid',
            labels: { 'agent.kagenti.dev/signature-verified': null, 'agent.kagenti.dev/identity': null },
            annotations: { 'agent.kagenti.dev/attested': null },
          },
        },
      ],
    ],
    stripped: ['stray'],
    woken: [],
    failure: undefined,
  });
});

test.each([
  ['a pod that a card claims is that card’s to judge', { claimed: true }],
  ['a pod that is gone needs nothing', { gone: true }],
])('%s', async (_, over) => expect((await swept(over)).patches).toEqual([]));

test('a pod whose ReplicaSet was not read yet is left to the card that it turns out to belong to', async () => {
  const { patches, woken } = await swept({ claimed: true, owner: { uid: 'unread' }, leadsTo: 'weather' });
  expect({ patches, woken }).toEqual({ patches: [], woken: ['team/weather'] });
});

test.each<[string, Over]>([
  ['the Deployment itself, which owns no pods', { owner: { kind: 'Deployment', uid: 'team-weather' } }],
  ['its uid under another kind', { owner: { kind: 'StatefulSet', uid: 'team-weather' } }],
  ['a ReplicaSet that is not there', { owner: { uid: 'unread' } }],
  ["another workload's ReplicaSet", { owner: { uid: 'unread' }, leadsTo: 'clock' }],
  ['an owner that does not control it', { owner: { controller: false } }],
])('%s: a pod that only says that it belongs to a workload loses its marks', async (_, over) => {
  expect((await swept({ claimed: true, ...over })).stripped).toEqual(['stray']);
});

test.each([
  [404, 'no error', undefined],
  [409, 'no error', undefined],
  [403, 'an error', 'no'],
])('what the API server refuses with %s is not stripped, and is %s', async (code, _, failure) => {
  const said = await swept({ code });
  expect(said.failure).toBe(failure);
  expect(said.stripped).toEqual([]);
});
