/**
 * The one rule for certificates (RFC 5280 §6, X509-SVID §5): over TLS beside OpenSSL's, for stored chains after a bundle
 * changed, and for signers. It goes the one way that OpenSSL would go and says yes only where OpenSSL does, so that all
 * answers about one chain are the same; what the two might see differently is refused by name.
 */

import { excerpt, type SpiffeId, type TrustDomain } from '../id.ts';
import { type Fault, ok, type Result, refused } from '../result.ts';
import { type BundleSet, leftOut, type TrustBundle } from './bundle.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import { attempt } from './der.ts';
import { identityOf } from './leaf.ts';
import { nameConstraintFault } from './names.ts';
import { isStrongSignature } from './strength.ts';

/** `signer` needs no extended key usage: an SVID that signs a document acts as neither end of a connection. */
export type PathRole = 'server' | 'client' | 'signer';

export interface PathInput {
  /** DER, leaf first; the rest is untrusted and may come in any order, with authorities that lead nowhere. */
  readonly chain: readonly Uint8Array[];
  /** DER of the authorities of the leaf's own trust domain, and of no other. */
  readonly anchors: readonly Uint8Array[];
  readonly now: Date;
  readonly role: PathRole;
}

type Untrusted = Omit<PathInput, 'anchors'>;

/** `bundle` is that of the trust domain to which the leaf must belong. */
export type PeerInput = Untrusted & { readonly bundle: TrustBundle };

export type SvidInput = Untrusted & { readonly bundles: BundleSet };

export interface VerifiedPath {
  readonly id: SpiffeId;
  /** DER, leaf first, anchor last. */
  readonly path: readonly Uint8Array[];
  readonly leafNotBefore: Date;
  readonly leafNotAfter: Date;
  /** The earliest end in the path, the anchor's included. */
  readonly pathNotAfter: Date;
}

/** Certificates that one peer or signer may present. */
export const maxChain = 8;
/** Clocks differ: a certificate that begins within this time says nothing against who shows it. */
const clockSkewMs = 5 * 60_000;
/** Authorities of one name and different keys that are tried. */
const mostTwins = 8;
const purposeOids = { server: '2b06010505070301', client: '2b06010505070302' } as const;

/**
 * The door for every chain that somebody else presents, over TLS, stored, or handed over by another process: hostile DER in,
 * a proven workload out. It is bounded in work, and OpenSSL sees no certificate that the strict reader refused.
 * Codes: CertificateMalformed, NotAnSvid, TrustDomainMismatch, CertificateExpired, CertificateNotYetValid, CertificateWeak,
 * PathInvalid; PathNotFound, that no authority of the bundle vouches for the chain; ClockSkew, that it will be good within
 * minutes, which is no fault of the peer.
 */
export function verifyPeer({ bundle, ...input }: PeerInput): Result<VerifiedPath> {
  return verifyFor(() => bundle, input);
}

/** As {@link verifyPeer}, against the bundle of the trust domain that the leaf itself names. Another code: BundleMissing. */
export function verifySvid({ bundles, ...input }: SvidInput): Result<VerifiedPath> {
  if (input.chain.length === 0) return refused('PathInvalid', 'the chain is empty');
  return verifyFor((trustDomain) => bundles.get(trustDomain), input);
}

function verifyFor(bundleOf: (name: TrustDomain) => TrustBundle | undefined, input: Untrusted): Result<VerifiedPath> {
  const [der = new Uint8Array()] = input.chain;
  const leaf = attempt('CertificateMalformed', () => readCertificate(der));
  if (!leaf.ok) return leaf;
  const identity = identityOf(leaf.value);
  if (!identity.ok) return identity;
  const { trustDomain, uri } = identity.value.id;
  const bundle = bundleOf(trustDomain);
  if (bundle === undefined) return refused('BundleMissing', `no trust bundle of ${trustDomain} is known`);
  if (trustDomain !== bundle.trustDomain) {
    return refused('TrustDomainMismatch', `an authority of ${bundle.trustDomain} may not issue ${excerpt(uri)}`);
  }
  const verify = (now: Date) => verifyPath({ ...input, anchors: bundle.authorities, now }, leaf.value);
  const atNow = verify(input.now);
  if (atNow.ok) return atNow;
  const { code, message } = atNow.error;
  if (code === 'PathNotFound') return refused(code, message + leftOut(bundle));
  const later = new Date(input.now.getTime() + clockSkewMs);
  if (code !== 'CertificateNotYetValid' || !verify(later).ok) return atNow;
  return refused('ClockSkew', 'a certificate of the path begins in less than five minutes; compare the clocks');
}

/**
 * The leaf rules and a valid path to one of the anchors; the codes of {@link verifyPeer} that need no bundle. The leaf, where
 * it has been read before, is not read again: that is half of the work on a short chain.
 */
export function verifyPath(input: PathInput, leaf?: Certificate): Result<VerifiedPath> {
  const path = buildPath(input, leaf);
  if (!path.ok) return path;
  const identity = identityOf(path.value[0]);
  if (!identity.ok) return identity;
  const ends = path.value.map(({ x509 }) => x509.validToDate.getTime());
  return ok({
    id: identity.value.id,
    path: path.value.map(({ der }) => der),
    leafNotBefore: identity.value.notBefore,
    leafNotAfter: identity.value.notAfter,
    pathNotAfter: new Date(Math.min(...ends)),
  });
}

type Path = readonly [Certificate, ...Certificate[]];

/** The path alone, whatever the leaf is: what `openssl verify` answers too, so that the two can be compared. */
export function buildPath(
  { chain, anchors: authorities, ...circumstances }: PathInput,
  read?: Certificate,
): Result<Path> {
  const [leaf, ...others] = chain;
  if (leaf === undefined) return refused('PathInvalid', 'the chain is empty');
  if (chain.length > maxChain) return refused('PathInvalid', `a chain has at most ${maxChain} certificates`);
  const path = attempt('CertificateMalformed', () => {
    const anchors = authorities.map(readAnchor);
    // A copy of an anchor leads no further than the anchor.
    const own = others.filter((der) => !authorities.some((authority) => Buffer.compare(authority, der) === 0));
    const sent = own.map(readCertificate);
    const odd = sent.find(
      ({ basicConstraints, keyUsage }) => !basicConstraints?.ca || keyUsage?.has('keyCertSign') === false,
    );
    if (odd !== undefined) return refused('PathInvalid', 'a certificate beside the leaf is no CA; send issuers only');
    return findPath(read ?? readCertificate(leaf), { ...circumstances, anchors, sent });
  });
  return path.ok ? path.value : path;
}

interface Search extends Pick<PathInput, 'now' | 'role'> {
  readonly anchors: readonly Certificate[];
  readonly sent: readonly Certificate[];
}

/**
 * OpenSSL's way: an anchor that may be the issuer ends it; else the first certificate of those sent, and never back. Only names,
 * key identifiers and signatures lead it, so that a chain for which no authority vouches is told from one with other faults.
 */
function findPath(leaf: Certificate, search: Search): Result<Path> {
  const path: [Certificate, ...Certificate[]] = [leaf];
  for (let subject = leaf; ; ) {
    if (subject.selfSigned)
      return refused('PathNotFound', 'a self-signed certificate that is no authority ends the path');
    const anchors = issuersOf(subject, search.anchors, search.now);
    if (anchors.length > 0) return anchored(path, subject, { ...search, anchors });
    const unused = search.sent.filter(({ der }) => path.every((used) => Buffer.compare(used.der, der) !== 0));
    const [issuer] = issuersOf(subject, unused, search.now);
    if (issuer === undefined) return refused('PathNotFound', 'no path leads to an authority of the trust bundle');
    if (!isSignedBy(subject, issuer)) return refused('PathNotFound', 'a certificate is not signed by the one above it');
    path.push(issuer);
    subject = issuer;
  }
}

const isSignedBy = ({ x509 }: Certificate, issuer: Certificate): boolean => x509.verify(issuer.x509.publicKey);

/** Those that OpenSSL would take for the issuer, by names and key identifiers: one that is valid now, where there is one. */
function issuersOf({ x509 }: Certificate, pool: readonly Certificate[], now: Date): readonly Certificate[] {
  const named = pool.filter((candidate) => x509.checkIssued(candidate.x509));
  const valid = named.filter((candidate) => timeFault(candidate, now) === undefined);
  return valid.length > 0 ? valid : named;
}

/** The path up to one of `anchors`. Which of several OpenSSL takes hangs on their order in its memory, so any must do. */
function anchored(path: Path, subject: Certificate, search: Search): Result<Path> {
  const byKey = [...new Map(search.anchors.map((anchor) => [anchor.key, anchor])).values()];
  const anchor = byKey.slice(0, mostTwins).find((each) => isSignedBy(subject, each));
  if (anchor === undefined) return refused('PathNotFound', 'no authority of the trust bundle signed the chain');
  if (byKey.length > 1) {
    return refused('PathInvalid', 'authorities of the bundle share a name, and no key identifier tells them apart');
  }
  for (const each of search.anchors) {
    const whole: Path = [...path, each];
    const fault = whole.map((_, index) => placeFault(whole, index, search)).find((found) => found !== undefined);
    const names = nameConstraintFault(whole);
    if (fault !== undefined) return { ok: false, error: fault };
    if (names !== undefined) return refused('PathInvalid', names);
  }
  return ok([...path, anchor]);
}

/** What is wrong with one certificate of a path, in its place. */
function placeFault(path: Path, index: number, { now, role }: Pick<Search, 'now' | 'role'>): Fault | undefined {
  const certificate = path[index] ?? path[0];
  const isAnchor = index === path.length - 1;
  return (
    timeFault(certificate, now) ??
    usageFault(certificate, role) ??
    (index > 0 ? authorityFault(certificate, path.slice(1, index), isAnchor) : undefined) ??
    // An anchor is trusted as it is, so its own signature is never looked at.
    (isAnchor || isStrongSignature(certificate.signatureAlgorithm) ? undefined : weakSignature)
  );
}

/** What is wrong with a certificate that an authority has signed, whichever that is. */
export function leafFault(der: Uint8Array, now: Date): Fault | undefined {
  const leaf = attempt('CertificateMalformed', () => readCertificate(der));
  return leaf.ok ? placeFault([leaf.value, leaf.value], 0, { now, role: 'signer' }) : leaf.error;
}

const weakSignature = error('CertificateWeak', 'a certificate is signed with a weak or unusual algorithm');

function timeFault({ x509 }: Certificate, now: Date): Fault | undefined {
  if (!(now >= x509.validFromDate))
    return error('CertificateNotYetValid', 'a certificate of the path is not valid yet; compare the clocks');
  return now < x509.validToDate ? undefined : error('CertificateExpired', 'a certificate of the path has expired');
}

function usageFault({ extendedKeyUsage, notEvaluated }: Certificate, role: PathRole): Fault | undefined {
  if (notEvaluated !== undefined) {
    return error(
      'PathInvalid',
      `a certificate of the path uses ${notEvaluated}, which is not evaluated here; issue it without`,
    );
  }
  if (role === 'signer' || (extendedKeyUsage?.has(purposeOids[role]) ?? true)) return undefined;
  return error('PathInvalid', `a certificate's extended key usage leaves out TLS ${role}s`);
}

/** An anchor may lack one of the extensions, as for OpenSSL: being in the bundle says that it is an authority. */
function authorityFault(issuer: Certificate, between: readonly Certificate[], isAnchor: boolean): Fault | undefined {
  const { basicConstraints, keyUsage } = issuer;
  if (!(basicConstraints?.ca ?? (isAnchor && keyUsage !== undefined)))
    return error('PathInvalid', 'an issuer in the path is no CA');
  if (!(keyUsage?.has('keyCertSign') ?? isAnchor)) return error('PathInvalid', 'an issuer may not sign certificates');
  const depth = between.filter(({ selfIssued }) => !selfIssued).length;
  if (depth > (basicConstraints?.pathLength ?? depth))
    return error('PathInvalid', 'the path is longer than a CA allows');
  return undefined;
}

/** Bundles are immutable and used for every signature, so each authority is read once per bundle. */
const readAnchors = new WeakMap<Uint8Array, Certificate>();

function readAnchor(der: Uint8Array): Certificate {
  const known = readAnchors.get(der);
  if (known !== undefined) return known;
  const certificate = readCertificate(der);
  readAnchors.set(der, certificate);
  return certificate;
}

function error(code: string, message: string): Fault {
  return { code, message };
}
