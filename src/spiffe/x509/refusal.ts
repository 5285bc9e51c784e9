import { excerpt, type TrustDomain } from '../id.ts';
import type { Fault } from '../result.ts';
import { leafIdentity } from './leaf.ts';

/** What is said of a peer whose chain is refused. `claimedId` is what its leaf names: a claim and nothing more. */
export interface Refusal extends Fault {
  readonly code: 'TrustDomainMismatch' | 'PeerCertificateExpired' | 'PeerCertificateInvalid' | 'ClockSkew';
  readonly claimedId: string | undefined;
}

/** The words for a chain that verifyPeer refuses against the bundles of the expected trust domains, whoever asks and whenever. */
export function refusedChain(
  leaf: Uint8Array | undefined,
  expected: readonly TrustDomain[],
  judge: () => Fault,
): Refusal {
  const identity = leaf && leafIdentity(leaf);
  const claimed = identity?.ok ? identity.value.id : undefined;
  if (claimed !== undefined && !expected.includes(claimed.trustDomain)) {
    const claim = excerpt(claimed.uri, 200);
    const words = `the peer claims ${claim}, which cannot be proven against the bundle of ${expected[0]}`;
    return { code: 'TrustDomainMismatch', message: words, claimedId: claimed.uri };
  }
  const { code, message } = judge();
  const trustDomain = claimed?.trustDomain ?? expected[0];
  const words = `the peer's certificate is refused against the bundle of ${trustDomain}: ${message}`;
  return { code: refusalCode(code), message: words, claimedId: claimed?.uri };
}

function refusalCode(code: string): Refusal['code'] {
  if (code === 'CertificateExpired') return 'PeerCertificateExpired';
  return code === 'ClockSkew' ? code : 'PeerCertificateInvalid';
}
