import { hash } from 'node:crypto';
import type { LabelSelector, OwnerReference, Pod, ReplicaSet } from '@agentcard-operator/kube/objects';
import { selects } from './selector.ts';
import type { Workload } from './workload.ts';

/** The facts of one pod instance that its evidence depends on. */
export type PodFacts = Readonly<ReturnType<typeof podFacts>>;

/** A Deployment's pods and their ReplicaSet have it in common. */
export const templateHash = 'pod-template-hash';
export const revisionAnnotation = 'deployment.kubernetes.io/revision';

/** The owner that controls an object, or the object's own place in the chain when nothing does. */
export function controllerOf(owners: readonly OwnerReference[] | undefined): OwnerReference | undefined {
  return owners?.find((owner) => owner.controller === true);
}

/** What a pod's owner chain ends at. `replicaSet` is the pod's controller when that is a ReplicaSet, which was read. */
export function chainOf({ metadata }: Pod, replicaSet: ReplicaSet | undefined) {
  const owner = controllerOf(replicaSet?.metadata.ownerReferences) ?? controllerOf(metadata.ownerReferences);
  return {
    owner: owner ?? { kind: 'Pod', name: metadata.name, uid: metadata.uid ?? '' },
    viaReplicaSet: replicaSet !== undefined,
  };
}

export function podFacts(pod: Pod, replicaSet: ReplicaSet | undefined, selector: LabelSelector = {}) {
  const { metadata, spec, status } = pod;
  const labels = metadata.labels ?? {};
  return {
    uid: metadata.uid ?? '',
    name: metadata.name,
    /** Of the pod as it was read; '' when unknown. */
    resourceVersion: metadata.resourceVersion ?? '',
    addresses: status?.podIPs?.map(({ ip }) => ip) ?? (status?.podIP === undefined ? [] : [status.podIP]),
    serviceAccount: spec?.serviceAccountName || 'default',
    hostNetwork: spec?.hostNetwork ?? false,
    /** Changes whenever a container of the pod is replaced. */
    containersHash: containersHash(pod),
    /** Pods of one revision run the same template. */
    revision: labels[templateHash] ?? labels['controller-revision-hash'] ?? '',
    /** Which revision is newer; 0 when unknown. */
    revisionNumber: Number(replicaSet?.metadata.annotations?.[revisionAnnotation] ?? 0) || 0,
    /** The workload's selector chooses it. */
    chosen: selects(selector, labels),
    ...chainOf(pod, replicaSet),
  };
}

/** A pod can name any owner: a Deployment's come through one of its ReplicaSets, others' come directly. */
export function belongsTo({ owner, viaReplicaSet }: ReturnType<typeof chainOf>, { kind, uid }: Workload): boolean {
  return owner.uid === uid && owner.kind === kind && viaReplicaSet === (kind === 'Deployment');
}

/** Hash of the ids of the pod's running containers, those that were added to debug it too, in the order of their names; 16 hexadecimal digits. */
export function containersHash(pod: Pod): string {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {};
  const ids = [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses]
    .map(({ name, containerID }) => `${name}=${containerID ?? ''}`)
    .sort();
  return hash('sha256', ids.join('\n')).slice(0, 16);
}
