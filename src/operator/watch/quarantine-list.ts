import type { Informer } from '@agentcard-operator/kube';
import { type ConfigMap, type Key, keyOf } from '@agentcard-operator/kube/objects';
import type { Caches } from './caches.ts';
import { namesCard, parseQuarantineList, type QuarantineEntry } from './quarantine-entries.ts';

export interface QuarantineSinks {
  /** `background`: a card of which only live evidence could tell whether the change concerns it. */
  readonly addCard: (key: Key, background: boolean) => void;
  readonly onMalformed: (list: ConfigMap, problem: string) => void;
  readonly onGood: () => void;
}

/**
 * Follows ConfigMap agentcard-quarantine. Returns what the list says now; undefined while it has never been readable: the
 * last good list stays when a later one is malformed, and a list that is not there names nobody.
 */
export function followQuarantineList(
  caches: Pick<Caches, 'cards' | 'quarantine'>,
  sinks: QuarantineSinks,
): () => readonly QuarantineEntry[] | undefined {
  const { cards, quarantine } = caches;
  let good: readonly QuarantineEntry[] | undefined;
  const take = (entries: readonly QuarantineEntry[]) => {
    const changed = differing(good ?? [], entries);
    good = entries;
    sinks.onGood();
    const concerned = [...cards.values()].filter((card) => changed.some((entry) => namesCard(entry, card)));
    for (const card of concerned) sinks.addCard(keyOf(card), false);
    for (const card of cards.values()) sinks.addCard(keyOf(card), true);
  };
  const read = (list: ConfigMap) => {
    const parsed = parseQuarantineList(list);
    if (parsed.ok) take(parsed.value);
    else sinks.onMalformed(list, parsed.error.message);
  };
  quarantine?.onEvent({ add: read, update: (_, list) => read(list), remove: () => take([]) });
  return () => good ?? (isEmpty(quarantine) ? [] : undefined);
}

function isEmpty(quarantine: Informer<ConfigMap> | undefined): boolean {
  return quarantine === undefined || quarantine.size === 0;
}

/** The entries that only one of the two lists has. */
function differing(before: readonly QuarantineEntry[], after: readonly QuarantineEntry[]): QuarantineEntry[] {
  const texts = (list: readonly QuarantineEntry[]) => new Map(list.map((entry) => [JSON.stringify(entry), entry]));
  const [had, has] = [texts(before), texts(after)];
  const only = (one: typeof had, other: typeof had) => [...one].filter(([text]) => !other.has(text));
  return [...only(had, has), ...only(has, had)].map(([, entry]) => entry);
}
