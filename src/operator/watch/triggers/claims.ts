import { keyOf, type Pod } from '@agentcard-operator/kube/objects';
import { type Workload, workloadKey } from '../../workload/workload.ts';
import type { CachedCard } from '../cached.ts';
import type { Caches } from '../caches.ts';
import { isOf, workloadsSelecting } from '../lookups.ts';
import type { Sinks } from './sinks.ts';

/** The cards, not being deleted, whose workload's selector chooses the pod, and at which its owner chain ends. */
export function cardsClaiming(caches: Caches, pod: Pod): CachedCard[] {
  const { namespace = '', labels = {} } = pod.metadata;
  return cardsOn(
    caches,
    workloadsSelecting(caches, namespace, labels).filter((each) => isOf(caches, pod, each)),
  );
}

/** Those of these workloads that are not being deleted. */
export function cardsOn(caches: Caches, workloads: readonly Workload[]): CachedCard[] {
  const cards = workloads.flatMap((workload) =>
    caches.cards.byIndex('target', workloadKey(workload.namespace, workload)),
  );
  return cards.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

export function addUnclaimed(pods: readonly Pod[], caches: Caches, sinks: Pick<Sinks, 'addStray'>): void {
  for (const pod of pods) if (cardsClaiming(caches, pod).length === 0) sinks.addStray(keyOf(pod));
}
