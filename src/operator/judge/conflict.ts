import { managedByLabel, managedByValue } from '../api/labels.ts';
import { predecessor } from '../api/predecessor.ts';
import type { CachedCard } from '../watch/cached.ts';

/** By us, or by the Go operator before us. */
export function isAutoCreated(card: CachedCard): boolean {
  const by = card.metadata.labels?.[managedByLabel];
  return by === managedByValue || by === predecessor.managedBy;
}

/** The card that stands for the workload instead of this one: hand-written before auto-created, older, then by name. */
export function winnerOver(card: CachedCard, siblings: readonly CachedCard[]): CachedCard | undefined {
  const [first] = [card, ...siblings].sort(compare);
  return first === card ? undefined : first;
}

function compare(a: CachedCard, b: CachedCard): number {
  const keys = (card: CachedCard) => [
    isAutoCreated(card) ? '1' : '0',
    card.metadata.creationTimestamp ?? '',
    card.metadata.name,
  ];
  const [left, right] = [keys(a).join('\n'), keys(b).join('\n')];
  return left < right ? -1 : left > right ? 1 : 0;
}
