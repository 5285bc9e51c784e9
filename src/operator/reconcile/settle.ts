import { type JsonObject, sameJson } from '@agentcard-operator/agentcard';
import { type Condition, type Key, keyOf } from '@agentcard-operator/kube/objects';
import type { AgentCard } from '../api/agentcard.ts';
import { type ConditionType, messageWithRemedy } from '../api/conditions.ts';
import { customResources } from '../api/resources.ts';
import { isoTime } from '../api/time.ts';
import type { Snapshot } from '../judge/snapshot.ts';
import { type CachedCard, hashOf } from '../watch/cached.ts';
import type { Verbs } from '../watch/own-writes.ts';
import type { Applied } from './apply.ts';
import { mergePatch } from './patch.ts';
import type { Plan } from './plan.ts';
import type { DesiredStatus, StatusFields } from './status.ts';
import { type Note, transitions } from './transitions.ts';

export interface SettleEdges {
  readonly client: Verbs;
  readonly now: () => number;
  /** When each card's status was last written. */
  readonly lastWritten: Map<Key, number>;
  /** Puts the API server's answer into the cache, so that the next reconcile sees its own write. */
  readonly takeCard: (card: AgentCard) => void;
  readonly record: (card: CachedCard, note: Note) => void;
}

/**
 * Between two writes that change no verdict: an agent may show another card at every question, and in a rollout every new pod
 * changes which ones are covered.
 */
const contentMs = 1_000;

/**
 * Writes the status once and last, and not at all when nothing differs; then tells the transitions. Returns after how many
 * milliseconds a write that has to wait is due.
 */
export async function settle(plan: Plan, applied: Applied, snapshot: Snapshot, edges: SettleEdges) {
  if (plan.status === undefined) return undefined;
  const { card } = snapshot;
  const desired = withFailures(plan.status, applied, card.status ?? {}, edges.now());
  const now = edges.now();
  const last = edges.lastWritten.get(keyOf(card)) ?? -Infinity;
  const mayWait = now >= last && now < last + contentMs && sameJson(gist(card.status ?? {}), gist(desired.fields));
  const patch = await difference(card, desired, mayWait ? undefined : edges.client);
  if (patch === undefined) return undefined;
  if (mayWait) return last + contentMs - now;
  edges.lastWritten.set(keyOf(card), now);
  const { uid, resourceVersion } = card.metadata;
  const body = { metadata: { uid, resourceVersion }, status: patch };
  const written = await edges.client.patch<AgentCard>(customResources.agentCards, keyOf(card), body, {
    type: 'merge',
    subresource: 'status',
  });
  edges.takeCard(written);
  for (const note of transitions(card.status ?? {}, desired.fields, card.spec)) edges.record(card, note);
  return undefined;
}

/** What is never late: the verdict, what people ordered, and what was done about it. */
function gist({ conditions = [], observedGeneration, quarantine, policy, heldSince }: StatusFields) {
  const verdict = conditions.map(({ type, status, reason }) => [type, status, reason]);
  return [verdict, observedGeneration, quarantine, policy, heldSince];
}

/** No status claims what the API server refused: failures take the place of what the plan had hoped for. */
function withFailures(desired: DesiredStatus, applied: Applied, stored: StatusFields, now: number): DesiredStatus {
  const failure = applied.policyFailure ?? applied.markFailures[0];
  if (failure === undefined) return desired;
  const failed = (condition: Condition, reason: string, seen: string): Condition => {
    const was = stored.conditions?.find(({ type }) => type === condition.type);
    const lastTransitionTime = was?.status === 'False' ? was.lastTransitionTime : isoTime(now);
    const said = messageWithRemedy(condition.type as ConditionType, reason, seen);
    const message = was !== undefined && withoutNumbers(was.message) === withoutNumbers(said) ? was.message : said;
    return { ...condition, status: 'False', reason, message, lastTransitionTime };
  };
  const conditions = desired.fields.conditions?.map((condition) => {
    if (condition.type === 'Enforced') return failed(condition, 'PolicyPending', `${failure}.`);
    const isLost = condition.type === 'CallersEnforced' && applied.policyFailure !== undefined;
    return isLost ? failed(condition, 'NotEnforceable', 'The NetworkPolicy could not be written.') : condition;
  });
  const { policy, ...fields } = desired.fields;
  const kept = applied.policyFailure === undefined && policy !== undefined ? { policy } : {};
  return { ...desired, fields: { ...fields, ...kept, conditions } };
}

/** Ports and versions, which an API server's words name anew at every try: alone they are no news. */
function withoutNumbers(text: string): string {
  return text.replace(/\b\d{4,}\b/g, '');
}

/** The merge patch of the status; the card's bytes are read only when they change, since the cache keeps their hash. */
async function difference(card: CachedCard, desired: DesiredStatus, client: Verbs | undefined) {
  const before = card.status ?? {};
  const { callers, ...others } = desired.fields;
  const listed = (callers && hashOf(callers)) === card.callersHash ? {} : { callers: callers ?? null };
  const rest = mergePatch(before as object as Record<string, unknown>, others as Record<string, unknown>);
  const fields = { ...rest, ...listed };
  const published = await cardPatch(card, desired, client);
  // Certificate times reach the status only with another change.
  const news = Object.keys({ ...fields, ...published }).some((key) => key !== 'identityExpiresAt');
  return news ? { ...fields, ...published } : undefined;
}

async function cardPatch(cached: CachedCard, { card }: DesiredStatus, client: Verbs | undefined) {
  if (card.kind === 'kept') return {};
  if (card.kind === 'none') return cached.publishedHash === undefined ? {} : { card: null };
  const { sha256, text } = card.card.published;
  // Where it was in the status and is not any more, the agent is being asked for it.
  if (sha256 === cached.publishedHash || text === undefined) return {};
  const value = JSON.parse(text) as JsonObject;
  if (cached.publishedHash === undefined) return { card: value };
  const stored = await client?.get<AgentCard>(customResources.agentCards, keyOf(cached));
  return { card: mergePatch(stored?.status?.card ?? {}, value) ?? value };
}
