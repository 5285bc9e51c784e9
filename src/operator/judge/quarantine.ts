import { messageWithRemedy } from '../api/conditions.ts';
import { quarantineListName } from '../api/labels.ts';
import type { CachedCard } from '../watch/cached.ts';
import { namesCard, type QuarantineEntry } from '../watch/quarantine-entries.ts';
import type { Sight } from './sight.ts';
import type { Snapshot, Target } from './snapshot.ts';

const listed = `Quarantined by ConfigMap ${quarantineListName}`;
const longestValue = 300;

/** What the status says of a listed card; also how a later run knows it again. */
function textOf({ reason, ...subject }: QuarantineEntry): string {
  const [[kind, text] = ['', '']] = Object.entries(subject);
  const short = text.length > longestValue ? `${text.slice(0, longestValue - 1)}…` : text;
  return `${listed} (${kind} ${short}): ${reason}.`;
}

/**
 * Why the agent is cut off; undefined when it is not. A card of the same workload quarantines it too, so that a second card
 * lifts nothing. What the list once named stays cut off until the entry leaves the list, whatever the agent serves or
 * proves by then; and while the list cannot be read, what the stored status says of it stands.
 */
export function quarantineOf(snapshot: Snapshot, target: Target, pods: readonly Sight[]): string | undefined {
  const { card, siblings, quarantineList } = snapshot;
  const own = card.spec.quarantine?.reason;
  if (own !== undefined) return `Quarantined: ${own}.`;
  const sibling = siblings.find(({ spec }) => spec.quarantine !== undefined);
  if (sibling !== undefined)
    return `Quarantined by AgentCard ${sibling.metadata.name}: ${sibling.spec.quarantine?.reason}.`;
  const stored = storedText(card);
  if (quarantineList === undefined) return stored;
  const entry = quarantineList.find(
    (candidate) => textOf(candidate) === stored || names(candidate, snapshot.card, target, pods),
  );
  return entry && textOf(entry);
}

/** By what is stored of the card, or by what any pod shows now. */
function names(entry: QuarantineEntry, card: CachedCard, { expected }: Target, pods: readonly Sight[]): boolean {
  if (namesCard(entry, card)) return true;
  if ('card' in entry) return false;
  const shown = pods.flatMap((pod) => (pod.shown?.kind === 'card' ? [pod.shown] : []));
  if ('cardId' in entry) return shown.some(({ card: { cardId } }) => cardId === entry.cardId);
  const ids = shown.flatMap(({ peer, card: { signature } }) => [peer?.uri, signature?.signer]);
  return [...expected, ...ids].includes(entry.spiffeId);
}

/** Ready's stored message, without its remedy, when it tells of the list. */
function storedText({ status }: CachedCard): string | undefined {
  const message = status?.conditions?.find(({ type }) => type === 'Ready')?.message ?? '';
  if (!message.startsWith(listed)) return undefined;
  const todo = messageWithRemedy('Ready', 'Quarantined', '');
  return message.endsWith(todo) ? message.slice(0, -todo.length) : message;
}
