import type { AgentCardStatus } from '../api/agentcard.ts';
import { storedTime } from '../api/time.ts';

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

/** What is asked of a stored verdict before it may be held. */
export interface Holdable {
  readonly status: Omit<AgentCardStatus, 'card'> | undefined;
  /** The agent is away, and still the one that was verified. */
  readonly isAway: boolean;
  /** The evidence of one of its pods has run out by itself. */
  readonly ranOut: boolean;
  /** When its pods fell silent, where one did. */
  readonly silentSince: number | undefined;
}

export interface HoldLimits {
  readonly evidenceTtlMs: number;
  /** The fleet brake: trust does not end for absence before. */
  readonly fleetHeldUntil: number;
  readonly now: number;
}

export const noHold: Hold = { holds: false, expired: false, since: undefined, until: undefined, attested: undefined };

/**
 * Absence is not guilt: when the agent's pods or the way to them are gone or silent, a stored verdict stands for the
 * evidence's time from the first unanswered attempt, and never past the peer certificate's end. A restart does not
 * extend it, since the start of the hold is stored.
 */
export function cardHold(card: Holdable, { evidenceTtlMs, fleetHeldUntil, now }: HoldLimits): Hold {
  const { status } = card;
  const verified = status?.conditions?.find(({ type }) => type === 'Verified');
  if (!card.isAway || verified === undefined) return noHold;
  if (card.ranOut || verified.reason === 'EvidenceExpired') return { ...noHold, expired: true };
  if (verified.status !== 'True') return noHold;
  // What lies ahead, somebody else wrote: the hold begins now.
  const since = Math.min(storedTime(status?.heldSince) ?? card.silentSince ?? now, now);
  const expires = storedTime(status?.identityExpiresAt) ?? Infinity;
  // An end that had passed before the hold began was never updated: it says nothing, and the brake does not extend that.
  const until =
    expires > since ? Math.min(Math.max(since + evidenceTtlMs, fleetHeldUntil), expires) : since + evidenceTtlMs;
  if (now >= until) return { ...noHold, expired: true };
  return { holds: true, expired: false, since, until, attested: status?.attestedAgentSpiffeId };
}
