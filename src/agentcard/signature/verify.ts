import { createHash } from 'node:crypto';
import type { BundleSet, Parsed, SpiffeId } from '@agentcard-operator/spiffe/x509';
import { isArray, type JsonObject, type JsonValue } from '../document/json.ts';
import type { CanonicalForm } from '../forms/forms.ts';
import { keyFault, verifies } from './algorithms.ts';
import type { KnownChains } from './known-chains.ts';
import { type Payload, Payloads } from './payloads.ts';
import { readClaims, readEntry, type SignatureClaims, type SignatureEntry } from './protected-header.ts';
import { type Signer, signerOf } from './x5c.ts';

/** What is remembered of a good signature, so that it stays good when its short-lived certificate ends. Lowercase hex. */
export interface SeenSignature {
  readonly payloadSha256: string;
  /** Of the protected header as written, in base64url. */
  readonly protectedSha256: string;
  /** Of the DER of the authority that vouched for the signer. */
  readonly issuerSha256: string;
}

export interface SignatureInput {
  /** As received. Signatures are over this, never over what was made of it. */
  readonly card: JsonObject;
  readonly bundles: BundleSet;
  readonly now: Date;
  /** Tried in this order; a signature over any other form is no good. */
  readonly forms: readonly CanonicalForm[];
  readonly seen?: SeenSignature;
  /** Spares the cryptography of chains that were good before. */
  readonly knownChains?: KnownChains;
}

/** What is known of one signature. `signer` and `notAfter` are there once its chain has led to a trust bundle. */
export interface SignatureFacts {
  readonly algorithm?: string;
  readonly keyId?: string;
  readonly signer?: SpiffeId;
  /** The end of the signer's certificate. */
  readonly notAfter?: Date;
}

export interface GoodSignature extends SignatureFacts, SeenSignature {
  readonly outcome: 'valid';
  readonly code: 'SignatureValid' | 'SeenWhileValid';
  readonly message: string;
  readonly algorithm: string;
  readonly signer: SpiffeId;
  readonly notAfter: Date;
  readonly form: string;
  readonly coverage: CanonicalForm['coverage'];
  /** The bytes that were signed: JSON, and all of the card that may be published as signed. */
  readonly payload: Uint8Array;
}

/** `invalid`: a trusted signer's signature is wrong. `expired` and `untrusted` prove nothing, in either direction. */
export interface BadSignature extends SignatureFacts {
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
}

export const mostSignatures = 8;

/**
 * Verifies the signatures of a card: RFC 7515 over a canonical form of it, with keys only from `x5c` chains that lead to the
 * bundle of the signer's own trust domain. One good signature is enough; each is reported.
 */
export function verifySignatures(input: SignatureInput): SignatureEvidence {
  const entries = input.card.signatures ?? [];
  if (!isArray(entries) || entries.length === 0) {
    return { outcome: 'missing', message: 'the card carries no signature; let its workload sign it', signatures: [] };
  }
  if (entries.length > mostSignatures) {
    const message = `the card carries ${entries.length} signatures; serve no more than ${mostSignatures}`;
    return { outcome: 'untrusted', message, signatures: [] };
  }
  const payloads = new Payloads(input.card, input.forms);
  return conclude(entries.map((entry) => verifyEntry(entry, payloads, input)));
}

const byWeight = ['valid', 'invalid', 'expired', 'untrusted'] as const;

function conclude(signatures: readonly (GoodSignature | BadSignature)[]): SignatureEvidence {
  const weights = signatures.map(({ outcome }) => byWeight.indexOf(outcome));
  const index = weights.indexOf(Math.min(...weights));
  const decisive = signatures[index];
  if (decisive === undefined) throw new RangeError('no signature to conclude from');
  const prefix = signatures.length > 1 ? `signature ${index + 1} of ${signatures.length}: ` : '';
  return {
    outcome: decisive.outcome,
    message: prefix + decisive.message,
    signatures,
    ...(decisive.outcome === 'valid' ? { good: decisive } : {}),
  };
}

function verifyEntry(value: JsonValue, payloads: Payloads, input: SignatureInput): GoodSignature | BadSignature {
  const entry = readEntry(value);
  if (!entry.ok) return { outcome: 'untrusted', ...entry.error };
  const claims = readClaims(entry.value);
  const signer = signerOf(entry.value.header.x5c, input.bundles, input.now, input.knownChains);
  const facts = factsOf(claims, signer);
  if (!signer.ok) return { ...facts, outcome: 'untrusted', ...signer.error };
  // Guilt takes a signer who is trusted now: anyone may keep an old certificate beside a wrong signature.
  const outcome = signer.value.validNow ? 'invalid' : 'expired';
  if (!claims.ok) return { ...facts, outcome, ...claims.error };
  const fault = keyMismatch(claims.value, signer.value);
  if (fault !== undefined) return { ...facts, outcome, code: 'KeyMismatch', message: fault };
  const { algorithm, signature } = claims.value;
  for (const payload of payloads) {
    const signed = Buffer.from(`${entry.value.protectedText}.${payload.base64url}`);
    if (!verifies(algorithm, signer.value.key, signed, signature)) continue;
    const good = { ...facts, ...goodSignature(entry.value, payload, signer.value), algorithm: algorithm.name };
    return signer.value.validNow ? good : weighExpired(good, input);
  }
  return { ...facts, outcome, code: 'SignatureMismatch', message: mismatch(input.forms) };
}

function factsOf(claims: Parsed<SignatureClaims>, signer: Parsed<Signer>): SignatureFacts {
  return {
    ...(claims.ok ? { algorithm: claims.value.algorithm.name } : {}),
    ...(claims.ok && claims.value.keyId !== undefined ? { keyId: claims.value.keyId } : {}),
    ...(signer.ok ? { signer: signer.value.id, notAfter: signer.value.notAfter } : {}),
  };
}

function keyMismatch({ algorithm, thumbprint }: SignatureClaims, signer: Signer): string | undefined {
  if (thumbprint !== undefined && thumbprint !== signer.thumbprint) {
    return 'the x5t#S256 of the protected header is not that of its first certificate';
  }
  return keyFault(algorithm, signer.key);
}

function mismatch(forms: readonly CanonicalForm[]): string {
  const tried = forms.map(({ name }) => name).join(', ');
  return `the signature does not match the card: it was changed after signing, or signed in another form than ${tried}; sign it again`;
}

function goodSignature({ protectedText }: SignatureEntry, payload: Payload, signer: Signer) {
  return {
    outcome: 'valid',
    code: 'SignatureValid',
    message: `signed by ${signer.id.uri} in the form ${payload.form.name}`,
    signer: signer.id,
    notAfter: signer.notAfter,
    form: payload.form.name,
    coverage: payload.form.coverage,
    payload: payload.bytes,
    payloadSha256: payload.sha256,
    protectedSha256: sha256(protectedText),
    issuerSha256: signer.issuerSha256,
  } as const;
}

/** An ended certificate still counts for the very signature that was good before, while the mesh keeps its authority. */
function weighExpired(good: GoodSignature, { seen, bundles }: SignatureInput): GoodSignature | BadSignature {
  const authorities = bundles.get(good.signer.trustDomain)?.authorities ?? [];
  const sameBytes = seen?.payloadSha256 === good.payloadSha256 && seen.protectedSha256 === good.protectedSha256;
  if (sameBytes && authorities.some((authority) => sha256(authority) === seen.issuerSha256)) {
    const message = `signed by ${good.signer.uri} in the form ${good.form}, and seen before its certificate ended`;
    // Only the authority that vouched then is taken over: what is remembered may carry more, such as a stored date.
    return { ...good, issuerSha256: seen.issuerSha256, code: 'SeenWhileValid', message };
  }
  const { algorithm, keyId, signer, notAfter } = good;
  const message =
    'the certificate of the signer has expired, and this signature was not seen before; sign the card again';
  const facts = { algorithm, signer, notAfter, ...(keyId === undefined ? {} : { keyId }) };
  return { ...facts, outcome: 'expired', code: 'CertificateExpired', message };
}

function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
