import { sameJson } from '@agentcard-operator/agentcard';
import {
  type Key,
  type KubeObject,
  keyOf,
  type ObjectMeta,
  type Service,
  typeOf,
} from '@agentcard-operator/kube/objects';
import { enforcementLabel, signedCardSuffix } from '../../api/labels.ts';
import { apiServerService } from '../../network/facts.ts';
import { meshMarks } from '../../workload/mesh.ts';
import { pairsSelect } from '../../workload/selector.ts';
import { serviceNameLabel } from '../../workload/service.ts';
import { winnerOf } from '../../workload/winner.ts';
import { workloadKey } from '../../workload/workload.ts';
import type { CachedCard, CachedWorkload } from '../cached.ts';
import type { Caches } from '../caches.ts';
import { indexes, pairKey } from '../indexes.ts';
import { cardsOfKind, labelledPodsOf, workloadsBy, workloadsSelecting } from '../lookups.ts';
import { concernsOthers, rivals, standing } from '../rivals.ts';
import { watchCallers } from './callers.ts';
import { addUnclaimed, cardsOn } from './claims.ts';
import { type Clock, FairLook } from './fair-look.ts';
import { watchCutOff, watchMarks } from './marks.ts';
import { background, changes, either, type Sinks, type Wake } from './sinks.ts';

/** Which changes wake which cards. Every mapping looks at the object before and after the change. */
export function connect(caches: Caches, dnsServices: readonly Key[], sinks: Sinks, clock?: Clock): void {
  const rivalsOn = rivals(caches.cards);
  const wake: Wake = (cards) => {
    const standsFor = (card: CachedCard) => indexes.cards.target(card).map(rivalsOn)[0]?.winner ?? card;
    for (const card of new Set(cards.map(standsFor))) sinks.wake(keyOf(card));
  };
  const fair = new FairLook((namespace) => {
    for (const card of caches.cards.byIndex('namespace', namespace)) sinks.wake(keyOf(card), background);
    // Whether a card accounts for them is found out one by one.
    for (const pod of caches.labelledPods.byIndex('namespace', namespace)) sinks.addStray(keyOf(pod));
  }, clock);
  watchCards(caches, sinks, fair);
  watchWays(caches, sinks, wake, fair);
  watchInfrastructure(caches, dnsServices, sinks);
  watchMarks(caches, sinks, wake, fair);
  watchCutOff(caches, sinks, wake, fair);
  watchCallers(caches, sinks.wake);
  caches.signedCards?.onEvent(
    either(fair, ({ metadata }) => {
      const owner = metadata.name.endsWith(signedCardSuffix) ? metadata.name.slice(0, -signedCardSuffix.length) : '';
      wake(caches.cards.byIndex('refers', `${metadata.namespace}/${owner}`));
    }),
  );
  caches.namespaces?.onEvent({
    add: ({ metadata }, initial) => {
      if (!initial) wake(caches.cards.byIndex('namespace', metadata.name));
    },
    update: (old, { metadata }) => {
      if (says(old.metadata) !== says(metadata)) wake(caches.cards.byIndex('namespace', metadata.name));
    },
  });
}

/** What of a namespace counts for its cards. */
const says = (metadata: ObjectMeta) => JSON.stringify([metadata.labels?.[enforcementLabel], meshMarks(metadata)]);

/** So many cards of one workload hear at once of each other; of more, the rest look again by themselves. */
const few = 8;

/** A card wakes itself, and the others of its workload where it changed what concerns them. */
function watchCards(caches: Caches, sinks: Sinks, fair: FairLook): void {
  // Whoever stands for the workload now, or did before, is the first of the others, if it is not the card itself.
  const wakeSiblings = fair.looking((card: CachedCard) => {
    for (const target of indexes.cards.target(card)) {
      const others = standing(caches.cards, target).filter(({ metadata }) => metadata.uid !== card.metadata.uid);
      const first = winnerOf(others);
      const woken = others.length < few ? others : others.filter((other) => other === first);
      for (const other of woken) sinks.wake(keyOf(other));
    }
  });
  // One that turned to another workload or goes may leave labelled pods behind that nothing accounts for any more.
  const recheckLabels = fair.looking(({ metadata: { namespace = '' } }: CachedCard) =>
    addUnclaimed(caches.labelledPods.byIndex('namespace', namespace), caches, sinks),
  );
  caches.cards.onEvent({
    add: (card, initial) => {
      sinks.wake(keyOf(card), initial ? background : {});
      if (!initial) wakeSiblings(card);
    },
    update: (old, card) => {
      sinks.ownWrites.unlessOurs(card, () => {
        sinks.wake(keyOf(card));
        if (concernsOthers(old, card)) wakeSiblings(card, old);
        const { metadata, spec } = card;
        if (metadata.deletionTimestamp || !sameJson(old.spec.targetRef, spec.targetRef)) recheckLabels(card);
      });
    },
    remove: (card) => {
      sinks.ownWrites.forget(card);
      sinks.wake(keyOf(card));
      wakeSiblings(card);
      recheckLabels(card);
    },
  });
}

/** What leads from a card to its agent: workload, Service, EndpointSlices. */
function watchWays(caches: Caches, sinks: Sinks, wake: Wake, fair: FairLook): void {
  for (const cache of caches.workloads.values()) {
    const type = typeOf(cache.resource);
    cache.onEvent(
      either(fair, ({ metadata: { namespace = '', name }, workload }: CachedWorkload) => {
        wake(caches.cards.byIndex('target', workloadKey(namespace, { ...type, name })));
        // Others' policies would choose its pods too, or do not any more.
        if (workload !== undefined)
          wake(cardsOn(caches, workloadsSelecting(caches, namespace, workload.templateLabels)));
      }),
    );
    // Pods may outlive the workload that chose them: orphaned, or chosen by another selector than before.
    const leave = fair.looking(({ workload }: CachedWorkload) => {
      if (workload !== undefined) addUnclaimed(labelledPodsOf(caches, workload), caches, sinks);
    });
    cache.onEvent({
      update: (old, { workload }) => sameJson(old.workload?.selector, workload?.selector) || leave(old),
      remove: (gone) => leave(gone),
    });
    if ('onUnread' in cache) cache.onUnread(() => wake(cardsOfKind(caches, type)));
  }
  caches.services.onEvent(either(fair, (service) => wake(cardsBehind(caches, keyOf(service), service))));
  caches.slices.onEvent(
    either(fair, (slice) => {
      const key = serviceOf(slice);
      wake(cardsBehind(caches, key, caches.services.get(key)));
    }),
  );
}

/** Every policy names where the API server and DNS are; of the API server one slice counts. */
function watchInfrastructure(caches: Caches, dnsServices: readonly Key[], { wake }: Sinks): void {
  const whenCommon = <T extends KubeObject>(isCommon: (object: T) => boolean) =>
    changes((object: T, before) => {
      if (!isCommon(object) && !isCommon(before)) return;
      for (const card of caches.cards.values()) wake(keyOf(card), background);
    });
  const common = [apiServerService, ...dnsServices];
  caches.services.onEvent(whenCommon((service) => common.includes(keyOf(service))));
  const isOfDns = (slice: KubeObject) => dnsServices.includes(serviceOf(slice));
  caches.slices.onEvent(whenCommon((slice) => keyOf(slice) === apiServerService || isOfDns(slice)));
}

/** The key of the Service that a slice says it belongs to. */
function serviceOf({ metadata: { namespace, labels } }: KubeObject): Key {
  return `${namespace}/${labels?.[serviceNameLabel]}`;
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
