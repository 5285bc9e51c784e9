import { hasCode, type KubeClient } from '@agentcard-operator/kube';
import { type Key, keyOf, type Pod, resources } from '@agentcard-operator/kube/objects';
import { Controller } from '@agentcard-operator/kube/runtime';
import { marksFor } from '../api/marks.ts';
import { type Measured, measured } from '../metrics/controllers.ts';
import type { Caches } from '../watch/caches.ts';
import { workloadsSelecting } from '../watch/lookups.ts';
import { cardsClaiming } from '../watch/triggers/claims.ts';

export interface SweepEdges {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly onStripped: (pod: Pod) => void;
  /** It was found out whose the pod is. */
  readonly wake: (card: Key) => void;
}

/** Takes the verified label off a pod that no card accounts for: forged, or left behind by a card that went. */
export async function sweep(key: Key, { client, caches, onStripped, wake }: SweepEdges): Promise<undefined> {
  const pod = caches.labelledPods.get(key);
  // What a card claims its own reconcile decides.
  if (pod === undefined || cardsClaiming(caches, pod).length > 0) return;
  const { namespace = '', labels = {} } = pod.metadata;
  const owners = new Set(workloadsSelecting(caches, namespace, labels).map(({ uid }) => uid));
  await caches.replicaSets.of(pod, owners);
  const cards = cardsClaiming(caches, pod);
  for (const card of cards) wake(keyOf(card));
  if (cards.length > 0) return;
  const metadata = { uid: pod.metadata.uid, ...marksFor(undefined) };
  try {
    await client.patch(resources.pods, key, { metadata }, { type: 'merge' });
    onStripped(pod);
  } catch (error) {
    if (!hasCode(error, 404) && !hasCode(error, 409)) throw error;
  }
}

/** Takes the label off pods that no card accounts for. */
export function sweepController(
  platform: Measured & { readonly client: KubeClient },
  caches: Caches,
  { onStripped: count, wake }: { readonly onStripped: () => void; readonly wake: (card: Key) => void },
): Controller {
  const stripped = (pod: Pod) => {
    count();
    platform.log.warn('the verified label was taken off a pod without a card', { pod: keyOf(pod) });
  };
  const edges = { client: platform.client, caches, onStripped: stripped, wake };
  return new Controller({ ...measured('sweep', 2, platform), reconcile: ({ key }) => sweep(key, edges) });
}
