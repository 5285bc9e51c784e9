import type { Pod } from '@agentcard-operator/kube/objects';
import { type Labels, selects } from '../workload/selector.ts';
import { groupKind, type Workload, type WorkloadReference } from '../workload/workload.ts';
import type { Caches } from './caches.ts';
import { pairKey } from './indexes.ts';

export function workloadOf(caches: Caches, namespace: string, reference: WorkloadReference): Workload | undefined {
  return caches.workloads.get(groupKind(reference))?.get(`${namespace}/${reference.name}`)?.workload;
}

/** The workloads whose pods could carry these labels, by their selectors. */
export function workloadsSelecting(caches: Caches, namespace: string, labels: Labels): Workload[] {
  const found = new Map<string, Workload>();
  for (const pair of Object.entries(labels)) {
    for (const workload of workloadsWithPair(caches, pairKey(namespace, ...pair))) found.set(workload.uid, workload);
  }
  return [...found.values()].filter((workload) => selects(workload.selector, labels));
}

/** The workloads in whose template one label pair stands. */
export function workloadsWithPair(caches: Caches, pair: string): Workload[] {
  return [...caches.workloads.values()].flatMap((cache) =>
    cache.byIndex('pair', pair).flatMap(({ workload }) => (workload === undefined ? [] : [workload])),
  );
}

/** The pods with our label that the workload's selector chooses. */
export function labelledPodsOf({ labelledPods }: Caches, { namespace, selector }: Workload): Pod[] {
  const [pair] = Object.entries(selector.matchLabels ?? {});
  const near =
    pair === undefined
      ? labelledPods.byIndex('namespace', namespace)
      : labelledPods.byIndex('pair', pairKey(namespace, ...pair));
  return near.filter((pod) => selects(selector, pod.metadata.labels ?? {}));
}
