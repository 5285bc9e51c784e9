import type { Condition } from '@agentcard-operator/kube/objects';
import { type ConditionType, messageWithRemedy, remedy } from '../api/conditions.ts';
import type { CachedCard } from './snapshot.ts';
import type { Outcome, Verdict } from './verdict.ts';

/** The outcome of each condition type; undefined leaves the condition out. */
export type Outcomes = Readonly<Partial<Record<ConditionType, Outcome<string> | undefined>>>;

const order: readonly ConditionType[] = ['Ready', 'Synced', 'Verified', 'Bound', 'SignatureVerified', 'Enforced'];

/** All conditions, built anew; the transition time moves only with the status. */
export function conditionsFrom(
  outcomes: Outcomes,
  { metadata: { generation }, status: stored }: CachedCard,
  tlsPort: string,
  now: number,
): Condition[] {
  return order.flatMap((type): Condition[] => {
    const outcome = outcomes[type];
    if (outcome === undefined) return [];
    const status = outcome.ok ? 'True' : 'False';
    const todo = outcome.todo ?? remedy(type, outcome.reason, tlsPort);
    const before = stored?.conditions?.find((condition) => condition.type === type);
    const since = before?.status === status ? before.lastTransitionTime : isoTime(now);
    return [
      {
        type,
        status,
        reason: outcome.reason,
        message: messageWithRemedy(type, outcome.reason, outcome.message, todo),
        lastTransitionTime: since,
        ...(generation === undefined ? {} : { observedGeneration: generation }),
      },
    ];
  });
}

const guilty = new Set(['IdentityMismatch', 'SignatureInvalid', 'CardNotApproved']);

/** Ready = Synced and (Verified or no mechanism) and not quarantined; guilt is named before absence. */
export function readyOutcome(verdict: Pick<Verdict, 'synced' | 'verified' | 'quarantine'>): Outcome<string> {
  const { synced, verified, quarantine } = verdict;
  if (quarantine !== undefined) return { ok: false, reason: 'Quarantined', message: quarantine };
  if (verified !== undefined && guilty.has(verified.reason)) return verified;
  if (!synced.ok) return synced;
  if (verified !== undefined && !verified.ok) return verified;
  if (verified !== undefined) return { ok: true, reason: 'ReadyToServe', message: 'The agent can be used.' };
  return { ok: true, reason: 'ReadyUnverified', message: 'The agent answers; who it is is not checked.' };
}

/** RFC 3339 in whole seconds, as Kubernetes stores times. */
export function isoTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}
