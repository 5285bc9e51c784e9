import { type ConfigMap, keyOf } from '@agentcard-operator/kube/objects';
import { parseSpiffeId } from '@agentcard-operator/spiffe/x509';
import * as z from 'zod';
import type { AgentCardStatus } from '../api/agentcard.ts';
import { jsonOrUndefined } from '../api/json.ts';
import type { CachedCard } from './cached.ts';

const listKey = 'entries';

const label = '[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?';
const cardKey = new RegExp(`^${label}/(?=.{1,253}$)${label}(\\.${label})*$`);
const reason = z.string().min(1).max(256);
/** What no card, agent or content can have names nobody, and nobody would hear of it. */
const entry = z.union([
  z.strictObject({ card: z.string().regex(cardKey), reason }),
  z.strictObject({ spiffeId: z.string().refine(isWorkloadId), reason }),
  z.strictObject({ cardId: z.string().regex(/^[0-9a-f]{64}$/), reason }),
]);
const mostEntries = 10_000;
const form =
  'must be an object with reason and one of card ("<namespace>/<name>"), spiffeId ("spiffe://<trust domain>/<path>", as the agent proves it), cardId (64 hex digits)';

function isWorkloadId(text: string): boolean {
  const id = parseSpiffeId(text);
  return id.ok && id.value.path !== '';
}

/** One line of the list: whom it cuts off, by card, by identity or by content, and why. */
export type QuarantineEntry = z.infer<typeof entry>;

export interface QuarantineList {
  readonly entries: readonly QuarantineEntry[];
  /** There is more that cannot be read: what any status says of it stands. */
  readonly isPartial: boolean;
}

export const emptyList: QuarantineList = { entries: [], isPartial: false };

/** The entries that can be read, and what is wrong with the first that cannot. */
export function parseQuarantineList({ data }: ConfigMap): QuarantineList & { readonly fault?: string } {
  const lines = jsonOrUndefined(data?.[listKey] ?? '');
  if (!Array.isArray(lines)) return { entries: [], isPartial: true, fault: `key ${listKey} is no JSON list` };
  const parsed = lines.slice(0, mostEntries).map((line) => entry.safeParse(line).data);
  const entries = parsed.filter((each) => each !== undefined);
  const bad = parsed.indexOf(undefined);
  if (bad >= 0) return { entries, isPartial: true, fault: `key ${listKey} entry ${bad}: ${form}` };
  if (lines.length <= mostEntries) return { entries, isPartial: false };
  return { entries, isPartial: true, fault: `key ${listKey} has more than ${mostEntries} entries` };
}

/** A quarantine that the list ordered; as the status keeps it. */
export type Listing = NonNullable<AgentCardStatus['quarantine']>;

export function listingOf({ reason, ...subject }: QuarantineEntry): Listing & { readonly subject: string } {
  return { by: 'list', subject: Object.entries(subject).flat().join(' '), reason };
}

const told = new WeakMap<readonly QuarantineEntry[], ReturnType<typeof listingOf>[]>();

/** Made once of each list, which may be long: every decision looks at all of them. */
export function allListings(entries: readonly QuarantineEntry[]) {
  if (!told.has(entries)) told.set(entries, entries.map(listingOf));
  return told.get(entries) ?? [];
}

/** What the list says of cards by what is stored of them; where not all of it can be read, what their status says. */
export function listingsOf(cards: readonly CachedCard[], { entries, isPartial }: QuarantineList): readonly Listing[] {
  const stored = cards.flatMap(({ status }) => (status?.quarantine?.by === 'list' ? [status.quarantine] : []));
  const subjects = new Set([...stored.map(({ subject }) => subject), ...cards.flatMap(subjectsOf)]);
  const listed = allListings(entries).filter(({ subject }) => subjects.has(subject));
  return isPartial ? [...listed, ...stored] : listed;
}

/** What names a card, by what is stored of it. */
export function subjectsOf(card: CachedCard): string[] {
  const { cardId, attestedAgentSpiffeId, signatureSpiffeId, expectedSpiffeID = '' } = card.status ?? {};
  const ids = [attestedAgentSpiffeId, signatureSpiffeId, ...expectedSpiffeID.split(', ')];
  return [`card ${keyOf(card)}`, `cardId ${cardId}`, ...ids.map((id) => `spiffeId ${id}`)];
}
