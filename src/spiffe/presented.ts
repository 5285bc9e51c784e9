/** The certificates of the other end of a TLS connection. */

import type { TLSSocket } from 'node:tls';
import { MAX_CHAIN } from './path.ts';

/**
 * DER, leaf first: what the peer sent, followed by authorities of ours where it did not send them itself. Not a verified
 * path, and on a resumed session it is empty or a leaf alone.
 */
export function presentedChain(socket: TLSSocket): Buffer[] {
  const chain: Buffer[] = [];
  let certificate = socket.getPeerX509Certificate();
  while (certificate !== undefined && chain.length < MAX_CHAIN) {
    chain.push(certificate.raw);
    certificate = certificate.issuerCertificate;
  }
  return chain;
}
