import type { KubeClient } from '@agentcard-operator/kube';
import { type Pod, resources } from '@agentcard-operator/kube/objects';
import type { ReplicaSets } from '../../watch/replica-sets.ts';
import { chainOf, controllerOf, type PodFacts, podFacts } from '../../workload/pod.ts';
import type { Workload } from '../../workload/workload.ts';
import { isWhereAndWhose, type PodPlace } from './pod-place.ts';

/** Pods of fewer workloads are read one by one. */
const few = 4;
/** Of the workloads that one list is for. */
const most = 50;
/** Of a list: one page, so many bytes, and so long; more is left to reads of single pods. */
const page = { limit: 200, maxBytes: 2 << 20, timeoutMs: 5_000 };
/** How long what was read serves, and how long a workload's pods are not listed again. */
const freshMs = 60_000;

type Chosen = Pick<Workload, 'uid' | 'selector'>;

interface List {
  readonly at: number;
  /** By uid; each serves once. */
  readonly pods: Promise<Map<string, PodFacts>>;
}

/**
 * Where a workload's pods are asked for the first time and those of others of its namespace will be, one list from the API server
 * brings them all, and another one their ReplicaSets, instead of two reads each.
 */
export class PodsAhead {
  readonly #client: KubeClient;
  readonly #replicaSets: Pick<ReplicaSets, 'known' | 'readAll'>;
  readonly #now: () => number;
  /** By workload. */
  readonly #lists = new Map<string, List>();

  constructor(client: KubeClient, replicaSets: Pick<ReplicaSets, 'known' | 'readAll'>, now: () => number) {
    this.#client = client;
    this.#replicaSets = replicaSets;
    this.#now = now;
  }

  /** Undefined where no list shows the pod where and whose it should be: that takes a look of its own. */
  async facts(place: PodPlace, unasked: () => Iterable<Chosen>): Promise<PodFacts | undefined> {
    const pods = await (this.#recent(place.workloadUid) ?? this.#list(place, unasked))?.pods;
    const facts = pods?.get(place.uid);
    pods?.delete(place.uid);
    return facts !== undefined && isWhereAndWhose(facts, place) ? facts : undefined;
  }

  #recent(workloadUid: string): List | undefined {
    const list = this.#lists.get(workloadUid);
    return list !== undefined && Math.abs(this.#now() - list.at) < freshMs ? list : undefined;
  }

  #list({ namespace, workloadUid: uid, selector }: PodPlace, unasked: () => Iterable<Chosen>): List | undefined {
    const workloads = alike({ uid, selector }, unasked(), (other) => this.#recent(other) !== undefined);
    if (workloads.size < few) return undefined;
    for (const known of this.#lists.keys()) if (this.#recent(known) === undefined) this.#lists.delete(known);
    const pods = this.#read(namespace, workloads).catch(() => new Map<string, PodFacts>());
    const list = { at: this.#now(), pods };
    for (const each of workloads.keys()) this.#lists.set(each, list);
    return list;
  }

  async #read(namespace: string, workloads: ReadonlyMap<string, Chosen>): Promise<Map<string, PodFacts>> {
    const options = { namespace, labelSelector: selectorOf(workloads.values()), ...page };
    const { items } = await this.#client.listPage<Pod>(resources.pods, options);
    await this.#replicaSets.readAll(namespace, items, new Set(workloads.keys()));
    const found = new Map<string, PodFacts>();
    for (const pod of items) {
      const replicaSet = this.#replicaSets.known(controllerOf(pod.metadata.ownerReferences)?.uid ?? '');
      const whose = workloads.get(chainOf(pod, replicaSet).owner.uid);
      if (whose !== undefined) found.set(pod.metadata.uid ?? '', podFacts(pod, replicaSet, whose.selector));
    }
    return found;
  }
}

const labelsOf = ({ selector }: Chosen) => Object.entries(selector.matchLabels ?? {}).sort();

/** By which labels a list can choose a workload's pods; none where it cannot. */
function keysOf(workload: Chosen): string {
  const labels = labelsOf(workload);
  return labels.some(([, value]) => value === '') ? '' : labels.map(([key]) => key).join();
}

/** Workloads that select by the same labels as the first one, so that one selector chooses the pods of all and few others. */
function alike(first: Chosen, others: Iterable<Chosen>, isKnown: (uid: string) => boolean): Map<string, Chosen> {
  const keys = keysOf(first);
  const fit = Iterator.from(others).filter((other) => keysOf(other) === keys && !isKnown(other.uid));
  return new Map(keys === '' ? [] : [first, ...fit.take(most - 1)].map((each) => [each.uid, each]));
}

function selectorOf(workloads: Iterable<Chosen>): string {
  const values = Map.groupBy([...workloads].flatMap(labelsOf), ([key]) => key);
  return [...values].map(([key, pairs]) => `${key} in (${[...new Set(pairs.map(([, value]) => value))]})`).join();
}
