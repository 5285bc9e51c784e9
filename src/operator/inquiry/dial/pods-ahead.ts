import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeClient } from '@agentcard-operator/kube';
import { type Pod, resources } from '@agentcard-operator/kube/objects';
import type { ReplicaSets } from '../../watch/replica-sets.ts';
import { controllerOf, type PodFacts, podFacts } from '../../workload/pod.ts';
import { isWhereAndWhose, type PodPlace } from './pod-place.ts';

/** Fewer are read one by one. */
const few = 4;
/** Of the workloads that one list is for; one with many pods fills the page by itself, and the others are read one by one. */
const most = 50;
const pageSize = 200;
/** Whom to ask is decided one card after the other. */
const gatherMs = 20;
/** How long what was read serves. */
const freshMs = 60_000;

/** Undefined where the list did not show the pod where and whose it should be: that takes a look of its own. */
type Read = { readonly facts: PodFacts | undefined; readonly at: number };

/**
 * Where the pods of many workloads of a namespace are about to be asked, one list from the API server brings them, and another one
 * their ReplicaSets, instead of two reads each.
 */
export class PodsAhead {
  readonly #client: KubeClient;
  readonly #replicaSets: Pick<ReplicaSets, 'known' | 'readAll'>;
  readonly #now: () => number;
  readonly #read = new Map<string, Read>();
  /** Who waits for a list. */
  readonly #callers = new Map<string, PodPlace>();
  /** Under way, by namespace. */
  readonly #lists = new Map<string, Promise<void>>();

  constructor(client: KubeClient, replicaSets: Pick<ReplicaSets, 'known' | 'readAll'>, now: () => number) {
    this.#client = client;
    this.#replicaSets = replicaSets;
    this.#now = now;
  }

  /** `next`: those of the namespace that will be asked after it. */
  async facts(place: PodPlace, next: () => Iterable<PodPlace>): Promise<PodFacts | undefined> {
    const { namespace } = place;
    const id = idOf(place);
    for (let read = this.#take(id); ; read = this.#take(id)) {
      if (read !== undefined) return read.facts;
      this.#callers.set(id, place);
      const list =
        this.#lists.get(namespace) ?? this.#list(namespace, next).finally(() => this.#lists.delete(namespace));
      this.#lists.set(namespace, list);
      await list;
      this.#callers.delete(id);
    }
  }

  #take(id: string): Read | undefined {
    const read = this.#read.get(id);
    this.#read.delete(id);
    return read !== undefined && this.#isFresh(read) ? read : undefined;
  }

  #isFresh({ at }: Read): boolean {
    return Math.abs(this.#now() - at) < freshMs;
  }

  async #list(namespace: string, next: () => Iterable<PodPlace>): Promise<void> {
    await sleep(gatherMs);
    const at = this.#now();
    for (const [id, read] of this.#read) if (!this.#isFresh(read)) this.#read.delete(id);
    const callers = [...this.#callers.values()].filter((caller) => caller.namespace === namespace);
    const places = alike([callers, next()], (place) => this.#read.has(idOf(place)));
    const found =
      places.length < few ? new Map<string, PodFacts>() : await this.#factsOf(places).catch(() => undefined);
    // Whatever became of the list, nobody waits for another one.
    for (const id of [...callers, ...places].map(idOf)) this.#read.set(id, { facts: found?.get(id), at });
  }

  /** Of one namespace. */
  async #factsOf(places: readonly PodPlace[]): Promise<ReadonlyMap<string, PodFacts>> {
    const [{ namespace } = { namespace: '' }] = places;
    const labelSelector = selectorOf(places);
    const { items } = await this.#client.listPage<Pod>(resources.pods, { namespace, labelSelector, limit: pageSize });
    await this.#replicaSets.readAll(namespace, items, new Set(places.map(({ workloadUid }) => workloadUid)));
    const pods = new Map(items.map((pod) => [pod.metadata.uid, pod]));
    const found = new Map<string, PodFacts>();
    for (const place of places) {
      const pod = pods.get(place.uid);
      const owner = controllerOf(pod?.metadata.ownerReferences);
      const facts = pod && podFacts(pod, this.#replicaSets.known(owner?.uid ?? ''), place.selector);
      if (facts !== undefined && isWhereAndWhose(facts, place)) found.set(idOf(place), facts);
    }
    return found;
  }
}

const idOf = ({ uid, version }: PodPlace): string => `${uid} ${version}`;

const labelsOf = ({ selector }: PodPlace) => Object.entries(selector.matchLabels ?? {}).sort();
const keysOf = (place: PodPlace): string =>
  labelsOf(place)
    .map(([key]) => key)
    .join();

/** One pod each of workloads that select by the same labels, so that one selector chooses them all and few others. */
function alike(those: Iterable<PodPlace>[], isKnown: (place: PodPlace) => boolean): PodPlace[] {
  const chosen = new Map<string, PodPlace>();
  let keys: string | undefined;
  for (const places of those) {
    for (const place of places) {
      if (chosen.size === most) break;
      const labels = labelsOf(place);
      if (labels.length === 0 || labels.some(([, value]) => value === '') || isKnown(place)) continue;
      keys ??= keysOf(place);
      if (keysOf(place) === keys && !chosen.has(place.workloadUid)) chosen.set(place.workloadUid, place);
    }
  }
  return [...chosen.values()];
}

function selectorOf(places: readonly PodPlace[]): string {
  const values = Map.groupBy(places.flatMap(labelsOf), ([key]) => key);
  return [...values].map(([key, pairs]) => `${key} in (${[...new Set(pairs.map(([, value]) => value))]})`).join();
}
