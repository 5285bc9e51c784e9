import { type ConfigMap, type Key, keyOf, resources, typeOf } from '@agentcard-operator/kube/objects';
import { type AddOptions, type EventRecord, type Logger, lowPriority } from '@agentcard-operator/kube/runtime';
import type { CachedCard } from './cached.ts';
import type { Caches } from './caches.ts';
import { indexes } from './indexes.ts';
import {
  type Listing,
  listingOf,
  listingsOf,
  namesCard,
  parseQuarantineList,
  type QuarantineEntry,
} from './quarantine-entries.ts';

export interface QuarantineSinks {
  /** In the background: a card of which only live evidence could tell whether the change concerns it. */
  readonly wake: (key: Key, when?: AddOptions) => void;
  readonly record: (record: EventRecord) => void;
  readonly log: Logger;
  /** For metrics. */
  readonly malformed: (isMalformed: boolean) => void;
}

/**
 * Follows ConfigMap agentcard-quarantine. Returns what the list says now; undefined while it has never been readable: the
 * last good list stays when a later one is malformed, and a list that is not there names nobody.
 */
export function followQuarantineList(
  { cards, quarantine }: Pick<Caches, 'cards' | 'quarantine'>,
  { wake, record, log, malformed }: QuarantineSinks,
): () => readonly QuarantineEntry[] | undefined {
  let good: readonly QuarantineEntry[] | undefined;
  const take = (entries: readonly QuarantineEntry[]) => {
    const changed = differing(good ?? [], entries);
    good = entries;
    malformed(false);
    const concerned = [...cards.values()].filter((card) => changed.some((entry) => namesCard(entry, card)));
    for (const card of concerned) wake(keyOf(card));
    for (const card of cards.values()) wake(keyOf(card), { priority: lowPriority });
  };
  const read = (list: ConfigMap) => {
    const parsed = parseQuarantineList(list);
    if (parsed.ok) return take(parsed.value);
    malformed(true);
    log.warn('the list of quarantines cannot be read', { reason: parsed.error.message });
    // Once per version of the list.
    const note = `The list of quarantines cannot be read (${parsed.error.message}): the last good one stays. Correct it.`;
    const told = { type: 'Warning', reason: 'QuarantineListMalformed', action: 'ReadQuarantineList', note } as const;
    record({ regarding: { ...list, ...typeOf(resources.configMaps) }, ...told });
  };
  quarantine?.onEvent({ add: read, update: (_, list) => read(list), remove: () => take([]) });
  return () => good ?? (quarantine?.size ? undefined : []);
}

/** The entries that only one of the two lists has. */
function differing(before: readonly QuarantineEntry[], after: readonly QuarantineEntry[]): QuarantineEntry[] {
  const texts = (list: readonly QuarantineEntry[]) => new Set(list.map((entry) => JSON.stringify(entry)));
  return [...texts(before).symmetricDifference(texts(after))].map((text) => JSON.parse(text));
}

/** What the list still says of a workload by cards of it that have gone, or turned to another. */
export type ListedBefore = (target: string) => readonly Listing[];

const mostKept = 4_096;

/**
 * Whoever may delete a card, or point it elsewhere, may not lift what the list ordered: that is the workload's until the entry
 * goes. Each card that the workload gets keeps it in its status from then on.
 */
export function followListed(
  { cards, workloads }: Pick<Caches, 'cards' | 'workloads'>,
  list: () => readonly QuarantineEntry[] | undefined,
): ListedBefore {
  const left = new Map<string, readonly Listing[]>();
  const standing = (listings: readonly Listing[]) => {
    const entries = list();
    const subjects = new Set(entries?.map((entry) => listingOf(entry).subject));
    return entries === undefined ? listings : listings.filter(({ subject = '' }) => subjects.has(subject));
  };
  const isThere = (target: string) => {
    const [namespace, group, kind, name] = target.split('/');
    return workloads.get(`${group}/${kind}`)?.get(`${namespace}/${name}`) !== undefined;
  };
  const leave = (card: CachedCard) => {
    const listings = listingsOf([card], list());
    const [target] = indexes.cards.target(card);
    if (target === undefined || listings.length === 0) return;
    left.set(target, listings);
    // Nobody forgets a workload that is there by naming others that are not.
    if (left.size > mostKept) left.delete([...left.keys()].find((key) => !isThere(key)) ?? target);
  };
  const hasLeft = (old: CachedCard, card: CachedCard) =>
    card.metadata.deletionTimestamp !== undefined || indexes.cards.target(old)[0] !== indexes.cards.target(card)[0];
  cards.onEvent({ update: (old, card) => hasLeft(old, card) && leave(old), remove: leave });
  return (target) => standing(left.get(target) ?? []);
}
