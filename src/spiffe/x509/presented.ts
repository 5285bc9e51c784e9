/** The certificates of the other end of a TLS connection. */

import type { X509Certificate } from 'node:crypto';
import { maxChain } from './path.ts';

/**
 * DER, leaf first, as the peer sent it; one more than is allowed, so that the path check says that it is too long. Not a
 * verified path, and on a resumed session it is empty or a leaf alone.
 */
export function presentedChain(peer: X509Certificate | undefined): Buffer[] {
  const chain: Buffer[] = [];
  let certificate = peer;
  while (certificate !== undefined && chain.length <= maxChain) {
    chain.push(certificate.raw);
    certificate = certificate.issuerCertificate;
  }
  return chain;
}
