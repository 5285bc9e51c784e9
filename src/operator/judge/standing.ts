import type { Answer, PodEvidence } from '../inquiry/evidence.ts';
import type { PodFacts } from '../workload/pod.ts';
import type { Endpoint } from '../workload/service.ts';

/** What the evidence of one pod is worth now. */
export type Standing =
  /** Not asked since the operator started, or since the pod's containers were replaced. */
  | { readonly kind: 'unasked' }
  /** Belongs to something else; neither for nor against the card. */
  | { readonly kind: 'stranger'; readonly owner: string }
  /** Passed what is required: now (proven), or before it fell silent (held). */
  | {
      readonly kind: 'proven' | 'held';
      readonly by: 'mtls' | 'signature';
      /** The identity on which trust rests: the server's, else the signer's. */
      readonly identity: string;
      readonly matches: boolean;
      readonly until: number;
      readonly since: number;
    }
  /** Answered, but not with what is required. */
  | { readonly kind: 'unproven'; readonly message: string; readonly attested: string | undefined }
  /** Showed that it is not who it must be, or that its card was altered or is not the approved one. */
  | {
      readonly kind: 'negative';
      readonly reason: NegativeReason;
      readonly message: string;
      readonly attested: string | undefined;
      readonly claimed: string | undefined;
      /** On which trust would rest, were the card the approved one. */
      readonly identity?: string | undefined;
    }
  /** Absent; `expired` once it had been trusted for as long as a silent pod may be. */
  | { readonly kind: 'silent'; readonly expired: boolean };

/** The gravest first. */
export const guilts = [
  'SpiffeIDMismatch',
  'TrustDomainMismatch',
  'NoIdentity',
  'SignerIsNotServer',
  'SignatureInvalid',
  'CardNotApproved',
] as const;

export type NegativeReason = (typeof guilts)[number];

export interface PodStanding {
  readonly endpoint: Endpoint;
  readonly evidence: PodEvidence | undefined;
  readonly standing: Standing;
}

export interface StandingRules {
  readonly expected: readonly string[];
  readonly strict: boolean;
  readonly evidenceTtlMs: number;
  /** The fleet brake: trust does not end for absence before. */
  readonly fleetHeldUntil: number;
  /** What must pass; when empty, one of the mechanisms that are on must. */
  readonly require: readonly ('mtls' | 'signature')[];
  readonly approvedCardId: string | undefined;
  /** What the pods of a restored verdict served. */
  readonly storedCardId: string | undefined;
  /** Whether a card in the signer's ConfigMap, signed by this identity, speaks for this pod. */
  readonly speaksFor: (signer: string, facts: PodFacts) => boolean;
}

export type Trusted = Extract<Standing, { kind: 'proven' | 'held' }>;

export function isTrusted(standing: Standing): standing is Trusted {
  return standing.kind === 'proven' || standing.kind === 'held';
}

/** Guilty of more than a card that nobody approved: what such a pod serves is not published. */
export function isUnfit(standing: Standing): boolean {
  return standing.kind === 'negative' && standing.reason !== 'CardNotApproved';
}

/** On which trust in a pod rests, or would rest if its card were the approved one. */
export function trustedId({ standing }: PodStanding): string | undefined {
  return 'identity' in standing ? standing.identity : undefined;
}

/** The identity that a pod proved over mutual TLS, whatever is wrong with it or its card. */
export function provenId({ standing }: PodStanding): string | undefined {
  if (isTrusted(standing)) return standing.by === 'mtls' ? standing.identity : undefined;
  return standing.kind === 'negative' || standing.kind === 'unproven' ? standing.attested : undefined;
}

/** The last attempt brought a card, whoever sent it. */
export function isReadable({ evidence }: PodStanding): boolean {
  return evidence?.answer?.kind === 'card' && evidence.silence === undefined;
}

/** Guilt at once, trust only as long as the certificate lives and the silence is shorter than the evidence's time. */
export function standingOf(evidence: PodEvidence, rules: StandingRules, now: number): Standing {
  const { answer, silence } = evidence;
  if (silence?.peer !== undefined && rules.strict && !rules.expected.includes(silence.peer.uri)) {
    return mismatch('SpiffeIDMismatch', silence.peer.uri, rules);
  }
  if (answer === undefined) return { kind: 'silent', expired: false };
  if (answer.kind === 'refusal') return refused(answer, rules);
  const guilt = guiltOf(answer, rules) ?? unapproved(answer, evidence.facts, rules);
  // What was restored after a restart may prove nothing by the rules of today; it is no fresh sight of guilt.
  if (guilt !== undefined) return answer.kind === 'restored' ? { kind: 'silent', expired: false } : guilt;
  const proof = proofOf(answer, evidence.facts, rules);
  if ('lacks' in proof) {
    if (silence !== undefined) return { kind: 'silent', expired: false };
    return { kind: 'unproven', message: proof.lacks, attested: answer.peer?.uri };
  }
  const until = Math.min(proof.until, silenceEnds(evidence, rules));
  if (now >= until) return { kind: 'silent', expired: true };
  const kind = silence === undefined ? 'proven' : 'held';
  return { ...proof, kind, until, since: silence?.since ?? answer.at };
}

function silenceEnds({ silence, answer }: PodEvidence, rules: StandingRules): number {
  if (silence === undefined) return Infinity;
  const end = silence.since + rules.evidenceTtlMs;
  // Past a certificate nothing is held: where its end is not known, the brake holds nothing.
  const unknown = answer?.kind === 'restored' && answer.peer.notAfter === Infinity;
  return unknown ? end : Math.max(end, rules.fleetHeldUntil);
}

type Given = Extract<Answer, { kind: 'card' | 'restored' }>;

/** Wrong server, altered card, wrong signer: in this order, and only the mismatches give way to `strict: false`. */
function guiltOf(answer: Given, rules: StandingRules): Standing | undefined {
  const { peer } = answer;
  const serverFits = peer === undefined || rules.expected.includes(peer.uri);
  if (!serverFits && rules.strict) return mismatch('SpiffeIDMismatch', peer.uri, rules);
  const signature = answer.kind === 'card' ? answer.card.signature : undefined;
  if (signature?.outcome === 'invalid') {
    return {
      kind: 'negative',
      reason: 'SignatureInvalid',
      message: sentence(signature.message),
      attested: peer?.uri,
      claimed: undefined,
    };
  }
  const signer = signature?.outcome === 'valid' ? signature.signer : undefined;
  if (signer === undefined || rules.expected.includes(signer) || !rules.strict) return undefined;
  const reason = peer === undefined ? 'SpiffeIDMismatch' : 'SignerIsNotServer';
  const message = `The card is signed by ${signer}, expected ${rules.expected.join(' or ')}.`;
  return { kind: 'negative', reason, message, attested: peer?.uri, claimed: undefined };
}

/** Other bytes than the approved ones: the guilt of the pod that serves them, whoever it is. */
function unapproved(answer: Given, facts: PodFacts, rules: StandingRules): Standing | undefined {
  const { approvedCardId: approved, storedCardId } = rules;
  const cardId = answer.kind === 'card' ? answer.card.cardId : storedCardId;
  if (approved === undefined || cardId === undefined || cardId === approved) return undefined;
  const proof = proofOf(answer, facts, rules);
  return {
    kind: 'negative',
    reason: 'CardNotApproved',
    message: otherThanApproved(cardId, approved),
    attested: answer.peer?.uri,
    claimed: undefined,
    identity: 'lacks' in proof ? undefined : proof.identity,
  };
}

export function otherThanApproved(cardId: string, approved: string): string {
  return `The card is ${cardId}, approved is ${approved}.`;
}

type Proof =
  | { readonly by: 'mtls' | 'signature'; readonly identity: string; readonly matches: boolean; readonly until: number }
  | { readonly lacks: string };

function proofOf(answer: Given, facts: PodFacts, rules: StandingRules): Proof {
  const { peer } = answer;
  const signature = answer.kind === 'card' ? answer.card.signature : undefined;
  const signer = signature?.outcome === 'valid' ? signature.signer : undefined;
  const fromConfigMap = answer.kind === 'card' && answer.card.source === 'configmap';
  const covers = signer !== undefined && (!fromConfigMap || rules.speaksFor(signer, facts));
  if (rules.require.includes('mtls') && peer === undefined) {
    return { lacks: 'The card did not come over mutual TLS, which is required.' };
  }
  if (rules.require.includes('signature') && !covers && answer.kind === 'card')
    return { lacks: unsigned(signature, signer) };
  if (peer !== undefined) {
    return { by: 'mtls', identity: peer.uri, matches: rules.expected.includes(peer.uri), until: peer.notAfter };
  }
  if (!covers) return { lacks: signature === undefined ? plainHttp : unsigned(signature, signer) };
  // A signature that was seen while its certificate was valid stays good: its time is the bundle's.
  return { by: 'signature', identity: signer, matches: rules.expected.includes(signer), until: Infinity };
}

const plainHttp = 'The card came over plain HTTP: nothing proves who served it.';

function unsigned(signature: { readonly message: string } | undefined, signer: string | undefined): string {
  if (signer !== undefined) return `The signed card of ${signer} does not speak for this pod's service account.`;
  return signature === undefined ? plainHttp : sentence(signature.message);
}

/** Until when a standing can stay as it is without an event; Infinity when time alone does not change it. */
export function standingEnds({ standing }: PodStanding): number {
  return standing.kind === 'proven' || standing.kind === 'held' ? standing.until : Infinity;
}

function mismatch(reason: NegativeReason, attested: string, rules: StandingRules): Standing {
  const message = `The pod proved ${attested}, expected ${rules.expected.join(' or ')}.`;
  return { kind: 'negative', reason, message, attested, claimed: undefined };
}

function refused(answer: Extract<Answer, { kind: 'refusal' }>, rules: StandingRules): Standing {
  const claims = answer.claimedId === undefined ? '' : ` It claims ${answer.claimedId}.`;
  const expects = rules.expected.length === 0 ? '' : ` Expected ${rules.expected.join(' or ')}.`;
  return {
    kind: 'negative',
    reason: answer.code === 'TrustDomainMismatch' ? 'TrustDomainMismatch' : 'NoIdentity',
    message: `${sentence(answer.message)}${claims}${expects}`,
    attested: undefined,
    claimed: answer.claimedId,
  };
}

/** Messages of the lower layers become sentences of a condition. */
export function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
