import { setImmediate as pause } from 'node:timers/promises';
import type { KubeClient } from '@agentcard-operator/kube';
import { type LabelSelector, type Pod, resources } from '@agentcard-operator/kube/objects';
import type { ReplicaSets } from '../../watch/replica-sets.ts';
import { type PodFacts, podFacts } from '../../workload/pod.ts';
import { readBudget } from './read-budget.ts';

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
  readonly selector: LabelSelector;
}

/** Reads pods, and the ReplicaSets above them. */
export function podReader(
  client: KubeClient,
  labelled: (namespace: string, name: string) => Pod | undefined,
  replicaSets: Pick<ReplicaSets, 'of'>,
  now: () => number,
): PodReader {
  const budget = readBudget(now);
  return {
    async facts({ namespace, name, uid, workloadUid, selector, address }, known) {
      const watched = labelled(namespace, name);
      if (known !== undefined && watched?.metadata.uid !== uid) return known;
      const isWatched = watched?.metadata.uid === uid;
      // Thousands of such in one go would keep everybody else from sockets and timers.
      if (!isWatched && budget.isSpent(namespace)) return pause(undefined);
      const pod = isWatched ? watched : await client.get<Pod>(resources.pods, `${namespace}/${name}`);
      const isIt = pod !== undefined && pod.metadata.uid === uid;
      const facts = isIt ? podFacts(pod, await replicaSets.of(pod, new Set([workloadUid])), selector) : undefined;
      if (facts?.owner.uid !== workloadUid || !facts.addresses.includes(address)) budget.spend(namespace);
      return facts;
    },
  };
}
