import type { Key, KubeObject, NetworkPolicy, ObjectMeta, Pod, Service } from '@agentcard-operator/kube/objects';
import { keyOf, typeOf } from '@agentcard-operator/kube/objects';
import { type AddOptions, lowPriority } from '@agentcard-operator/kube/runtime';
import { enforcementLabel, signedCardSuffix, verifiedLabel } from '../api/labels.ts';
import { apiServerService } from '../network/facts.ts';
import { owningCard } from '../network/policy.ts';
import { meshMarks } from '../workload/mesh.ts';
import { maySelect, pairsSelect } from '../workload/selector.ts';
import { serviceNameLabel } from '../workload/service.ts';
import { winnerOf } from '../workload/winner.ts';
import { type Workload, workloadKey } from '../workload/workload.ts';
import type { CachedCard, CachedWorkload } from './cached.ts';
import type { Caches } from './caches.ts';
import { watchCallers } from './callers.ts';
import { indexes, pairKey, termKeys } from './indexes.ts';
import { cardsOfKind, isOf, labelledPodsOf, workloadsBy, workloadsSelecting } from './lookups.ts';
import type { OwnWrites } from './own-writes.ts';
import { concernsOthers, cutOff, rivals, standing } from './rivals.ts';

export interface Sinks {
  readonly wake: (card: Key, when?: AddOptions) => void;
  /** A labelled pod that no card accounts for. */
  readonly addStray: (key: Key) => void;
  readonly ownWrites: OwnWrites;
}

/** Nobody waits for it; what people caused goes first. */
const background = { priority: lowPriority };

/** Which changes wake which cards. Every mapping looks at the object before and after the change. */
export function connect(caches: Caches, dnsServices: readonly Key[], sinks: Sinks): void {
  const rivalsOn = rivals(caches.cards);
  const wake: Wake = (cards) => {
    const standsFor = (card: CachedCard) => indexes.cards.target(card).map(rivalsOn)[0]?.winner ?? card;
    for (const card of new Set(cards.map(standsFor))) sinks.wake(keyOf(card));
  };
  watchCards(caches, sinks);
  watchWays(caches, dnsServices, sinks, wake);
  watchMarks(caches, sinks, wake);
  watchCutOff(caches, sinks, wake);
  watchCallers(caches, sinks.wake);
  caches.signedCards?.onEvent(
    either(({ metadata }) => {
      const owner = metadata.name.endsWith(signedCardSuffix) ? metadata.name.slice(0, -signedCardSuffix.length) : '';
      wake(caches.cards.byIndex('refers', `${metadata.namespace}/${owner}`));
    }),
  );
  caches.namespaces?.onEvent({
    add: ({ metadata }, initial) => {
      if (!initial) wake(caches.cards.byIndex('namespace', metadata.name));
    },
    update: (old, { metadata }) => {
      if (says(old.metadata) === says(metadata)) return;
      wake(caches.cards.byIndex('namespace', metadata.name));
    },
  });
}

/** What of a namespace counts for its cards. */
const says = (metadata: ObjectMeta) => JSON.stringify([metadata.labels?.[enforcementLabel], meshMarks(metadata)]);

/** What happens to a workload, or on the way to it, concerns the card that stands for it: others look at no agent. */
type Wake = (cards: readonly CachedCard[]) => void;

/** What leads from a card to its agent: workload, Service, EndpointSlices. */
function watchWays(caches: Caches, dnsServices: readonly Key[], sinks: Sinks, wake: Wake): void {
  for (const cache of caches.workloads.values()) {
    const type = typeOf(cache.resource);
    cache.onEvent(
      either(({ metadata: { namespace = '', name }, workload }) => {
        wake(caches.cards.byIndex('target', workloadKey(namespace, { ...type, name })));
        // Others' policies would choose its pods too, or do not any more.
        if (workload !== undefined)
          wake(cardsOn(caches, workloadsSelecting(caches, namespace, workload.templateLabels)));
      }),
    );
    // Pods may outlive the workload that chose them: orphaned, or chosen by another selector than before.
    const leave = ({ workload }: CachedWorkload) => {
      if (workload !== undefined) addUnclaimed(labelledPodsOf(caches, workload), caches, sinks);
    };
    cache.onEvent({ update: leave, remove: leave });
    if ('onUnread' in cache) cache.onUnread(() => wake(cardsOfKind(caches, type)));
  }
  const isCommon = (key: Key) => key === apiServerService || dnsServices.includes(key);
  caches.services.onEvent(
    either((service) => {
      wake(cardsBehind(caches, keyOf(service), service));
      if (isCommon(keyOf(service))) wakeAll(caches, sinks);
    }),
  );
  caches.slices.onEvent(
    either((slice) => {
      const name = slice.metadata.labels?.[serviceNameLabel];
      const key = `${slice.metadata.namespace}/${name}`;
      wake(cardsBehind(caches, key, caches.services.get(key)));
      if (isCommon(key)) wakeAll(caches, sinks);
    }),
  );
}

/** What we wrote and others may have changed: labels on pods, NetworkPolicies. */
function watchMarks(caches: Caches, sinks: Sinks, wake: Wake): void {
  caches.labelledPods.onEvent(
    either((pod: Pod) => {
      const { namespace = '', labels = {} } = pod.metadata;
      wake(cardsOn(caches, workloadsSelecting(caches, namespace, labels)));
      addUnclaimed([pod], caches, sinks);
    }, sinks.ownWrites),
  );
  caches.policies.onEvent(
    either((policy: NetworkPolicy) => {
      const owner = owningCard(policy);
      const card = owner && caches.cards.get(`${policy.metadata.namespace}/${owner.name}`);
      if (card !== undefined) sinks.wake(keyOf(card));
      wake(caches.cards.byIndex('policy', keyOf(policy)));
      wake(cardsChosenBy(policy, caches));
    }, sinks.ownWrites),
  );
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
function watchCutOff(caches: Caches, sinks: Sinks, wake: Wake): void {
  const tell = (card: CachedCard) => {
    const own = caches.policies.byIndex('owner', card.metadata.uid ?? '');
    wake(own.flatMap((policy) => cardsChosenBy(policy, caches)).filter((each) => keyOf(each) !== keyOf(card)));
  };
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

/** So many cards of one workload hear at once of each other; of more, the rest look again by themselves. */
const few = 8;

function watchCards(caches: Caches, sinks: Sinks): void {
  // Whoever stands for the workload now, or did before, is the first of the others, if it is not the card itself.
  const wakeSiblings = (card: CachedCard) => {
    for (const target of indexes.cards.target(card)) {
      const others = standing(caches.cards, target).filter(({ metadata }) => metadata.uid !== card.metadata.uid);
      const first = winnerOf(others);
      const woken = others.length < few ? others : others.filter((other) => other === first);
      for (const other of woken) sinks.wake(keyOf(other));
    }
  };
  caches.cards.onEvent({
    add: (card, initial) => {
      sinks.wake(keyOf(card), initial ? background : {});
      if (!initial) wakeSiblings(card);
    },
    update: (old, card) => {
      sinks.ownWrites.unlessOurs(card, () => {
        sinks.wake(keyOf(card));
        if (!concernsOthers(old, card)) return;
        wakeSiblings(old);
        wakeSiblings(card);
        recheckLabels(caches, sinks, old);
      });
    },
    remove: (card) => {
      sinks.ownWrites.forget(card);
      sinks.wake(keyOf(card));
      wakeSiblings(card);
      recheckLabels(caches, sinks, card);
    },
  });
}

function goes(card: CachedCard): boolean {
  return card.metadata.deletionTimestamp !== undefined;
}

/** A card that changed its target or went may leave labelled pods behind that nothing accounts for any more. */
function recheckLabels(caches: Caches, sinks: Sinks, { metadata }: CachedCard): void {
  addUnclaimed(caches.labelledPods.byIndex('namespace', metadata.namespace ?? ''), caches, sinks);
}

function addUnclaimed(pods: readonly Pod[], caches: Caches, sinks: Sinks): void {
  for (const pod of pods) if (cardsClaiming(caches, pod).length === 0) sinks.addStray(keyOf(pod));
}

function wakeAll(caches: Caches, sinks: Sinks): void {
  for (const card of caches.cards.values()) sinks.wake(keyOf(card), background);
}

/** The cards, not being deleted, whose workload's selector chooses the pod, and at which its owner chain ends. */
export function cardsClaiming(caches: Caches, pod: Pod): CachedCard[] {
  const { namespace = '', labels = {} } = pod.metadata;
  return cardsOn(
    caches,
    workloadsSelecting(caches, namespace, labels).filter((each) => isOf(caches, pod, each)),
  );
}

function cardsOn(caches: Caches, workloads: readonly Workload[]): CachedCard[] {
  const cards = workloads.flatMap((workload) =>
    caches.cards.byIndex('target', workloadKey(workload.namespace, workload)),
  );
  return cards.filter((card) => !goes(card));
}

function cardsBehind(caches: Caches, key: Key, service: Service | undefined): readonly CachedCard[] {
  const named = caches.cards.byIndex('refers', key);
  const selector = service?.spec?.selector;
  const [first] = Object.entries(selector ?? {}).sort();
  if (first === undefined) return named;
  const namespace = key.slice(0, key.indexOf('/'));
  const selected = workloadsBy(caches, 'pair', pairKey(namespace, ...first))
    .filter(({ templateLabels }) => pairsSelect(selector, templateLabels))
    .flatMap((workload) => caches.cards.byIndex('target', workloadKey(namespace, workload)));
  return [...named, ...selected];
}

/** Calls `wake` for the object before and after each change; where `ownWrites` is given, only after what others changed. */
function either<T extends KubeObject>(wake: (object: T) => void, ownWrites?: OwnWrites) {
  const tell = (object: T, ...before: T[]) => {
    const go = () => [...before, object].forEach(wake);
    if (ownWrites === undefined) go();
    else ownWrites.unlessOurs(object, go);
  };
  return {
    add: (object: T) => tell(object),
    update: (old: T, object: T) => tell(object, old),
    remove: (object: T) => {
      ownWrites?.forget(object);
      wake(object);
    },
  };
}
