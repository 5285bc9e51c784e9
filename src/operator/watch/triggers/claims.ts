import { keyOf, type Pod } from '@agentcard-operator/kube/objects';
import { type Workload, workloadKey } from '../../workload/workload.ts';
import type { CachedCard } from '../cached.ts';
import type { Caches } from '../caches.ts';
import { workloadsAbove } from '../lookups.ts';
import { standing } from '../rivals.ts';
import type { Sinks } from './sinks.ts';

/** The cards, not being deleted, whose workload's selector chooses the pod, and at which its owner chain ends. */
export function cardsClaiming(caches: Caches, pod: Pod): CachedCard[] {
  return cardsOn(caches, workloadsAbove(caches, pod));
}

/** The cards on these workloads, but for those that are being deleted. */
export function cardsOn(caches: Caches, workloads: readonly Workload[]): CachedCard[] {
  return workloads.flatMap((workload) => standing(caches.cards, workloadKey(workload.namespace, workload)));
}

export function addUnclaimed(pods: readonly Pod[], caches: Caches, sinks: Pick<Sinks, 'addStray'>): void {
  for (const pod of pods) if (cardsClaiming(caches, pod).length === 0) sinks.addStray(keyOf(pod));
}
