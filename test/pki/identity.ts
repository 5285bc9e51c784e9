/** Identities for tests that need no Workload API. */

import type { TrustDomain } from '../../src/spiffe/id.ts';
import type { IdentitySnapshot } from '../../src/spiffe/workload-api/identity.ts';
import { type TrustBundle, toPem } from '../../src/spiffe/x509/bundle.ts';
import { leafIdentity } from '../../src/spiffe/x509/leaf.ts';
import type { X509Svid } from '../../src/spiffe/x509/svid.ts';
import { keyPemOf, type Minted, pemOf } from './mint.ts';

export function x509Svid(chain: readonly Minted[]): X509Svid {
  const [leaf] = chain;
  if (leaf === undefined) throw new Error('an SVID needs a leaf');
  const identity = leafIdentity(leaf.der);
  if (!identity.ok) throw new Error(identity.error.message);
  return {
    ...identity.value,
    chain: chain.map(({ der }) => der),
    chainPem: pemOf(...chain),
    keyPem: keyPemOf(leaf),
    hint: '',
  };
}

/** A bundle that nobody checked, for authorities that would be refused on load. */
export const uncheckedBundle = (trustDomain: string, authorities: readonly Minted[]): TrustBundle => ({
  trustDomain: trustDomain as TrustDomain,
  authorities: authorities.map(({ der }) => der),
  pems: authorities.map(({ der }) => toPem(der)),
  digest: authorities.map(({ keyId }) => keyId.toString('hex')).join(),
});

export function identityOf(chain: readonly Minted[], ...bundles: readonly TrustBundle[]): IdentitySnapshot {
  return {
    epoch: 1,
    bundleEpoch: 1,
    state: 'ready',
    svid: x509Svid(chain),
    bundles: new Map(bundles.map((bundle) => [bundle.trustDomain, bundle])),
  };
}
