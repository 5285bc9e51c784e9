import type { KeyObject } from 'node:crypto';
import { type Fault, ok, type Result, refused } from '@agentcard-operator/spiffe/x509';
import type { FlattenedJWS } from 'jose';
import { flattenedVerify } from 'jose/jws/flattened/verify';
import { isArray, type JsonObject, type JsonValue } from '../document/json.ts';
import { sha256 } from '../forms/canonical.ts';
import type { CanonicalForm } from '../forms/forms.ts';
import { encodingFault, keyFault } from './algorithms.ts';
import { Payloads } from './payloads.ts';
import { type Claimed, readClaims, readEntry, type SignatureClaims } from './protected-header.ts';
import type { Chain, Signer } from './signer.ts';
import { readChain, signerOf, type Trust } from './x5c.ts';

/** What was signed, and how. */
export interface Match {
  readonly algorithm: string;
  readonly form: string;
  readonly coverage: CanonicalForm['coverage'];
  readonly payloadSha256: string;
  /** Of the protected header as written, in base64url. */
  readonly protectedSha256: string;
}

interface Chained {
  readonly claimed: Partial<Claimed>;
  readonly chain: Chain;
}

/**
 * What the bytes of one signature say, for ever. What that proves depends on bundles and time, and is for judgeSignatures
 * to say, as often as those change.
 */
export type SignatureFact =
  /** No bundle and no time can make anything of it. */
  | { readonly kind: 'unreadable'; readonly claimed: Partial<Claimed>; readonly error: Fault }
  /** Nobody vouched for the chain when it was read, so the signature was not verified. */
  | (Chained & { readonly kind: 'unverified' })
  /** The holder of the leaf's key did not sign this card, or not by the rules. */
  | (Chained & { readonly kind: 'wrong'; readonly error: Fault })
  /** The holder of the leaf's key signed it. */
  | (Chained & { readonly kind: 'matching'; readonly match: Match });

export interface ReadSignatures {
  /** One for each signature, in their order. */
  readonly facts: readonly SignatureFact[];
  /** What was signed, by its SHA-256: JSON, and all of the card that may be published as signed. */
  readonly payloads: ReadonlyMap<string, string>;
}

export interface ReadingRules extends Trust {
  /** Tried in this order; a signature over any other form is no good. */
  readonly forms: readonly CanonicalForm[];
}

export const mostSignatures = 8;

/**
 * Reads the signatures of a card as it was received: RFC 7515 over a canonical form of it, with keys only from `x5c`. A signature
 * is verified where its chain leads, or once led, to the bundle of the signer's own trust domain.
 */
export async function readSignatures(card: JsonObject, rules: ReadingRules): Promise<ReadSignatures> {
  const entries = card.signatures ?? [];
  if (!isArray(entries)) return { facts: [], payloads: new Map() };
  if (entries.length > mostSignatures) {
    const message = `the card carries ${entries.length} signatures; serve no more than ${mostSignatures}`;
    return { facts: [unreadable({ code: 'TooManySignatures', message })], payloads: new Map() };
  }
  const payloads = new Payloads(card, rules.forms);
  const facts: SignatureFact[] = [];
  for (const entry of entries) facts.push(Object.freeze(await readSignature(entry, payloads, rules)));
  const signed = new Set(facts.map((fact) => (fact.kind === 'matching' ? fact.match.payloadSha256 : '')));
  const kept = [...payloads.written].filter(([digest]) => signed.has(digest));
  return { facts, payloads: new Map(kept.map(([digest, { text }]) => [digest, text])) };
}

function unreadable(error: Fault, claimed: Partial<Claimed> = {}): SignatureFact {
  return { kind: 'unreadable', claimed, error };
}

async function readSignature(value: JsonValue, payloads: Payloads, trust: Trust): Promise<SignatureFact> {
  const entry = readEntry(value);
  if (!entry.ok) return unreadable(entry.error);
  const { protectedText: encoded, header } = entry.value;
  const claims = readClaims(entry.value);
  const claimed = claims.ok ? claims.value.claimed : {};
  const chain = readChain(header.x5c);
  if (!chain.ok) return unreadable(chain.error, claimed);
  const about = { claimed, chain: chain.value };
  const signer = signerOf(chain.value, trust);
  if (!signer.ok) return { ...about, kind: 'unverified' };
  const match = claims.ok ? await matchOf(encoded, claims.value, signer.value, payloads) : claims;
  return match.ok
    ? { ...about, kind: 'matching', match: match.value }
    : { ...about, kind: 'wrong', error: match.error };
}

/** Codes: `KeyMismatch`, `SignatureMismatch`. */
async function matchOf(
  encoded: string,
  claims: SignatureClaims,
  signer: Signer,
  payloads: Payloads,
): Promise<Result<Match>> {
  const { signature, thumbprint = signer.thumbprint } = claims;
  const { algorithm } = claims.claimed;
  const fault = thumbprint === signer.thumbprint ? keyFault(algorithm, signer.key) : otherThumbprint;
  if (fault !== undefined) return refused('KeyMismatch', fault);
  const encoding = encodingFault(algorithm, signature);
  if (encoding !== undefined) return refused('SignatureMismatch', encoding);
  for (const [payloadSha256, { form, base64url: payload }] of payloads) {
    if (!(await verifies({ protected: encoded, payload, signature }, algorithm, signer.key))) continue;
    const { name, coverage } = form;
    return ok({ algorithm, form: name, coverage, payloadSha256, protectedSha256: sha256(encoded) });
  }
  const tried = payloads.forms.map(({ name }) => name).join(', ');
  return refused(
    'SignatureMismatch',
    `the signature does not match the card: it was changed after signing, or signed in another form than ${tried}; sign it again`,
  );
}

const otherThumbprint = 'the x5t#S256 of the protected header is not that of its first certificate';

async function verifies(jws: FlattenedJWS, algorithm: string, key: KeyObject): Promise<boolean> {
  try {
    await flattenedVerify(jws, key, { algorithms: [algorithm] });
    return true;
  } catch {
    // Whatever jose has against it, it is as wrong as any other: an agent must not be able to make us fail.
    return false;
  }
}
