/** What one answer of the Workload API says: our own X509-SVID and the bundles to check others against. */

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { excerpt, parseTrustDomain, type SpiffeId, type TrustDomain } from '../id.ts';
import { type Fault, ok, type Result, refused } from '../result.ts';
import type { X509SVID, X509SVIDResponse } from '../workload-api/workloadapi_pb.ts';
import { type BundleSet, parseBundleDer, type TrustBundle, toPem } from './bundle.ts';
import { splitCertificates } from './certificate.ts';
import { attempt } from './der.ts';
import { leafIdentity } from './leaf.ts';

export interface X509Svid {
  readonly id: SpiffeId;
  /** DER, leaf first, without the authority. */
  readonly chain: readonly Uint8Array[];
  readonly chainPem: string;
  readonly keyPem: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Tells several SVIDs of one workload apart; may be empty. */
  readonly hint: string;
}

/** The default identity, which is the first one listed, and one bundle per trust domain. */
export interface X509Context {
  readonly svid: X509Svid;
  readonly bundles: BundleSet;
  /** Federated bundles that cannot be read, by trust domain. They are not in `bundles`, and take nothing else away. */
  readonly faults: ReadonlyMap<string, Fault>;
}

/**
 * A whole answer; a fault in what is ours refuses all of it (SPIFFE_Workload_API §4.5), so that the last good one stays.
 * Codes: those of bundles and leaves, SvidMissing, SvidIncomplete, SvidKeyMismatch, SvidMismatch, TrustDomainInvalid.
 */
export function parseX509Context(response: X509SVIDResponse): Result<X509Context> {
  const bundles = new Map<TrustDomain, TrustBundle>();
  const faults = new Map<string, Fault>();
  for (const [name, der] of Object.entries(response.federatedBundles)) {
    const trustDomain = parseTrustDomain(name);
    const bundle = trustDomain.ok ? parseBundleDer(trustDomain.value, der) : trustDomain;
    if (bundle.ok) bundles.set(bundle.value.trustDomain, bundle.value);
    else faults.set(trustDomain.ok ? trustDomain.value : name, told(name, bundle.error));
  }
  const svids: X509Svid[] = [];
  for (const message of response.svids) {
    const svid = parseSvid(message);
    if (!svid.ok) return svid;
    const bundle = parseBundleDer(svid.value.id.trustDomain, message.bundle);
    if (!bundle.ok) return bundle;
    bundles.set(bundle.value.trustDomain, bundle.value);
    svids.push(svid.value);
  }
  const [svid] = svids;
  if (svid === undefined) return refused('SvidMissing', 'the Workload API answered without an SVID');
  return ok({ svid, bundles, faults });
}

const told = (name: string, { code, message }: Fault): Fault => ({
  code,
  message: `the federated bundle of ${excerpt(name)} was refused, the last good one stays: ${message}`,
});

function parseSvid({ spiffeId, x509Svid, x509SvidKey, bundle, hint }: X509SVID): Result<X509Svid> {
  if (spiffeId === '' || x509Svid.length === 0 || x509SvidKey.length === 0 || bundle.length === 0) {
    return refused('SvidIncomplete', 'the Workload API answered with an SVID that lacks its ID, chain, key or bundle');
  }
  const chain = attempt('CertificateMalformed', () => splitCertificates(x509Svid));
  if (!chain.ok) return chain;
  const [leaf] = chain.value;
  if (leaf === undefined) return refused('SvidIncomplete', 'the SVID has no certificate');
  const identity = leafIdentity(leaf);
  if (!identity.ok) return identity;
  if (identity.value.id.uri !== spiffeId) {
    return refused('SvidMismatch', `the SVID is announced as ${excerpt(spiffeId)} but names another ID`);
  }
  const key = readKey(x509SvidKey);
  if (key === undefined || !new X509Certificate(leaf).checkPrivateKey(key)) {
    return refused('SvidKeyMismatch', 'the private key does not belong to the SVID');
  }
  return ok({
    ...identity.value,
    chain: chain.value,
    chainPem: chain.value.map(toPem).join(''),
    keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    hint,
  });
}

function readKey(pkcs8: Uint8Array): KeyObject | undefined {
  try {
    return createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' });
  } catch {
    return undefined;
  }
}
