import type { PeerIdentity, PodEvidence } from '../evidence/evidence.ts';
import type { Endpoint } from '../workload/service.ts';

/** What the evidence of one pod is worth now. */
export type Standing =
  /** Not asked since the operator started, or since the pod's containers were replaced. */
  | { readonly kind: 'unasked' }
  /** Belongs to something else; neither for nor against the card. */
  | { readonly kind: 'stranger'; readonly owner: string }
  /** Proved an identity over mutual TLS, now or (held) before it fell silent. */
  | { readonly kind: 'proven' | 'held'; readonly peer: PeerIdentity; readonly matches: boolean; readonly since: number }
  /** Answered over plain HTTP: a card, but no proof. */
  | { readonly kind: 'plain' }
  /** Showed that it is not who it must be. */
  | {
      readonly kind: 'negative';
      readonly reason: 'SpiffeIDMismatch' | 'TrustDomainMismatch' | 'NoIdentity';
      readonly message: string;
      readonly attested: string | undefined;
      readonly claimed: string | undefined;
    }
  /** Absent; `expired` once it had been trusted for as long as a silent pod may be. */
  | { readonly kind: 'silent'; readonly expired: boolean };

export interface PodStanding {
  readonly endpoint: Endpoint;
  readonly evidence: PodEvidence | undefined;
  readonly standing: Standing;
}

export interface StandingRules {
  readonly expected: readonly string[];
  readonly strict: boolean;
  readonly evidenceTtlMs: number;
}

/** Guilt at once, trust only as long as the certificate lives and the silence is shorter than the evidence's time. */
export function standingOf(evidence: PodEvidence, rules: StandingRules, now: number): Standing {
  const { answer, silence } = evidence;
  if (silence?.peer !== undefined && rules.strict && !rules.expected.includes(silence.peer.uri)) {
    return wrongId(silence.peer.uri, rules);
  }
  if (answer === undefined) return { kind: 'silent', expired: false };
  if (answer.kind === 'refusal') return refused(answer, rules);
  if (answer.peer === undefined) return silence === undefined ? { kind: 'plain' } : { kind: 'silent', expired: false };
  const matches = rules.expected.includes(answer.peer.uri);
  if (!matches && rules.strict) return wrongId(answer.peer.uri, rules);
  const until = Math.min(answer.peer.notAfter, silence === undefined ? Infinity : silence.since + rules.evidenceTtlMs);
  if (now >= until) return { kind: 'silent', expired: true };
  const kind = silence === undefined ? 'proven' : 'held';
  return { kind, peer: answer.peer, matches, since: silence?.since ?? answer.at };
}

/** Until when a standing can stay as it is without an event; Infinity when time alone does not change it. */
export function standingEnds(evidence: PodEvidence | undefined, rules: StandingRules): number {
  if (evidence?.answer === undefined || evidence.answer.kind === 'refusal' || evidence.answer.peer === undefined)
    return Infinity;
  const held = evidence.silence === undefined ? Infinity : evidence.silence.since + rules.evidenceTtlMs;
  return Math.min(evidence.answer.peer.notAfter, held);
}

function wrongId(attested: string, rules: StandingRules): Standing {
  const message = `The pod proved ${attested}, expected ${rules.expected.join(' or ')}.`;
  return { kind: 'negative', reason: 'SpiffeIDMismatch', message, attested, claimed: undefined };
}

function refused(
  answer: { readonly code: string; readonly message: string; readonly claimedId: string | undefined },
  rules: StandingRules,
): Standing {
  const claims = answer.claimedId === undefined ? '' : ` It claims ${answer.claimedId}.`;
  const expects = rules.expected.length === 0 ? '' : ` Expected ${rules.expected.join(' or ')}.`;
  return {
    kind: 'negative',
    reason: answer.code === 'TrustDomainMismatch' ? 'TrustDomainMismatch' : 'NoIdentity',
    message: `${answer.message}${claims}${expects}`,
    attested: undefined,
    claimed: answer.claimedId,
  };
}
