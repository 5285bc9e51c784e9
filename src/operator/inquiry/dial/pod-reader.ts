import { type KubeClient, metadataType, objectPath } from '@agentcard-operator/kube';
import { type Key, type Pod, type ReplicaSet, resources } from '@agentcard-operator/kube/objects';
import { controllerOf, type PodFacts, podFacts, revisionAnnotation } from '../../workload/pod.ts';
import { ReadBudget } from './read-budget.ts';

/** Where the facts of a pod come from: the watched copy while it wears our label, else the API server. */
export interface PodReader {
  /** `known` serves while nothing better is at hand without a question. */
  facts(place: PodPlace, known?: PodFacts): Promise<PodFacts | undefined>;
}

export interface PodPlace {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Of the workload to which the pod should belong. */
  readonly workloadUid: string;
  /** Where it should answer. */
  readonly address: string;
}

type ReplicaSetOwners = Pick<ReplicaSet, 'metadata'>;

/** A few hundred bytes each. Fewer than there are agents would mean a read at every turn. */
const rememberedReplicaSets = 65_536;

/**
 * Reads pods and the ReplicaSets above them, each once while it leads to the workload: one that was orphaned and adopted has
 * another owner than before.
 */
export function podReader(
  client: KubeClient,
  labelled: (namespace: string, name: string) => Pod | undefined,
  now: () => number,
): PodReader {
  const budget = new ReadBudget(now);
  const replicaSets = new Map<string, ReplicaSetOwners>();

  async function replicaSetOf(pod: Pod, workloadUid: string): Promise<ReplicaSet | undefined> {
    const owner = controllerOf(pod.metadata.ownerReferences);
    if (owner?.kind !== 'ReplicaSet') return undefined;
    const known = replicaSets.get(owner.uid);
    if (leadsTo(known, workloadUid)) return known;
    const key = `${pod.metadata.namespace}/${owner.name}`;
    const isIt = (set: ReplicaSet | undefined) => set?.metadata.uid === owner.uid;
    const copy = await copyOf(client, key);
    const read =
      isIt(copy) && leadsTo(copy, workloadUid) ? copy : await client.get<ReplicaSet>(resources.replicaSets, key);
    if (read === undefined || !isIt(read)) return undefined;
    const [oldest] = replicaSets.size < rememberedReplicaSets ? [] : replicaSets.keys();
    if (oldest !== undefined) replicaSets.delete(oldest);
    replicaSets.set(owner.uid, keptOf(read));
    return read;
  }

  return {
    async facts({ namespace, name, uid, workloadUid, address }, known) {
      const watched = labelled(namespace, name);
      if (known !== undefined && watched?.metadata.uid !== uid) return known;
      const isWatched = watched?.metadata.uid === uid;
      if (!isWatched && budget.isSpent(namespace)) return undefined;
      const pod = isWatched ? watched : await client.get<Pod>(resources.pods, `${namespace}/${name}`);
      const isIt = pod !== undefined && pod.metadata.uid === uid;
      const facts = isIt ? podFacts(pod, await replicaSetOf(pod, workloadUid)) : undefined;
      if (facts?.owner.uid !== workloadUid || !facts.addresses.includes(address)) budget.spend(namespace);
      return facts;
    },
  };
}

function keptOf({ metadata }: ReplicaSet): ReplicaSetOwners {
  const { name, uid = '', ownerReferences = [], annotations = {} } = metadata;
  const revision = { [revisionAnnotation]: annotations[revisionAnnotation] ?? '' };
  return { metadata: { name, uid, ownerReferences, annotations: revision } };
}

function leadsTo(set: ReplicaSetOwners | undefined, workloadUid: string): set is ReplicaSetOwners {
  return controllerOf(set?.metadata.ownerReferences)?.uid === workloadUid;
}

/** The API server's own copy, however old, and only what we keep of it: that is cheap. */
function copyOf(client: KubeClient, key: Key): Promise<ReplicaSet | undefined> {
  const path = objectPath(resources.replicaSets, key);
  const query = { resourceVersion: '0' };
  const read = client.json<ReplicaSet>({ method: 'GET', path, query, accept: metadataType });
  return read.catch(() => undefined);
}
