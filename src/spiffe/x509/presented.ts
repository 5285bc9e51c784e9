/** The certificates of the other end of a TLS connection. */

import type { X509Certificate } from 'node:crypto';
import { maxChain } from './path.ts';

/**
 * DER, leaf first, from what `getPeerX509Certificate` says: what the peer sent, followed by authorities of ours where it did not send them itself. Not a verified
 * path, and on a resumed session it is empty or a leaf alone.
 */
export function presentedChain(peer: X509Certificate | undefined): Buffer[] {
  const chain: Buffer[] = [];
  let certificate = peer;
  while (certificate !== undefined && chain.length < maxChain) {
    chain.push(certificate.raw);
    certificate = certificate.issuerCertificate;
  }
  return chain;
}
