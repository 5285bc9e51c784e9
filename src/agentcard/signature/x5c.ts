import { createHash, X509Certificate } from 'node:crypto';
import type { BundleSet, TrustBundle } from '@agentcard-operator/spiffe/x509';
import { leafIdentity, maxChain, ok, type Result, refused, verifyPeer } from '@agentcard-operator/spiffe/x509';
import { isArray, type JsonValue } from '../document/json.ts';
import { sha256 } from '../forms/canonical.ts';
import type { KnownChains } from './known-chains.ts';
import type { Chain, Signer } from './signer.ts';

/**
 * The certificates of an `x5c` header (RFC 7515, 4.1.6), not looked into. Codes: `NoCertificate`, `ChainTooLong`,
 * `CertificateMalformed`.
 */
export function readChain(x5c: JsonValue | undefined): Result<Chain> {
  if (x5c === undefined || !isArray(x5c) || x5c.length === 0) {
    return refused('NoCertificate', 'the protected header has no x5c certificates, so nothing says whose key signed');
  }
  if (x5c.length > maxChain) return refused('ChainTooLong', `x5c has more than ${maxChain} certificates`);
  const certificates = x5c.map(base64).filter((certificate) => certificate !== undefined);
  const [leaf, ...issuers] = certificates;
  if (leaf !== undefined && certificates.length === x5c.length) return ok([leaf, ...issuers]);
  return refused('CertificateMalformed', 'x5c is not a list of standard base64 with padding and without white space');
}

/** Undefined unless the text is the one spelling of its bytes. The bytes are a copy: a slice would keep a pool alive. */
function base64(text: JsonValue): Uint8Array | undefined {
  if (typeof text !== 'string' || text === '') return undefined;
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? new Uint8Array(bytes) : undefined;
}

/** Whom to trust, and when. */
export interface Trust {
  readonly bundles: BundleSet;
  readonly now: Date;
  /** Spares the cryptography of chains that were good before. */
  readonly knownChains?: KnownChains;
}

/**
 * Who holds the key of the leaf (X509-SVID, 5): each certificate is issued by the next. Only
 * the bundle of the trust domain that the leaf names can vouch for it. Codes: `UnrelatedCertificate`, `TrustDomainUnknown`
 * and those of verifyPeer.
 */
export function signerOf(chain: Chain, { bundles, now, knownChains }: Trust): Result<Signer> {
  const before = knownChains?.find(chain, bundles, now);
  if (before !== undefined) return ok(before);
  const identity = leafIdentity(chain[0]);
  if (!identity.ok) return identity;
  const { trustDomain } = identity.value.id;
  const bundle = bundles.get(trustDomain);
  if (bundle === undefined) {
    return refused('TrustDomainUnknown', `no trust bundle is known for the trust domain ${trustDomain} of the signer`);
  }
  const anchored = anchor(chain, bundle, now);
  if (!anchored.ok) return anchored;
  const { id, path, leafNotAfter, pathNotAfter, validNow } = anchored.value;
  const signer = {
    id,
    key: new X509Certificate(chain[0]).publicKey,
    notAfter: leafNotAfter,
    validNow,
    thumbprint: createHash('sha256').update(chain[0]).digest('base64url'),
    issuerSha256: sha256(path.at(-1) ?? chain[0]),
  };
  const known = { signer, bundleDigest: bundle.digest, from: latestStart(path), until: pathNotAfter };
  if (validNow) knownChains?.add(chain, known);
  return ok(signer);
}

function anchor(chain: Chain, bundle: TrustBundle, now: Date) {
  const input = { chain, bundle, role: 'signer' } as const;
  const atNow = verifyPeer({ ...input, now });
  const expired = !atNow.ok && atNow.error.code === 'CertificateExpired';
  // When all of the chain had begun: if it was ever good, then.
  const path = expired ? verifyPeer({ ...input, now: latestStart(chain) }) : atNow;
  if (!path.ok) return expired ? atNow : path;
  if (isInOrder(chain)) return ok({ ...path.value, validNow: atNow.ok });
  return refused(
    'UnrelatedCertificate',
    'a certificate in x5c is not issued by the next one; list the leaf, then each issuer',
  );
}

/** Whatever way led to the bundle: certificates that another bundle needs, before or after a rotation, may follow. */
function isInOrder(chain: Chain): boolean {
  const certificates = chain.map((der) => new X509Certificate(der));
  return certificates.every((certificate, index) => {
    const issuer = certificates[index + 1];
    return issuer === undefined || (certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey));
  });
}

function latestStart(chain: readonly Uint8Array[]): Date {
  return new Date(Math.max(...chain.map((certificate) => new X509Certificate(certificate).validFromDate.getTime())));
}
