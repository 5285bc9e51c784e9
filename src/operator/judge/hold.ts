import type { Snapshot, Target } from './snapshot.ts';
import type { PodStanding } from './standing.ts';

/** Whether the stored verdict may stand although no pod carries evidence now. */
export interface Hold {
  readonly holds: boolean;
  /** A hold there was has ended. */
  readonly expired: boolean;
  readonly since: number | undefined;
  readonly until: number | undefined;
  /** The identity on which the held verdict rests. */
  readonly attested: string | undefined;
}

interface HoldLimits {
  readonly evidenceTtlMs: number;
  readonly fleetHeldUntil: number;
  readonly now: number;
}

export const noHold: Hold = { holds: false, expired: false, since: undefined, until: undefined, attested: undefined };

/**
 * Absence is not guilt: when the agent's pods or the way to them are gone or silent, a stored verdict stands for the
 * evidence's time from the first unanswered attempt, and never past the peer certificate's end. A restart does not
 * extend it, since the start of the hold is stored.
 */
export function cardHold(
  { card, workload }: Snapshot,
  target: Target,
  pods: readonly PodStanding[],
  { evidenceTtlMs, fleetHeldUntil, now }: HoldLimits,
): Hold {
  const { status } = card;
  const verified = status?.conditions?.find(({ type }) => type === 'Verified');
  const { targetRef, attestedAgentSpiffeId: attested } = status ?? {};
  const sameTarget = workload !== undefined && targetRef?.name === workload.name && targetRef.kind === workload.kind;
  const unfit = target.strict && attested !== undefined && !target.expected.includes(attested);
  const absent = target.resolved ? target.transport === 'mtls' : target.absent !== undefined;
  if (!absent || !sameTarget || unfit || verified === undefined) return noHold;
  const ranOut = pods.some(({ standing }) => standing.kind === 'silent' && standing.expired);
  if (ranOut || verified.reason === 'EvidenceExpired') return { ...noHold, expired: true };
  if (verified.status !== 'True') return noHold;
  const stored = status?.heldSince === undefined ? undefined : Date.parse(status.heldSince);
  const since = stored ?? firstSilence(pods) ?? now;
  const expires = status?.identityExpiresAt === undefined ? Infinity : Date.parse(status.identityExpiresAt);
  // An end that had passed before the hold began was never updated: it says nothing, and the brake does not extend that.
  const until =
    expires > since ? Math.min(Math.max(since + evidenceTtlMs, fleetHeldUntil), expires) : since + evidenceTtlMs;
  const holds = now < until;
  if (!holds) return { ...noHold, expired: true };
  return { holds, expired: false, since, until, attested };
}

function firstSilence(pods: readonly PodStanding[]): number | undefined {
  const starts = pods.flatMap(({ evidence }) => (evidence?.silence === undefined ? [] : [evidence.silence.since]));
  return starts.length === 0 ? undefined : Math.min(...starts);
}
