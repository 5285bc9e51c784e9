import { type KubeClient, metadataType, objectPath } from '@agentcard-operator/kube';
import { type Key, type Pod, type ReplicaSet, resources } from '@agentcard-operator/kube/objects';
import { controllerOf, revisionAnnotation, templateHash } from '../workload/pod.ts';

/** A few hundred bytes each. Fewer than there are agents would mean a read at every turn. */
const rememberedReplicaSets = 65_536;

/** What a list of them may take. */
const ofAll = { maxBytes: 2 << 20, timeoutMs: 5_000 };

/** The ReplicaSets above pods, of which there is no watch: each is read once while it leads where it should. */
export class ReplicaSets {
  readonly #client: KubeClient;
  readonly #known = new Map<string, ReplicaSet>();

  constructor(client: KubeClient) {
    this.#client = client;
  }

  /** As it was when it was last read. */
  known(uid: string): ReplicaSet | undefined {
    const set = this.#known.get(uid);
    if (set === undefined) return undefined;
    // Those that are asked for stay longest.
    this.#known.delete(uid);
    this.#known.set(uid, set);
    return set;
  }

  /** The pod's, read anew where it does not lead to one of these owners: it may have been orphaned and adopted. */
  async of(pod: Pod, owners: ReadonlySet<string>): Promise<ReplicaSet | undefined> {
    const owner = controllerOf(pod.metadata.ownerReferences);
    if (owner?.kind !== 'ReplicaSet') return undefined;
    const leads = (set: ReplicaSet | undefined) => owners.has(ownerOf(set));
    const known = this.known(owner.uid);
    if (leads(known)) return known;
    const key = `${pod.metadata.namespace}/${owner.name}`;
    const isIt = (set: ReplicaSet | undefined) => set?.metadata.uid === owner.uid;
    const copy = await copyOf(this.#client, key);
    const read = isIt(copy) && leads(copy) ? copy : await this.#client.get<ReplicaSet>(resources.replicaSets, key);
    if (read === undefined || !isIt(read)) return undefined;
    this.#keep(read);
    return read;
  }

  /** Those of many pods in one go, as far as they lead to one of these owners: of the others each is a question of its own. */
  async readAll(namespace: string, pods: readonly Pod[], owners: ReadonlySet<string>): Promise<void> {
    const unread = pods.filter(({ metadata }) => {
      const owner = controllerOf(metadata.ownerReferences);
      return owner?.kind === 'ReplicaSet' && !this.#known.has(owner.uid);
    });
    const hashes = new Set(unread.flatMap(({ metadata }) => metadata.labels?.[templateHash] || []));
    if (hashes.size === 0) return;
    const options = { namespace, labelSelector: `${templateHash} in (${[...hashes]})`, metadataOnly: true, ...ofAll };
    const { items } = await this.#client.listPage<ReplicaSet>(resources.replicaSets, options);
    for (const set of items) if (owners.has(ownerOf(set))) this.#keep(set);
  }

  #keep(set: ReplicaSet): void {
    const [oldest] = this.#known.size < rememberedReplicaSets ? [] : this.#known.keys();
    if (oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(set.metadata.uid ?? '', keptOf(set));
  }
}

const ownerOf = (set: ReplicaSet | undefined) => controllerOf(set?.metadata.ownerReferences)?.uid ?? '';

function keptOf({ metadata }: ReplicaSet): ReplicaSet {
  const { name, uid = '', ownerReferences = [], annotations = {} } = metadata;
  const revision = { [revisionAnnotation]: annotations[revisionAnnotation] ?? '' };
  return { metadata: { name, uid, ownerReferences, annotations: revision } };
}

/** The API server's own copy, however old, and only what we keep of it: that is cheap. */
function copyOf(client: KubeClient, key: Key): Promise<ReplicaSet | undefined> {
  const path = objectPath(resources.replicaSets, key);
  const query = { resourceVersion: '0' };
  const read = client.json<ReplicaSet>({ method: 'GET', path, query, accept: metadataType });
  return read.catch(() => undefined);
}
