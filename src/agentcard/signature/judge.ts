import type { SpiffeId } from '@agentcard-operator/spiffe/x509';
import { sha256 } from '../forms/canonical.ts';
import type { Match, SignatureFact } from './facts.ts';
import type { Claimed } from './protected-header.ts';
import { signerOf, type Trust } from './x5c.ts';

/** What is remembered of a good signature, so that it stays good when its short-lived certificate ends. Lowercase hex. */
export interface SeenSignature extends Pick<Match, 'payloadSha256' | 'protectedSha256'> {
  /** Of the DER of the authority that vouched for the signer. */
  readonly issuerSha256: string;
}

export interface Circumstances extends Trust {
  readonly seen?: SeenSignature;
}

/** What is known of one signature. `signer` and `notAfter` are there once its chain has led to a trust bundle. */
interface Known extends Partial<Claimed> {
  readonly signer?: SpiffeId;
  /** The end of the signer's certificate. */
  readonly notAfter?: Date;
}

export interface GoodSignature extends Match, SeenSignature, Pick<Claimed, 'keyId'> {
  readonly outcome: 'valid';
  readonly code: 'SignatureValid' | 'SeenWhileValid';
  readonly message: string;
  readonly signer: SpiffeId;
  readonly notAfter: Date;
}

/** `invalid`: a trusted signer's signature is wrong. `expired` and `untrusted` prove nothing, in either direction. */
export interface BadSignature extends Known {
  readonly outcome: 'invalid' | 'expired' | 'untrusted';
  readonly code: string;
  readonly message: string;
}

export interface SignatureEvidence {
  readonly outcome: 'valid' | 'invalid' | 'missing' | 'expired' | 'untrusted';
  readonly message: string;
  /** The first good one. Whether its signer is the expected one is for the caller to say. */
  readonly good?: GoodSignature;
  readonly signatures: readonly (GoodSignature | BadSignature)[];
  /** Without a good one, there is one whose signer came to be trusted after it was read: read the card again. */
  readonly unread: boolean;
}

/**
 * What facts prove under these bundles at this time. It verifies chains and no signature. One good signature is enough; each
 * is reported.
 */
export function judgeSignatures(facts: readonly SignatureFact[], circumstances: Circumstances): SignatureEvidence {
  const signatures = facts.map((fact) => judge(fact, circumstances));
  const weights = signatures.map(({ outcome }) => byWeight.indexOf(outcome));
  const index = weights.indexOf(Math.min(...weights));
  const decisive = signatures[index];
  if (decisive === undefined) {
    const message = 'the card carries no signature; let its workload sign it';
    return { outcome: 'missing', message, signatures, unread: false };
  }
  const prefix = signatures.length > 1 ? `signature ${index + 1} of ${signatures.length}: ` : '';
  const isGood = decisive.outcome === 'valid';
  return {
    outcome: decisive.outcome,
    message: prefix + decisive.message,
    signatures,
    ...(isGood ? { good: decisive } : {}),
    unread: !isGood && signatures.some(({ code }) => code === notVerified.code),
  };
}

const byWeight = ['valid', 'invalid', 'expired', 'untrusted'] as const;

const notVerified = {
  code: 'NotVerified',
  message: 'the signer is trusted only since the card was read; read it again',
};

function judge(fact: SignatureFact, circumstances: Circumstances): GoodSignature | BadSignature {
  if (fact.kind === 'unreadable') return { ...fact.claimed, outcome: 'untrusted', ...fact.error };
  const signer = signerOf(fact.chain, circumstances);
  if (!signer.ok) return { ...fact.claimed, outcome: 'untrusted', ...signer.error };
  const { id, notAfter, validNow, issuerSha256 } = signer.value;
  const known = { ...fact.claimed, signer: id, notAfter };
  if (fact.kind === 'unverified') return { ...known, outcome: 'untrusted', ...notVerified };
  // Guilt takes a signer who is trusted now: anyone may keep an old certificate beside a wrong signature.
  if (fact.kind === 'wrong') return { ...known, outcome: validNow ? 'invalid' : 'expired', ...fact.error };
  const message = `signed by ${id.uri} in the form ${fact.match.form}`;
  const good = { ...known, ...fact.match, outcome: 'valid', message } as const;
  if (validNow) return { ...good, code: 'SignatureValid', issuerSha256 };
  const issuer = seenIssuer(good, circumstances);
  if (issuer !== undefined) {
    const seen = { code: 'SeenWhileValid', issuerSha256: issuer } as const;
    return { ...good, ...seen, message: `${message}, and seen before its certificate ended` };
  }
  return { ...known, outcome: 'expired', ...ended };
}

const ended = {
  code: 'CertificateExpired',
  message: 'the certificate of the signer has expired, and this signature was not seen before; sign the card again',
};

/**
 * Who vouched when this very signature was seen: an ended certificate still counts for it while the mesh keeps that
 * authority. Only this is taken from what is remembered, which may carry more, such as a stored date.
 */
function seenIssuer(match: Match & { readonly signer: SpiffeId }, { seen, bundles }: Circumstances) {
  if (seen?.payloadSha256 !== match.payloadSha256 || seen.protectedSha256 !== match.protectedSha256) return undefined;
  const authorities = bundles.get(match.signer.trustDomain)?.authorities ?? [];
  return authorities.map((authority) => sha256(authority)).find((digest) => digest === seen.issuerSha256);
}
