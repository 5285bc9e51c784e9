import { type ConfigMap, type Key, keyOf, resources, typeOf } from '@agentcard-operator/kube/objects';
import { type AddOptions, type EventRecord, type Logger, lowPriority } from '@agentcard-operator/kube/runtime';
import type { Caches } from './caches.ts';
import { namesCard, parseQuarantineList, type QuarantineEntry } from './quarantine-entries.ts';

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
