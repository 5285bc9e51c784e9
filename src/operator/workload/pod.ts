import { createHash } from 'node:crypto';
import type { OwnerReference, Pod, ReplicaSet } from '@agentcard-operator/kube/objects';
import type { Workload } from './workload.ts';

/** The facts of one pod instance that its evidence depends on. */
export type PodFacts = Readonly<ReturnType<typeof podFacts>>;

export const revisionAnnotation = 'deployment.kubernetes.io/revision';

/** The owner that controls an object, or the object's own place in the chain when nothing does. */
export function controllerOf(owners: readonly OwnerReference[] | undefined): OwnerReference | undefined {
  return owners?.find((owner) => owner.controller === true);
}

/** `replicaSet` is the pod's controller when that is a ReplicaSet; the chain goes through it. */
export function podFacts(pod: Pod, replicaSet: ReplicaSet | undefined) {
  const { metadata, spec, status } = pod;
  const direct = controllerOf(metadata.ownerReferences);
  const owner = replicaSet === undefined ? direct : (controllerOf(replicaSet.metadata.ownerReferences) ?? direct);
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
    revision: labels['pod-template-hash'] ?? labels['controller-revision-hash'] ?? '',
    /** Which revision is newer; 0 when unknown. */
    revisionNumber: Number(replicaSet?.metadata.annotations?.[revisionAnnotation] ?? 0) || 0,
    owner: owner ?? { kind: 'Pod', name: metadata.name, uid: metadata.uid ?? '' },
  };
}

export function belongsTo(facts: PodFacts, workload: Workload): boolean {
  return facts.owner.uid === workload.uid;
}

/** Hash of the ids of the pod's running containers, in the order of their names; 16 hexadecimal digits. */
export function containersHash(pod: Pod): string {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const ids = [...initContainerStatuses, ...containerStatuses]
    .map(({ name, containerID }) => `${name}=${containerID ?? ''}`)
    .sort();
  return createHash('sha256').update(ids.join('\n')).digest().toString('hex', 0, 8);
}
