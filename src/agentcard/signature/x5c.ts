import { createHash, type KeyObject, X509Certificate } from 'node:crypto';
import type { BundleSet, TrustBundle } from '@agentcard-operator/spiffe/x509';
import {
  leafIdentity,
  type Parsed,
  parsed,
  refused,
  type SpiffeId,
  type VerifiedPath,
  verifyPath,
} from '@agentcard-operator/spiffe/x509';
import { isArray, type JsonValue } from '../document/json.ts';
import type { KnownChains } from './known-chains.ts';

/** The holder of a key, by a chain that leads to the bundle of its own trust domain. */
export interface Signer {
  readonly id: SpiffeId;
  readonly key: KeyObject;
  readonly notAfter: Date;
  /** False: the chain was good once and has expired. */
  readonly validNow: boolean;
  /** Base64url SHA-256 of the leaf, as in `x5t#S256`. */
  readonly thumbprint: string;
  /** Lowercase hex SHA-256 of the authority that the chain leads to. */
  readonly issuerSha256: string;
}

export const longestChain = 3;

/**
 * Who holds the key of an `x5c` header (RFC 7515, 4.1.6; X509-SVID, 5): certificates leaf first, each issued by the next, none
 * beside the path. Only the bundle of the trust domain that the leaf names can vouch for it. Codes: `NoCertificate`,
 * `ChainTooLong`, `UnrelatedCertificate`, `TrustDomainUnknown` and those of leafIdentity and verifyPath.
 */
export function signerOf(
  x5c: JsonValue | undefined,
  bundles: BundleSet,
  now: Date,
  knownChains?: KnownChains,
): Parsed<Signer> {
  const texts = readTexts(x5c ?? null);
  if (!texts.ok) return texts;
  const known = knownChains?.find(texts.value, bundles, now);
  if (known !== undefined) return parsed(known);
  const chain = readChain(texts.value);
  if (!chain.ok) return chain;
  const identity = leafIdentity(chain.value[0]);
  if (!identity.ok) return identity;
  const { trustDomain } = identity.value.id;
  const bundle = bundles.get(trustDomain);
  if (bundle === undefined) {
    return refused('TrustDomainUnknown', `no trust bundle is known for the trust domain ${trustDomain} of the signer`);
  }
  const anchored = anchor(chain.value, bundle, now);
  if (!anchored.ok) return anchored;
  const { path, validNow } = anchored.value;
  const signer = signerFrom(chain.value[0], path, validNow);
  if (validNow) {
    const validity = { from: latestStart(path.path), until: path.pathNotAfter };
    knownChains?.add(texts.value, { signer, bundleDigest: bundle.digest, ...validity });
  }
  return parsed(signer);
}

function signerFrom(leaf: Uint8Array, path: VerifiedPath, validNow: boolean): Signer {
  return {
    id: path.id,
    key: new X509Certificate(leaf).publicKey,
    notAfter: path.leafNotAfter,
    validNow,
    thumbprint: createHash('sha256').update(leaf).digest('base64url'),
    issuerSha256: createHash('sha256')
      .update(path.path.at(-1) ?? leaf)
      .digest('hex'),
  };
}

type Chain = readonly [Uint8Array, ...Uint8Array[]];

function readTexts(x5c: JsonValue): Parsed<readonly string[]> {
  if (!isArray(x5c) || x5c.length === 0) {
    return refused('NoCertificate', 'the protected header has no x5c certificates, so nothing says whose key signed');
  }
  if (x5c.length > longestChain) return refused('ChainTooLong', `x5c has more than ${longestChain} certificates`);
  const texts = x5c.filter((text) => typeof text === 'string');
  return texts.length === x5c.length ? parsed(texts) : malformed();
}

function readChain(texts: readonly string[]): Parsed<Chain> {
  const [leaf, ...issuers] = texts.map(base64);
  if (leaf === undefined || issuers.includes(undefined)) return malformed();
  return parsed([leaf, ...issuers.filter((issuer) => issuer !== undefined)]);
}

function malformed(): Parsed<never> {
  return refused('CertificateMalformed', 'x5c is not a list of standard base64 with padding and without white space');
}

function base64(text: string): Uint8Array | undefined {
  if (text === '') return undefined;
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

interface Anchored {
  readonly path: VerifiedPath;
  readonly validNow: boolean;
}

function anchor(chain: Chain, { authorities }: TrustBundle, now: Date): Parsed<Anchored> {
  const input = { chain, anchors: authorities, role: 'signer' } as const;
  const atNow = verifyPath({ ...input, now });
  const expired = !atNow.ok && atNow.error.code === 'CertificateExpired';
  // When all of the chain had begun: if it was ever good, then.
  const path = expired ? verifyPath({ ...input, now: latestStart(chain) }) : atNow;
  if (!path.ok) return expired ? atNow : path;
  const isOfPath = chain.every((certificate, index) => {
    const place = path.value.path[index];
    return place === undefined
      ? authorities.some((authority) => same(authority, certificate))
      : same(place, certificate);
  });
  if (isOfPath) return parsed({ path: path.value, validNow: atNow.ok });
  return refused('UnrelatedCertificate', 'x5c holds a certificate that is no part of the path, or out of order');
}

function latestStart(chain: readonly Uint8Array[]): Date {
  return new Date(Math.max(...chain.map((certificate) => new X509Certificate(certificate).validFromDate.getTime())));
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
