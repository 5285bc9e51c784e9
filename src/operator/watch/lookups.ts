import type { LabelSelector, Pod } from '@agentcard-operator/kube/objects';
import { belongsTo, chainOf, controllerOf } from '../workload/pod.ts';
import { type Labels, maySelect, selects } from '../workload/selector.ts';
import { groupKind, type Workload, type WorkloadReference } from '../workload/workload.ts';
import type { CachedCard, CachedWorkload } from './cached.ts';
import type { Caches } from './caches.ts';
import { isTelling, labelKeys, pairKey, termKeys } from './indexes.ts';

export function objectOf(
  caches: Pick<Caches, 'workloads'>,
  namespace: string,
  reference: WorkloadReference,
): CachedWorkload | undefined {
  return caches.workloads.get(groupKind(reference))?.get(`${namespace}/${reference.name}`);
}

/** Why nothing is known of a kind of workload although the cluster may have some, in words. */
export function unreadKind(caches: Caches, reference: WorkloadReference): string | undefined {
  const cache = caches.workloads.get(groupKind(reference));
  return cache !== undefined && 'unread' in cache ? cache.unread : undefined;
}

/** The cards whose target is of a kind. */
export function cardsOfKind({ cards }: Caches, type: Pick<WorkloadReference, 'apiVersion' | 'kind'>): CachedCard[] {
  const isOfKind = ({ spec: { targetRef } }: CachedCard) => targetRef && groupKind(targetRef) === groupKind(type);
  return [...cards.values()].filter(isOfKind);
}

/** The workloads whose pods could carry these labels, by their selectors. */
export function workloadsSelecting(caches: Caches, namespace: string, labels: Labels): Workload[] {
  return labelKeys(namespace, labels)
    .flatMap((key) => workloadsBy(caches, 'selector', key))
    .filter((workload) => selects(workload.selector, labels));
}

/** The other workloads whose pods a selector may choose, and the labelled pods of anybody else, in words. */
export function chosenBesides(caches: Caches, selector: LabelSelector, workload: WorkloadPlace): string[] {
  const { namespace, uid } = workload;
  const others = termKeys(namespace, selector)
    .flatMap((key) => workloadsBy(caches, 'pair', key))
    .filter((other) => other.uid !== uid && maySelect(selector, other.templateLabels))
    .map(({ kind, name }) => `${kind} ${name}`);
  const pods = labelledPodsOf(caches, { namespace, selector })
    .filter((pod) => uid !== undefined && isOf(caches, pod, workload as Workload) === false)
    .map(({ metadata }) => `pod ${metadata.name}`);
  return [...new Set([...others.sort(), ...pods.sort()])];
}

/** The workload may be gone. */
type WorkloadPlace = Pick<Workload, 'namespace'> & Partial<Workload>;

/** The workloads in whose template one label pair stands, or in whose selector; or the one with a uid. */
export function workloadsBy(caches: Caches, index: 'pair' | 'selector' | 'uid', key: string): Workload[] {
  return [...caches.workloads.values()].flatMap((cache) =>
    cache.byIndex(index, key).flatMap(({ workload }) => (workload === undefined ? [] : [workload])),
  );
}

/** The workload, if any, whose selector chooses the pod and at which its owner chain ends, as far as that was read. */
export function workloadsAbove(caches: Caches, pod: Pod): Workload[] {
  const { namespace, labels = {}, ownerReferences } = pod.metadata;
  const chain = chainOf(pod, caches.replicaSets.known(controllerOf(ownerReferences)?.uid ?? ''));
  const isAbove = (each: Workload) =>
    each.namespace === namespace && selects(each.selector, labels) && belongsTo(chain, each);
  return workloadsBy(caches, 'uid', chain.owner.uid).filter(isAbove);
}

/** Whether a pod's owner chain ends at the workload; undefined where its ReplicaSet was not read yet. */
export function isOf(caches: Caches, pod: Pod, workload: Workload): boolean | undefined {
  const direct = controllerOf(pod.metadata.ownerReferences);
  const set = direct?.kind === 'ReplicaSet' ? caches.replicaSets.known(direct.uid) : undefined;
  if (direct?.kind === 'ReplicaSet' && set === undefined && workload.kind === 'Deployment') return undefined;
  return belongsTo(chainOf(pod, set), workload);
}

/** The pods with our label that the workload's selector chooses. */
export function labelledPodsOf(
  { labelledPods }: Caches,
  { namespace, selector }: Pick<Workload, 'namespace' | 'selector'>,
): Pod[] {
  const pair = Object.entries(selector.matchLabels ?? {}).find(([key]) => isTelling(key));
  const near =
    pair === undefined
      ? labelledPods.byIndex('namespace', namespace)
      : labelledPods.byIndex('pair', pairKey(namespace, ...pair));
  return near.filter((pod) => selects(selector, pod.metadata.labels ?? {}));
}
