import type { Informer } from '@agentcard-operator/kube';
import { isAutoCreated, winnerOf } from '../workload/winner.ts';
import type { CachedCard } from './cached.ts';
import { indexes } from './indexes.ts';

/** Of the cards of one workload, what concerns each of them. */
interface Rivals {
  /** The card that stands for the workload. */
  readonly winner: CachedCard | undefined;
  readonly quarantining: CachedCard | undefined;
}

type Cards = Pick<Informer<CachedCard>, 'byIndex' | 'onEvent'>;
type RivalsOn = (target: string) => Rivals;

const known = new WeakMap<Cards, RivalsOn>();

/** Found once per change of a workload's cards, since a tenant can make thousands of them. */
export function rivals(cards: Cards): RivalsOn {
  const found = known.get(cards) ?? watchRivals(cards);
  known.set(cards, found);
  return found;
}

function watchRivals(cards: Cards): RivalsOn {
  const found = new Map<string, Rivals>();
  const forget = (...changed: readonly CachedCard[]) => {
    for (const target of changed.flatMap(indexes.cards.target)) found.delete(target);
  };
  cards.onEvent({ add: (card) => forget(card), update: forget, remove: forget });
  return (target) => {
    const before = found.get(target);
    if (before !== undefined) return before;
    const stay = standing(cards, target);
    const now = { winner: winnerOf(stay), quarantining: winnerOf(stay.filter(({ spec }) => spec.quarantine)) };
    found.set(target, now);
    return now;
  };
}

/** Why a card's own workload is cut off; one that only shares another's fate hands it on to nobody. */
export function cutOff({ spec, status }: CachedCard): { readonly reason: string } | undefined {
  return status?.quarantine === undefined || status.quarantine.by === 'neighbour' ? spec.quarantine : status.quarantine;
}

/** The cards of a workload that stay. */
export function standing(cards: Cards, target: string): CachedCard[] {
  return cards.byIndex('target', target).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

/** The label that tells who made a card decides which of several stands, and counts in no generation; nor does what the list says. */
export function concernsOthers(old: CachedCard, card: CachedCard): boolean {
  return (
    old.metadata.generation !== card.metadata.generation ||
    isAutoCreated(old) !== isAutoCreated(card) ||
    (old.status?.quarantine?.by === 'list') !== (card.status?.quarantine?.by === 'list') ||
    card.metadata.deletionTimestamp !== undefined
  );
}
