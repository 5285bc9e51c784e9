import { keyOf, type NetworkPolicy, type Pod } from '@agentcard-operator/kube/objects';
import { verifiedLabel } from '../../api/labels.ts';
import { owningCard } from '../../network/policy.ts';
import { maySelect } from '../../workload/selector.ts';
import type { Workload } from '../../workload/workload.ts';
import type { CachedCard } from '../cached.ts';
import type { Caches } from '../caches.ts';
import { termKeys } from '../indexes.ts';
import { workloadsBy, workloadsSelecting } from '../lookups.ts';
import { cutOff } from '../rivals.ts';
import { addUnclaimed, cardsOn } from './claims.ts';
import type { FairLook } from './fair-look.ts';
import { either, type Sinks, type Wake } from './sinks.ts';

/** What we wrote and others may have changed: labels on pods, NetworkPolicies. */
export function watchMarks(caches: Caches, sinks: Sinks, wake: Wake, fair: FairLook): void {
  const { ownWrites } = sinks;
  const findPod = (pod: Pod) => {
    const { namespace = '', labels = {} } = pod.metadata;
    wake(cardsOn(caches, workloadsSelecting(caches, namespace, labels)));
    addUnclaimed([pod], caches, sinks);
  };
  const findPolicy = (policy: NetworkPolicy) => {
    const owner = owningCard(policy);
    const card = owner && caches.cards.get(`${policy.metadata.namespace}/${owner.name}`);
    if (card !== undefined) sinks.wake(keyOf(card));
    wake(caches.cards.byIndex('policy', keyOf(policy)));
    wake(cardsChosenBy(policy, caches));
  };
  caches.labelledPods.onEvent(either(fair, findPod, ownWrites));
  caches.policies.onEvent(either(fair, findPolicy, ownWrites));
}

/** The cards whose pods a policy chooses, be it another's, with the verified label or without. */
function cardsChosenBy({ metadata, spec }: NetworkPolicy, caches: Caches): CachedCard[] {
  const { namespace = '' } = metadata;
  const { podSelector } = spec;
  const workloads = termKeys(namespace, podSelector).flatMap((key) => workloadsBy(caches, 'pair', key));
  const isChosen = ({ templateLabels: labels }: Workload) =>
    maySelect(podSelector, labels) || maySelect(podSelector, { ...labels, [verifiedLabel]: 'true' });
  return cardsOn(caches, workloads.filter(isChosen));
}

/** Whose pods a quarantine's policy chooses hears when it begins and when it ends, also where we wrote that ourselves. */
export function watchCutOff(caches: Caches, sinks: Sinks, wake: Wake, fair: FairLook): void {
  const tell = fair.looking((card: CachedCard) => {
    const own = caches.policies.byIndex('owner', card.metadata.uid ?? '');
    wake(own.flatMap((policy) => cardsChosenBy(policy, caches)).filter((each) => keyOf(each) !== keyOf(card)));
  });
  caches.cards.onEvent({
    update: (old, card) => {
      if (cutOff(old)?.reason !== cutOff(card)?.reason) tell(card);
      // What weakened the quarantine of the other may have been this one's policy, before that was tightened.
      const { by, subject } = card.status?.quarantine ?? {};
      if (by !== 'neighbour' || subject === old.status?.quarantine?.subject) return;
      sinks.wake(`${card.metadata.namespace}/${subject}`);
    },
    remove: (card) => cutOff(card) && tell(card),
  });
  const tellOf = (policy: NetworkPolicy) => {
    const card = caches.cards.get(`${policy.metadata.namespace}/${owningCard(policy)?.name}`);
    if (card && cutOff(card)) tell(card);
  };
  caches.policies.onEvent({ add: tellOf, update: (_, policy) => tellOf(policy) });
}
