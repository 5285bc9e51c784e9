import { type ConfigMap, keyOf } from '@agentcard-operator/kube/objects';
import type { Result } from '@agentcard-operator/spiffe/x509';
import * as z from 'zod';
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

/** Whether an entry names a card by what is stored of it. */
export function namesCard(entry: QuarantineEntry, card: CachedCard): boolean {
  const { status } = card;
  if ('card' in entry) return entry.card === keyOf(card);
  if ('cardId' in entry) return entry.cardId === status?.cardId;
  const known = [
    status?.attestedAgentSpiffeId,
    status?.signatureSpiffeId,
    ...(status?.expectedSpiffeID ?? '').split(', '),
  ];
  return known.includes(entry.spiffeId);
}
