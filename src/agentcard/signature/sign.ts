import { type KeyObject, X509Certificate } from 'node:crypto';
import {
  type BundleSet,
  leafFault,
  leafIdentity,
  maxChain,
  ok,
  type Result,
  refused,
} from '@agentcard-operator/spiffe/x509';
import { FlattenedSign } from 'jose/jws/flattened/sign';
import { emptyObject, isArray, type JsonObject } from '../document/json.ts';
import { parseCardDocument } from '../document/parse.ts';
import { canonicalize, sha256, withoutSignatures } from '../forms/canonical.ts';
import { fullForms } from '../forms/full.ts';
import { algorithmFor } from './algorithms.ts';
import { mostSignatures } from './facts.ts';
import type { Chain } from './signer.ts';
import { verifyCard } from './verify.ts';

export interface SigningIdentity {
  readonly key: KeyObject;
  readonly chain: Chain;
}

/**
 * Signs a card as it is, over its RFC 8785 bytes without `signatures`; no member is lost or changed, and the new signature
 * comes last. With `now`, what a verifier would refuse then, whatever its bundle, is refused. Codes: `SignaturesInvalid`,
 * `TooManySignatures`, `ChainTooLong`, `KeyRefused`, `KeyMismatch`, and those of leafIdentity, parseCardDocument and verifyCard.
 */
export async function signCard(card: JsonObject, identity: SigningIdentity, now?: Date): Promise<Result<JsonObject>> {
  const earlier = card.signatures ?? [];
  if (!isArray(earlier))
    return refused('SignaturesInvalid', 'the "signatures" of the card are no array; remove them first');
  if (earlier.length >= mostSignatures) {
    return refused(
      'TooManySignatures',
      `the card already has ${earlier.length} signatures; remove those of old certificates`,
    );
  }
  const algorithm = usable(identity);
  if (!algorithm.ok) return algorithm;
  const { key, chain } = identity;
  const header = {
    alg: algorithm.value,
    typ: 'JOSE',
    kid: sha256(chain[0]).slice(0, 16),
    x5c: chain.map((certificate) => Buffer.from(certificate).toString('base64')),
  };
  const payload = Buffer.from(canonicalize(withoutSignatures(card)));
  const jws = await new FlattenedSign(payload).setProtectedHeader(header).sign(key);
  const signed = Object.assign(emptyObject(), card);
  signed.signatures = [...earlier, { protected: jws.protected ?? '', signature: jws.signature }];
  return now === undefined ? ok(signed) : confirmed(signed, chain, now);
}

/** As a verifier reads it that trusts the last certificate of the chain; of a leaf alone, nobody vouches for it here. */
async function confirmed(signed: JsonObject, chain: Chain, now: Date): Promise<Result<JsonObject>> {
  const card = parseCardDocument(Buffer.from(`${JSON.stringify(signed, null, 2)}\n`));
  if (!card.ok) return card;
  const { signatures } = await verifyCard({ card: card.value.raw, bundles: bundleAbove(chain), now, forms: fullForms });
  const own = signatures.at(-1);
  if (own?.outcome === 'valid') return ok(signed);
  const { code = 'SignatureMissing', message = '' } = own ?? {};
  const fault = chain.length === 1 && code === 'PathNotFound' ? leafFault(chain[0], now) : { code, message };
  return fault === undefined ? ok(signed) : refused(fault.code, fault.message);
}

function bundleAbove([leaf, ...issuers]: Chain): BundleSet {
  const identity = leafIdentity(leaf);
  if (!identity.ok) return new Map();
  const { trustDomain } = identity.value.id;
  return new Map([[trustDomain, { trustDomain, authorities: issuers.slice(-1), pems: [], digest: '' }]]);
}

/** Refuses what a verifier would refuse, while the reason can still be said. */
function usable({ key, chain }: SigningIdentity): Result<string> {
  if (chain.length > maxChain) {
    return refused('ChainTooLong', `a verifier takes at most ${maxChain} certificates; leave out the root`);
  }
  const identity = leafIdentity(chain[0]);
  if (!identity.ok) return identity;
  const algorithm = algorithmFor(key);
  if (algorithm === undefined) {
    return refused(
      'KeyRefused',
      'no allowed algorithm fits the key; use P-256, P-384, P-521, RSA from 2048 bits or Ed25519',
    );
  }
  if (new X509Certificate(chain[0]).checkPrivateKey(key)) return ok(algorithm);
  return refused('KeyMismatch', 'the key is not the one of the first certificate of the chain');
}
