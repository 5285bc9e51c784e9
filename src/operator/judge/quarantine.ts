import { type ConfigMap, keyOf } from '@agentcard-operator/kube/objects';
import type { Parsed } from '@agentcard-operator/spiffe/x509';
import * as z from 'zod';
import { messageWithRemedy } from '../api/conditions.ts';
import { quarantineListName } from '../api/labels.ts';
import type { Findings } from './evaluate.ts';
import type { CachedCard } from './snapshot.ts';

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

export function parseQuarantineList({ data }: ConfigMap): Parsed<readonly QuarantineEntry[]> {
  const parsed = entries.safeParse(jsonOrUndefined(data?.[listKey]));
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
export function quarantineOf(findings: Omit<Findings, 'quarantine'>): string | undefined {
  const { card, siblings, quarantineList } = findings.snapshot;
  const own = card.spec.quarantine?.reason;
  if (own !== undefined) return `Quarantined: ${own}.`;
  const sibling = siblings.find(({ spec }) => spec.quarantine !== undefined);
  if (sibling !== undefined)
    return `Quarantined by AgentCard ${sibling.metadata.name}: ${sibling.spec.quarantine?.reason}.`;
  const stored = storedText(card);
  if (quarantineList === undefined) return stored;
  const entry = quarantineList.find((candidate) => textOf(candidate) === stored || names(candidate, findings));
  return entry && textOf(entry);
}

/** By what is stored of the card, or by what any pod shows now. */
function names(entry: QuarantineEntry, { snapshot, target, pods }: Omit<Findings, 'quarantine'>): boolean {
  if (namesCard(entry, snapshot.card)) return true;
  if ('card' in entry) return false;
  const answers = pods.flatMap(({ evidence }) => (evidence?.answer?.kind === 'card' ? [evidence.answer] : []));
  if ('cardId' in entry) return answers.some(({ card }) => card.cardId === entry.cardId);
  const shown = answers.flatMap(({ peer, card }) => [peer?.uri, card.signature?.signer]);
  return [...target.expected, ...shown].includes(entry.spiffeId);
}

/** Ready's stored message, without its remedy, when it tells of the list. */
function storedText({ status }: CachedCard): string | undefined {
  const message = status?.conditions?.find(({ type }) => type === 'Ready')?.message ?? '';
  if (!message.startsWith(listed)) return undefined;
  const todo = messageWithRemedy('Ready', 'Quarantined', '');
  return message.endsWith(todo) ? message.slice(0, -todo.length) : message;
}

function jsonOrUndefined(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
