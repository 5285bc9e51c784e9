import type { SeenSignature, SignatureFact } from '@agentcard-operator/agentcard';
import type { TrustDomain } from '@agentcard-operator/spiffe/x509';
import type { sources } from '../api/agentcard.ts';
import type { Blocked } from '../api/conditions.ts';
import type { PodFacts } from '../workload/pod.ts';

/** Times are milliseconds since the epoch. */

/** No evidence counts for longer without being renewed, whatever certificates, periods and suspensions say. */
export const longestEvidenceMs = 24 * 3_600_000;

/** An X509-SVID that a pod proved in a handshake. */
export interface PeerIdentity {
  readonly uri: string;
  readonly trustDomain: TrustDomain;
  readonly notBefore: number;
  readonly notAfter: number;
  /** DER, leaf first; empty when the evidence was restored after a restart. */
  readonly chain: readonly Uint8Array[];
}

/** JSON in canonical form (RFC 8785) and its SHA-256. Text, since a parsed card takes several times its memory. */
export interface CanonicalCard {
  /** Until the status has it, which keeps it from then on. */
  text: string | undefined;
  readonly sha256: string;
}

export function forgetText({ published }: Publication, publishedHash: string | undefined): void {
  if (published.sha256 === publishedHash) published.text = undefined;
}

/** The status does not show it, and it is not known any more. */
export function isLost({ text, sha256 }: CanonicalCard, publishedHash: string | undefined): boolean {
  return text === undefined && sha256 !== publishedHash;
}

/** What may be published of one document. */
export interface Publication {
  readonly cardId: string;
  readonly url: string | undefined;
  /** As a table may show it. */
  readonly agentName: string | undefined;
  readonly published: CanonicalCard;
  readonly truncated: boolean;
}

/** A card as it was received and what is published of it: the signed payload where a signature is good, else the card as it came. */
export interface ReceivedCard extends Publication {
  readonly source: keyof typeof sources;
  /** SHA-256 of the bytes as they came. */
  readonly digest: string;
  /** Undefined when signatures are not verified. */
  readonly signature: SignatureFinding | undefined;
}

/** What the card's signatures prove. */
export interface SignatureFinding {
  readonly outcome: 'valid' | 'invalid' | 'missing' | 'expired' | 'untrusted';
  readonly message: string;
  /** SPIFFE ID of the decisive signature's signer, once its chain led to a trust bundle. */
  readonly signer: string | undefined;
  readonly keyId: string | undefined;
  /** The canonical form that matched. */
  readonly form: string | undefined;
  readonly notAfter: number | undefined;
  readonly seen: SeenSignature | undefined;
  /** There is one that nobody verified, since its signer was not trusted then and is now: the pod must be asked again. */
  readonly unread: boolean;
  /** For another look when trust bundles or the time have changed; undefined when the card carries no signature. */
  readonly signed: SignedCard | undefined;
}

/** What was read of a card with signatures, for ever. */
export interface SignedCard {
  readonly facts: readonly SignatureFact[];
  readonly served: Publication;
  /** Of what was signed where that is not what was served, by the payload's SHA-256. */
  readonly payloads: ReadonlyMap<string, Publication>;
}

/** What a pod instance last said. */
export type PodAnswer =
  | { readonly kind: 'card'; readonly at: number; readonly peer: PeerIdentity | undefined; readonly card: ReceivedCard }
  /** Taken from the stored status after a restart, for a pod that still wears our label. */
  | { readonly kind: 'restored'; readonly at: number; readonly peer: PeerIdentity }
  /** Guilt: the pod showed that it is not who it must be. */
  | {
      readonly kind: 'refusal';
      readonly at: number;
      readonly code: string;
      readonly message: string;
      readonly claimedId: string | undefined;
    };

/** Attempts that brought no card since the last answer: absence, not guilt. */
export interface Silence extends Missed {
  readonly since: number;
  readonly last: number;
  readonly attempts: number;
}

/** What an attempt that brought no card tells. */
interface Missed {
  readonly reason: 'FetchFailed' | 'CardInvalid';
  readonly message: string;
  /** It was we who could not ask. */
  readonly blocked?: Blocked | undefined;
  /** Who answered, where the last attempt brought an identity but no card. */
  readonly peer: PeerIdentity | undefined;
}

export interface PodEvidence {
  readonly facts: PodFacts;
  readonly transport: 'mtls' | 'http';
  /** The EndpointSlice entry that was asked; another one calls for another look, and '' is like no other. */
  readonly endpointVersion: string;
  readonly answer: PodAnswer | undefined;
  readonly silence: Silence | undefined;
}

/** Every pod whose card was in the status, and is not any more, is due at once; one that is silent, at its time. */
export function withoutLost(evidence: CardEvidence, publishedHash: string | undefined): CardEvidence {
  const lost = [...evidence.pods].filter(
    ([, { answer, silence }]) =>
      answer?.kind === 'card' && silence === undefined && isLost(answer.card.published, publishedHash),
  );
  if (lost.length === 0) return evidence;
  return {
    ...evidence,
    pods: new Map([...evidence.pods, ...lost.map(([uid, pod]) => [uid, dueAtOnce(pod)] as const)]),
  };
}

/** The same evidence of a pod that is due at once. */
export function dueAtOnce(pod: PodEvidence): PodEvidence {
  return { ...pod, endpointVersion: '' };
}

/** A pod behind the agent's Service that belongs to something else: no evidence, negative or positive. */
export interface Stranger {
  readonly at: number;
  readonly podName: string;
  readonly owner: string;
  /** By the workload's selector, and so by its policy. */
  readonly chosen: boolean;
  readonly endpointVersion: string;
  /** How often it was seen so, one time after the other. */
  readonly attempts: number;
}

/** A pod of which an attempt taught nothing: it is not where its EndpointSlice says, or the API server did not say. */
export interface Unread extends Pick<Stranger, 'at' | 'endpointVersion' | 'attempts'> {
  /** Since when it was found nowhere, whatever the slice said meanwhile; undefined when the API server did not say. */
  readonly since: number | undefined;
}

/** A slice may be late by so much. */
const slowestSliceMs = 5_000;

/** One that is found nowhere is as absent as one that does not answer. */
export function soughtInVain({ unread }: CardEvidence, podUid: string): Silence | undefined {
  const { since = Infinity, at = 0, attempts = 0 } = unread.get(podUid) ?? {};
  if (at - since < slowestSliceMs) return undefined;
  const message = 'no such pod is where its EndpointSlice says';
  return { since, last: at, attempts, reason: 'FetchFailed', message, blocked: 'Nowhere', peer: undefined };
}

/** Everything learned about one AgentCard's pods, by pod uid. */
export interface CardEvidence {
  readonly pods: ReadonlyMap<string, PodEvidence>;
  readonly strangers: ReadonlyMap<string, Stranger>;
  readonly unread: ReadonlyMap<string, Unread>;
  /** Every pod that stood behind the card when the operator started has been asked once. */
  readonly complete: boolean;
  /** The refresh annotation's value that was last honoured. */
  readonly refresh: string | undefined;
}

export const noEvidence: CardEvidence = {
  pods: new Map(),
  strangers: new Map(),
  unread: new Map(),
  complete: false,
  refresh: undefined,
};

/** What one attempt brought. */
export type Finding =
  | { readonly kind: 'answer'; readonly facts: PodFacts; readonly answer: PodAnswer }
  | ({ readonly kind: 'silence'; readonly facts: PodFacts; readonly at: number } & Missed)
  | { readonly kind: 'stranger'; readonly owner: string; readonly chosen: boolean; readonly at: number };
