import { setImmediate as pause } from 'node:timers/promises';
import type { KubeClient } from '@agentcard-operator/kube';
import { type Pod, resources } from '@agentcard-operator/kube/objects';
import type { ReplicaSets } from '../../watch/replica-sets.ts';
import { type PodFacts, podFacts } from '../../workload/pod.ts';
import type { Workload } from '../../workload/workload.ts';
import { isWhereAndWhose, type PodPlace } from './pod-place.ts';
import { PodsAhead } from './pods-ahead.ts';
import { readBudget } from './read-budget.ts';

/** Where the facts of a pod come from: the watched copy while it wears our label, else the API server. */
export interface PodReader {
  /** `known` serves while nothing better is at hand without a question. */
  facts(place: PodPlace, known?: PodFacts): Promise<PodFacts | undefined>;
  /** What the API server said of it a moment ago, together with those of the `unasked` workloads of its namespace; often nothing. */
  ahead(place: PodPlace, unasked: () => Iterable<Workload>): Promise<PodFacts | undefined>;
}

/** Reads pods, and the ReplicaSets above them. */
export function podReader(
  client: KubeClient,
  labelled: (namespace: string, name: string) => Pod | undefined,
  replicaSets: Pick<ReplicaSets, 'of' | 'known' | 'readAll'>,
  now: () => number,
): PodReader {
  const budget = readBudget(now);
  const pods = new PodsAhead(client, replicaSets, now);
  const watchedCopy = ({ namespace, name, uid }: PodPlace) => {
    const copy = labelled(namespace, name);
    return copy?.metadata.uid === uid ? copy : undefined;
  };
  return {
    async ahead(place, unasked) {
      return watchedCopy(place) || budget.isSpent(place.namespace) ? undefined : pods.facts(place, unasked);
    },
    async facts(place, known) {
      const { namespace, name, uid, workloadUid, selector } = place;
      const watched = watchedCopy(place);
      if (known !== undefined && watched === undefined) return known;
      // Thousands of such in one go would keep everybody else from sockets and timers.
      if (watched === undefined && budget.isSpent(namespace)) return pause(undefined);
      const pod = watched ?? (await client.get<Pod>(resources.pods, `${namespace}/${name}`));
      const isIt = pod !== undefined && pod.metadata.uid === uid;
      const facts = isIt ? podFacts(pod, await replicaSets.of(pod, new Set([workloadUid])), selector) : undefined;
      if (facts === undefined || !isWhereAndWhose(facts, place)) budget.spend(namespace);
      return facts;
    },
  };
}
