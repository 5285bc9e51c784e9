import { type ConfigMap, type Key, keyOf, resources, typeOf } from '@agentcard-operator/kube/objects';
import { type AddOptions, type EventRecord, type Logger, lowPriority } from '@agentcard-operator/kube/runtime';
import type { CachedCard } from './cached.ts';
import type { Caches } from './caches.ts';
import { indexes } from './indexes.ts';
import {
  allListings,
  emptyList,
  type Listing,
  listingsOf,
  parseQuarantineList,
  type QuarantineEntry,
  type QuarantineList,
  subjectsOf,
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
 * Follows ConfigMap agentcard-quarantine. Returns what the list says now: when it is malformed the last good one stays, and
 * what can be read is added; a list that is not there names nobody.
 */
export function followQuarantineList(
  { cards, quarantine }: Pick<Caches, 'cards' | 'quarantine'>,
  { wake, record, log, malformed }: QuarantineSinks,
): () => QuarantineList {
  let now = emptyList;
  const take = (list: QuarantineList) => {
    const changed = subjectsIn(differing(now.entries, list.entries));
    now = list;
    const concerned = [...cards.values()].filter((card) => subjectsOf(card).some((subject) => changed.has(subject)));
    for (const card of concerned) wake(keyOf(card));
    for (const card of cards.values()) wake(keyOf(card), { priority: lowPriority });
  };
  let hasGood = false;
  const takeWhole = (list: QuarantineList) => {
    hasGood = true;
    malformed(false);
    take(list);
  };
  const read = (list: ConfigMap) => {
    const { fault, ...parsed } = parseQuarantineList(list);
    if (fault === undefined) return takeWhole(parsed);
    malformed(true);
    take({ entries: inEither(now.entries, parsed.entries), isPartial: !hasGood });
    log.warn('the list of quarantines cannot be read', { reason: fault });
    // Once per version of the list.
    const note = `The list of quarantines cannot be read (${fault}): the last good one stays, and what can be read is added. Correct it.`;
    const told = { type: 'Warning', reason: 'QuarantineListMalformed', action: 'ReadQuarantineList', note } as const;
    record({ regarding: { ...list, ...typeOf(resources.configMaps) }, ...told });
  };
  quarantine?.onEvent({ add: read, update: (_, list) => read(list), remove: () => takeWhole(emptyList) });
  return () => now;
}

type Entries = readonly QuarantineEntry[];

const subjectsIn = (entries: Entries) => new Set(allListings(entries).map(({ subject }) => subject));
const textsOf = (entries: Entries) => new Set(entries.map((entry) => JSON.stringify(entry)));
const entriesOf = (texts: ReadonlySet<string>): Entries => [...texts].map((text) => JSON.parse(text));
const inEither = (one: Entries, other: Entries) => entriesOf(textsOf(one).union(textsOf(other)));
const differing = (before: Entries, after: Entries) => entriesOf(textsOf(before).symmetricDifference(textsOf(after)));

/** What the list still says of a workload by cards of it that have gone, or turned to another. */
export type ListedBefore = (target: string) => readonly Listing[];

const mostKept = 4_096;

/**
 * Whoever may delete a card, or point it elsewhere, may not lift what the list ordered: that is the workload's until the entry
 * goes. Each card that the workload gets keeps it in its status from then on.
 */
export function followListed(
  { cards, workloads }: Pick<Caches, 'cards' | 'workloads'>,
  list: () => QuarantineList,
): ListedBefore {
  const left = new Map<string, readonly Listing[]>();
  const standing = (listings: readonly Listing[]) => {
    const { entries, isPartial } = list();
    const subjects = subjectsIn(entries);
    return isPartial ? listings : listings.filter(({ subject = '' }) => subjects.has(subject));
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
  return (target) => (left.has(target) ? standing(left.get(target) ?? []) : []);
}
