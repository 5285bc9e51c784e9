import { expect, test } from 'vitest';
import { ApiError, type KubeClient } from '../../../../src/kube/client/client.ts';
import { sweep } from '../../../../src/operator/discover/sweep.ts';
import { cardOf, deployment, labelledPod, stores } from '../watch/stores.ts';

async function swept(over: { claimed?: boolean; gone?: boolean; code?: number }) {
  const patches: unknown[] = [];
  const stripped: string[] = [];
  const client = {
    patch: async (_: unknown, key: string, body: unknown) => {
      patches.push([key, body]);
      if (over.code !== undefined) throw new ApiError(over.code, 'Refused', 'no');
    },
  } as unknown as KubeClient;
  const { caches, cards, deployments, labelledPods } = stores();
  deployments.put(deployment('weather'));
  if (over.claimed) cards.put(cardOf('weather'));
  if (!over.gone) labelledPods.put(labelledPod('stray', { app: 'weather' }));
  const failure = await sweep('team/stray', {
    client,
    caches,
    onStripped: ({ metadata }) => stripped.push(metadata.name),
  }).catch((error: Error) => error.message);
  return { patches, stripped, failure };
}

test('a labelled pod that no card accounts for loses label and proof, and only this instance of it', async () => {
  expect(await swept({})).toEqual({
    patches: [
      [
        'team/stray',
        {
          metadata: {
            uid: 'stray-uid',
            labels: { 'agent.kagenti.dev/signature-verified': null },
            annotations: { 'agent.kagenti.dev/attested': null },
          },
        },
      ],
    ],
    stripped: ['stray'],
    failure: undefined,
  });
});

test.each([
  ['a pod that a card claims is that card’s to judge', { claimed: true }],
  ['a pod that is gone needs nothing', { gone: true }],
])('%s', async (_, over) => expect((await swept(over)).patches).toEqual([]));

test.each([
  [404, 'no error', undefined],
  [409, 'no error', undefined],
  [403, 'an error', 'no'],
])('what the API server refuses with %s is not stripped, and is %s', async (code, _, failure) => {
  const said = await swept({ code });
  expect(said.failure).toBe(failure);
  expect(said.stripped).toEqual([]);
});
