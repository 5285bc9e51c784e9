import { type ConfigMap, keyOf } from '@agentcard-operator/kube/objects';
import type { Result } from '@agentcard-operator/spiffe/x509';
import * as z from 'zod';
import type { AgentCardStatus } from '../api/agentcard.ts';
import { jsonOrUndefined } from '../api/json.ts';
import type { CachedCard } from './cached.ts';

const listKey = 'entries';

const value = z.string().min(1).max(2048);
const reason = z.string().min(1).max(256);
const entries = z
  .array(
    z.union(
      [
        z.strictObject({ card: value.regex(/^[^/]+\/[^/]+$/), reason }),
        z.strictObject({ spiffeId: value.startsWith('spiffe://'), reason }),
        z.strictObject({ cardId: value.regex(/^[0-9a-f]{64}$/), reason }),
      ],
      'must be an object with reason and one of card ("<namespace>/<name>"), spiffeId, cardId',
    ),
  )
  .max(10_000);

/** One line of the list: whom it cuts off, by card, by identity or by content, and why. */
export type QuarantineEntry = z.infer<typeof entries>[number];

export function parseQuarantineList({ data }: ConfigMap): Result<readonly QuarantineEntry[]> {
  const parsed = entries.safeParse(jsonOrUndefined(data?.[listKey] ?? ''));
  if (parsed.success) return { ok: true, value: parsed.data };
  const [issue] = parsed.error.issues;
  const where = issue?.path[0] === undefined ? 'is no JSON list' : `entry ${String(issue.path[0])}: ${issue.message}`;
  return { ok: false, error: { code: 'QuarantineListMalformed', message: `key ${listKey} ${where}` } };
}

/** A quarantine that the list ordered; as the status keeps it. */
export type Listing = NonNullable<AgentCardStatus['quarantine']>;

export function listingOf({ reason, ...subject }: QuarantineEntry): Listing {
  return { by: 'list', subject: Object.entries(subject).flat().join(' '), reason };
}

/** What the list says of cards by what is stored of them; of a list that cannot be read, what their status says. */
export function listingsOf(
  cards: readonly CachedCard[],
  list: readonly QuarantineEntry[] | undefined,
): readonly Listing[] {
  const stored = cards.flatMap(({ status }) => (status?.quarantine?.by === 'list' ? [status.quarantine] : []));
  if (list === undefined) return stored;
  const subjects = new Set([...stored.map(({ subject }) => subject), ...cards.flatMap(subjectsOf)]);
  return list.map(listingOf).filter(({ subject }) => subjects.has(subject));
}

/** Whether an entry names a card by what is stored of it. */
export function namesCard(entry: QuarantineEntry, card: CachedCard): boolean {
  return subjectsOf(card).some((subject) => subject === listingOf(entry).subject);
}

function subjectsOf(card: CachedCard): string[] {
  const { cardId, attestedAgentSpiffeId, signatureSpiffeId, expectedSpiffeID = '' } = card.status ?? {};
  const ids = [attestedAgentSpiffeId, signatureSpiffeId, ...expectedSpiffeID.split(', ')];
  return [`card ${keyOf(card)}`, `cardId ${cardId}`, ...ids.map((id) => `spiffeId ${id}`)];
}
