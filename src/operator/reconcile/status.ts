import type { Condition } from '@agentcard-operator/kube/objects';
import type { AgentCardStatus } from '../api/agentcard.ts';
import { allWithinBudget } from '../api/budget.ts';
import { type ConditionType, messageWithRemedy, remedy } from '../api/conditions.ts';
import { isoTime, storedTime } from '../api/time.ts';
import { coveredText } from '../inquiry/restore.ts';
import { callersOutcome, callersShown } from '../judge/callers.ts';
import type { Outcome } from '../judge/conditions.ts';
import type { PublishedCard } from '../judge/published.ts';
import type { Judged, Verdict } from '../judge/verdict.ts';
import type { CachedCard } from '../watch/cached.ts';
import type { PolicyPlan } from './policy-difference.ts';

export type StatusFields = Omit<AgentCardStatus, 'card'>;

/** The whole status as it should be: every field built anew. The published card goes by its hash. */
export interface DesiredStatus {
  readonly fields: StatusFields;
  readonly card: PublishedCard;
}

const rememberedCards = 5;
/** What has bounds of its own and is compared whole: what people chose, and the covered pods. */
const whole = new Set(['expectedSpiffeID', 'callers', 'quarantine', 'covered']);

/** A total function of what was seen: no field outlives its evidence. */
export function projectStatus(judged: Judged, policy: PolicyPlan, now: number): DesiredStatus {
  const { snapshot, target, verdict, settings } = judged;
  const stored = snapshot.card.status ?? {};
  const isTrusted = verdict.verified?.ok === true;
  const outcomes = {
    Ready: verdict.ready,
    Synced: verdict.synced,
    Verified: verdict.verified,
    Bound: verdict.bound,
    SignatureVerified: verdict.signature?.outcome,
    Stalled: verdict.stalled,
    Enforced: policy.enforced,
    CallersEnforced: callersOutcome(verdict.callers, policy.enforced, isTrusted),
  };
  const conditions = conditionsFrom(outcomes, snapshot.card, settings.agentTlsPortName, now);
  const known = target.resolved || target.absent !== undefined;
  const fields: StatusFields = {
    observedGeneration: snapshot.card.metadata.generation,
    conditions,
    checks: [...verdict.checks],
    ...cardFields(judged, now),
    protocol: known ? (target.resolved ? target.protocol : stored.protocol) : undefined,
    targetRef: known ? snapshot.card.spec.targetRef : undefined,
    replicas: target.resolved ? replicas(verdict) : undefined,
    ...signatureFields(verdict, stored),
    attestedAgentSpiffeId: verdict.attested,
    expectedSpiffeID: target.expected.length === 0 ? undefined : target.expected.join(', '),
    bindingStatus: bindingStatus(judged, conditions, now),
    heldSince: verdict.heldSince === undefined ? undefined : isoTime(verdict.heldSince),
    identityExpiresAt: identityEnd(verdict, stored),
    covered: verdict.verified?.ok === true ? coveredText(verdict.covered) : undefined,
    callers: verdict.callers && callersShown(verdict.callers),
    policy: policy.status,
    quarantine: verdict.quarantine,
  };
  return { fields: allWithinBudget(withoutUndefined(fields), whole), card: verdict.card };
}

/** The outcome of each condition type; undefined leaves the condition out. */
type Outcomes = Readonly<Partial<Record<ConditionType, Outcome<string> | undefined>>>;

const order: readonly ConditionType[] = [
  ...(['Ready', 'Synced', 'Verified', 'Bound', 'SignatureVerified'] as const),
  ...(['Enforced', 'CallersEnforced', 'Stalled'] as const),
];

/** All conditions, built anew; the transition time moves only with the status. */
function conditionsFrom(
  outcomes: Outcomes,
  { metadata: { generation }, status: stored }: CachedCard,
  tlsPort: string,
  now: number,
): Condition[] {
  return order.flatMap((type): Condition[] => {
    const outcome = outcomes[type];
    if (outcome === undefined) return [];
    const { ok, unknown, reason, todo = remedy(type, reason, tlsPort) } = outcome;
    const status = unknown ? 'Unknown' : ok ? 'True' : 'False';
    const before = stored?.conditions?.find((condition) => condition.type === type);
    const stands = before?.status === status && (storedTime(before.lastTransitionTime) ?? Infinity) <= now;
    const lastTransitionTime = stands ? before.lastTransitionTime : isoTime(now);
    const message = messageWithRemedy(type, reason, outcome.message, todo);
    const observed = generation === undefined ? {} : { observedGeneration: generation };
    return [{ type, status, reason, message, lastTransitionTime, ...observed }];
  });
}

function cardFields({ snapshot, verdict }: Judged, now: number): StatusFields {
  const stored = snapshot.card.status ?? {};
  if (verdict.card.kind === 'none') return {};
  if (verdict.card.kind === 'kept') {
    const { agentName, cardId, cardTruncated, history, lastSyncTime, source, url } = stored;
    return { agentName, cardId, cardTruncated, history, lastSyncTime, source, url };
  }
  const { card } = verdict.card;
  const changed = stored.cardId !== card.cardId;
  const time = isoTime(now);
  const history = stored.history ?? [];
  return {
    agentName: card.agentName,
    cardId: card.cardId,
    url: card.url,
    source: card.source,
    cardTruncated: card.truncated ? true : undefined,
    lastSyncTime: changed ? time : stored.lastSyncTime,
    history: changed ? [{ cardId: card.cardId, time }, ...history].slice(0, rememberedCards) : history,
  };
}

/** What the signature proved; kept while the verdict is held without a card at hand. */
function signatureFields({ signature, heldSince }: Verdict, stored: StatusFields): StatusFields {
  if (signature === undefined) return {};
  const { outcome, finding, signerMatches } = signature;
  if (finding === undefined) {
    if (heldSince === undefined) return { validSignature: false, signatureVerificationDetails: outcome.message };
    const { validSignature, signatureVerificationDetails, signatureKeyId, signatureSpiffeId } = stored;
    const { signatureIdentityMatch, canonicalForm, seen, signedUntil } = stored;
    const before = { validSignature, signatureVerificationDetails, signatureKeyId, signatureSpiffeId };
    return { ...before, signatureIdentityMatch, canonicalForm, seen, signedUntil };
  }
  const notAfter = finding.notAfter === undefined ? undefined : isoTime(finding.notAfter);
  return {
    validSignature: outcome.ok,
    signatureVerificationDetails: outcome.message,
    signatureKeyId: finding.keyId,
    // The chain of a signature that fails is a copy that anybody can make: it tells nothing of who signed.
    ...(outcome.ok ? { signatureSpiffeId: finding.signer, signatureIdentityMatch: signerMatches } : {}),
    canonicalForm: finding.form,
    seen: finding.seen === undefined || notAfter === undefined ? undefined : { ...finding.seen, notAfter },
    signedUntil: finding.seen === undefined ? undefined : notAfter,
  };
}

function replicas({ pods, covered }: Verdict) {
  const own = pods.filter(({ standing }) => standing.kind !== 'stranger');
  return { ready: own.filter(({ endpoint }) => endpoint.ready).length, attested: covered.size };
}

function bindingStatus({ snapshot, verdict }: Judged, conditions: StatusFields['conditions'], now: number) {
  const condition = conditions?.find(({ type }) => type === 'Bound');
  if (verdict.bound === undefined || condition === undefined) return undefined;
  const stored = snapshot.card.status?.bindingStatus;
  const { ok: bound, reason } = verdict.bound;
  const since = stored?.bound === bound ? (stored.lastEvaluationTime ?? isoTime(now)) : isoTime(now);
  return { bound, reason, message: condition.message, lastEvaluationTime: since };
}

function identityEnd(verdict: Verdict, stored: StatusFields): string | undefined {
  if (verdict.identityExpiresAt !== undefined) return isoTime(verdict.identityExpiresAt);
  return verdict.heldSince === undefined ? undefined : stored.identityExpiresAt;
}

function withoutUndefined(fields: StatusFields): StatusFields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
