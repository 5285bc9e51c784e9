/**
 * Path validation without a connection (RFC 5280 §6, X509-SVID §5): for signers' certificates, for stored chains after a
 * bundle changed, and for servers that take clients of several trust domains. Over TLS, OpenSSL does this work.
 */

import type { SpiffeId } from '../id.ts';
import { type Fault, ok, type Result, refused } from '../result.ts';
import type { BundleSet } from './bundle.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import { attempt } from './der.ts';
import { identityOf, leafIdentity } from './leaf.ts';
import { nameConstraintFault } from './names.ts';
import { isStrongKey, isStrongSignature } from './strength.ts';

/** `signer` needs no extended key usage: an SVID that signs a document acts as neither end of a connection. */
export type PathRole = 'server' | 'client' | 'signer';

export interface PathInput {
  /** DER, leaf first; the rest is untrusted and may come in any order, with certificates that lead nowhere. */
  readonly chain: readonly Uint8Array[];
  /** DER of the authorities of the leaf's own trust domain, and of no other. */
  readonly anchors: readonly Uint8Array[];
  readonly now: Date;
  readonly role: PathRole;
}

export type SvidInput = Omit<PathInput, 'anchors'> & { readonly bundles: BundleSet };

export interface VerifiedPath {
  readonly id: SpiffeId;
  /** DER, leaf first, anchor last. */
  readonly path: readonly Uint8Array[];
  readonly leafNotAfter: Date;
  /** The earliest end in the path, the anchor's included. */
  readonly pathNotAfter: Date;
}

/** Certificates that one peer or signer may present. */
export const maxChain = 10;
/** Signature checks per call: bounds what a chain of look-alike certificates can cost. */
const maxSignatureChecks = 64;
const purposeOids = { server: '2b06010505070301', client: '2b06010505070302' } as const;

/**
 * The leaf rules and a valid path to one of the anchors.
 * Codes: CertificateMalformed, NotAnSvid, CertificateExpired, CertificateNotYetValid, CertificateWeak, PathNotFound, PathInvalid.
 */
export function verifyPath(input: PathInput): Result<VerifiedPath> {
  const chain = readChain(input.chain);
  if (!chain.ok) return chain;
  const [leaf] = chain.value;
  const identity = identityOf(leaf);
  if (!identity.ok) return identity;
  const path = findPath(chain.value, input);
  if (!path.ok) return path;
  const ends = path.value.map(({ x509 }) => x509.validToDate.getTime());
  return ok({
    id: identity.value.id,
    path: path.value.map(({ der }) => der),
    leafNotAfter: identity.value.notAfter,
    pathNotAfter: new Date(Math.min(...ends)),
  });
}

/** As {@link verifyPath}, against the bundle of the trust domain that the leaf itself names. Another code: BundleMissing. */
export function verifySvid({ bundles, ...input }: SvidInput): Result<VerifiedPath> {
  const [leaf] = input.chain;
  if (leaf === undefined) return refused('PathInvalid', 'the chain is empty');
  const identity = leafIdentity(leaf);
  if (!identity.ok) return identity;
  const { trustDomain } = identity.value.id;
  const bundle = bundles.get(trustDomain);
  if (bundle === undefined) return refused('BundleMissing', `no trust bundle of ${trustDomain} is known`);
  return verifyPath({ ...input, anchors: bundle.authorities });
}

/** The path alone, whatever the leaf is: what `openssl verify` answers too, so that the two can be compared. */
export function buildPath(input: PathInput): Result<readonly Certificate[]> {
  const chain = readChain(input.chain);
  return chain.ok ? findPath(chain.value, input) : chain;
}

type Chain = readonly [Certificate, ...Certificate[]];

function readChain(chain: readonly Uint8Array[]): Result<Chain> {
  if (chain.length > maxChain) return refused('PathInvalid', `a chain has at most ${maxChain} certificates`);
  const [leaf, ...others] = chain;
  if (leaf === undefined) return refused('PathInvalid', 'the chain is empty');
  return attempt('CertificateMalformed', (): Chain => [readCertificate(leaf), ...others.map(readCertificate)]);
}

function findPath(chain: Chain, input: PathInput): Result<readonly Certificate[]> {
  const anchors = attempt('CertificateMalformed', () => input.anchors.map(readAnchor));
  if (!anchors.ok) return anchors;
  const search = new PathSearch(chain, anchors.value, input);
  const fault = search.certificateFault(chain[0]) ?? search.signatureFault(chain[0]);
  if (fault !== undefined) return { ok: false, error: fault };
  const path = attempt('CertificateMalformed', () => search.extend([chain[0]], 0));
  if (!path.ok) return path;
  return path.value ? ok(path.value) : { ok: false, error: search.fault };
}

/** Depth first over the candidates for each issuer, anchors before intermediates, remembering the last fault. */
class PathSearch {
  fault: Fault = error('PathNotFound', 'no path leads to an authority of the trust bundle');
  readonly #chain: Chain;
  readonly #anchors: readonly Certificate[];
  readonly #input: PathInput;
  #checksLeft = maxSignatureChecks;

  constructor(chain: Chain, anchors: readonly Certificate[], input: PathInput) {
    this.#chain = chain;
    this.#anchors = anchors;
    this.#input = input;
  }

  /** `depth` counts the intermediates so far that are not self-issued, which is what pathLenConstraint limits. */
  extend(path: readonly Certificate[], depth: number): readonly Certificate[] | undefined {
    for (const anchor of this.#anchors) {
      if (this.#issues(anchor, path, depth) && this.#keepsNames([...path, anchor])) return [...path, anchor];
    }
    for (const issuer of this.#chain.slice(1)) {
      if (path.includes(issuer) || !this.#issues(issuer, path, depth)) continue;
      const fault = this.signatureFault(issuer);
      if (fault !== undefined) this.fault = fault;
      else {
        const found = this.extend([...path, issuer], depth + (issuer.selfIssued ? 0 : 1));
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }

  /** What is wrong with a certificate in any place of a path, anchors included. */
  certificateFault({ x509, extendedKeyUsage, unknownCritical }: Certificate): Fault | undefined {
    const now = this.#input.now.getTime();
    if (!(now >= x509.validFromDate.getTime())) {
      return error('CertificateNotYetValid', 'a certificate of the path is not valid yet; compare the clocks');
    }
    if (!(now <= x509.validToDate.getTime())) {
      return error('CertificateExpired', 'a certificate of the path has expired');
    }
    if (unknownCritical.length > 0) return error('PathInvalid', 'a certificate has an unknown critical extension');
    if (!isStrongKey(x509)) return error('CertificateWeak', 'a key of the path is too weak or of an unusual kind');
    const { role } = this.#input;
    if (role !== 'signer' && extendedKeyUsage && !extendedKeyUsage.has(purposeOids[role])) {
      return error('PathInvalid', `a certificate's extended key usage leaves out TLS ${role}s`);
    }
    return undefined;
  }

  /** An anchor is trusted as it is, so its own signature is never looked at. */
  signatureFault(certificate: Certificate): Fault | undefined {
    if (isStrongSignature(certificate.signatureAlgorithm)) return undefined;
    return error('CertificateWeak', 'a certificate is signed with a weak or unusual algorithm');
  }

  #issues(issuer: Certificate, path: readonly Certificate[], depth: number): boolean {
    const subject = path.at(-1);
    if (!subject?.x509.checkIssued(issuer.x509)) return false;
    const fault = this.certificateFault(issuer) ?? authorityFault(issuer, depth, this.#anchors.includes(issuer));
    if (fault !== undefined) {
      this.fault = fault;
      return false;
    }
    if (--this.#checksLeft < 0) {
      this.fault = error('PathInvalid', 'the chain needs too many signature checks');
      return false;
    }
    return subject.x509.verify(issuer.x509.publicKey);
  }

  #keepsNames(path: readonly Certificate[]): boolean {
    const fault = nameConstraintFault(path);
    if (fault !== undefined) this.fault = error('PathInvalid', fault);
    return fault === undefined;
  }
}

/** An anchor may lack the extensions: being in the bundle says that it is an authority. */
function authorityFault(issuer: Certificate, depth: number, anchor: boolean): Fault | undefined {
  const { basicConstraints, keyUsage } = issuer;
  if (!(basicConstraints?.ca ?? anchor)) return error('PathInvalid', 'an issuer in the path is no CA');
  if (!(keyUsage?.has('keyCertSign') ?? anchor)) return error('PathInvalid', 'an issuer may not sign certificates');
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

const error = (code: string, message: string): Fault => ({ code, message });
