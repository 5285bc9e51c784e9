import { keyOf, typeOf } from '@agentcard-operator/kube/objects';
import { type AddOptions, lowPriority } from '@agentcard-operator/kube/runtime';
import { workloadKey } from '../../workload/workload.ts';
import type { CachedCard, CachedWorkload } from '../cached.ts';
import type { Caches } from '../caches.ts';
import { indexes } from '../indexes.ts';
import { concernsOthers, standing } from '../rivals.ts';

/** Whoever answers for a caller may change it often; who lists it looks once a second. */
const soon: AddOptions = { priority: lowPriority, afterMs: 1_000 };

/** What a caller must prove depends on its workload, and on all cards of that: whoever lists one of them looks again. */
export function watchCallers(caches: Caches, wake: (card: string, when: AddOptions) => void): void {
  const { cards } = caches;
  const wakeListing = (listed: readonly CachedCard[]) => {
    const callees = listed.flatMap((card) => cards.byIndex('callers', keyOf(card)));
    for (const callee of new Set(callees)) wake(keyOf(callee), soon);
  };
  const besides = (...changed: readonly CachedCard[]) =>
    wakeListing([...changed, ...changed.flatMap(indexes.cards.target).flatMap((target) => standing(cards, target))]);
  cards.onEvent({
    add: (card, initial) => {
      if (!initial) besides(card);
    },
    update: (old, card) => {
      if (concernsOthers(old, card)) besides(old, card);
    },
    remove: (card) => besides(card),
  });
  for (const cache of caches.workloads.values()) {
    const type = typeOf(cache.resource);
    const changed = ({ metadata: { namespace = '', name } }: CachedWorkload) =>
      wakeListing(standing(cards, workloadKey(namespace, { ...type, name })));
    cache.onEvent({
      // What is read late, since its kind was not served, finds its callees judged already.
      add: (now, initial) => {
        if (!initial || 'onUnread' in cache) changed(now);
      },
      update: (was, now) => {
        if (was.workload?.serviceAccount !== now.workload?.serviceAccount) changed(now);
      },
      remove: changed,
    });
  }
}
