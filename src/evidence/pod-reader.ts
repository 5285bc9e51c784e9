import type { KubeClient } from '../kube/client.ts';
import { type Pod, type ReplicaSet, resources } from '../kube/objects.ts';
import { controllerOf, type PodFacts, podFacts } from '../workload/pod.ts';

/** Where the facts of a pod come from: the watched copy while it wears our label, else the API server. */
export interface PodReader {
  /** `known` serves while nothing better is at hand without a question. */
  facts(namespace: string, name: string, uid: string, known?: PodFacts): Promise<PodFacts | undefined>;
}

interface ReplicaSetOwners {
  readonly metadata: ReplicaSet['metadata'];
}

const rememberedReplicaSets = 4096;

/** Reads pods and the ReplicaSets above them; a ReplicaSet's owner never changes, so it is read once per uid. */
export function podReader(
  client: KubeClient,
  labelled: (namespace: string, name: string) => Pod | undefined,
): PodReader {
  const replicaSets = new Map<string, ReplicaSetOwners>();

  async function replicaSetOf(pod: Pod): Promise<ReplicaSet | undefined> {
    const owner = controllerOf(pod.metadata.ownerReferences);
    if (owner?.kind !== 'ReplicaSet') return undefined;
    const known = replicaSets.get(owner.uid);
    if (known !== undefined) return known;
    const read = await client.get<ReplicaSet>(resources.replicaSets, `${pod.metadata.namespace}/${owner.name}`);
    if (read === undefined || read.metadata.uid !== owner.uid) return undefined;
    if (replicaSets.size >= rememberedReplicaSets) replicaSets.clear();
    replicaSets.set(owner.uid, { metadata: read.metadata });
    return read;
  }

  return {
    async facts(namespace, name, uid, known) {
      const watched = labelled(namespace, name);
      if (known !== undefined && watched?.metadata.uid !== uid) return known;
      const pod =
        watched?.metadata.uid === uid ? watched : await client.get<Pod>(resources.pods, `${namespace}/${name}`);
      if (pod === undefined || pod.metadata.uid !== uid) return undefined;
      return podFacts(pod, await replicaSetOf(pod));
    },
  };
}
