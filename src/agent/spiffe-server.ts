/** An HTTPS server that proves its identity with an X509-SVID and takes only clients that prove theirs. */

import { constants } from 'node:crypto';
import type { RequestListener } from 'node:http';
import type { Server } from 'node:https';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import type { IdentitySnapshot, IdentitySource } from '@agentcard-operator/spiffe/workload-api';
import {
  type Fault,
  presentedChain,
  type Result,
  refused,
  type VerifiedPath,
  verifySvid,
} from '@agentcard-operator/spiffe/x509';
import { createTlsServer, workloadTls } from '@agentcard-operator/wire/tls';

export interface SpiffeServerOptions {
  readonly identity: IdentitySource;
  /** A request listener; an express application is one. */
  readonly handler: RequestListener;
  /** Told why a client was turned away after its handshake; one that fails the handshake appears as `tlsClientError`. */
  readonly onRefused?: (reason: Fault) => void;
}

/**
 * Not listening yet; the caller chooses the port. It follows the identity: without an SVID every handshake fails, a new SVID
 * serves from the next handshake on, and when authorities change all connections are closed, since some may have lost theirs.
 */
export function createSpiffeServer({ identity, handler, onRefused }: SpiffeServerOptions): Server {
  const options = { ...contextOf(identity.current()), requestCert: true, rejectUnauthorized: true };
  const server = createTlsServer(options, handler);
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const client = clientOf(socket, identity.current());
    if (client.ok) return;
    socket.destroy();
    onRefused?.(client.error);
  });
  const stop = identity.onChange((now, before) => {
    if (now.epoch === before.epoch) return;
    server.setSecureContext(contextOf(now));
    if (now.bundleEpoch === before.bundleEpoch && now.svid) server.closeIdleConnections();
    else server.closeAllConnections();
  });
  server.on('close', stop);
  return server;
}

/**
 * OpenSSL gets the authorities of all trust domains, for it knows only one list; which of them may vouch for whom is
 * checked after the handshake. No tickets: a resumed session brings no chain to check.
 */
function contextOf({ svid, bundles }: IdentitySnapshot): SecureContextOptions {
  return {
    ...workloadTls,
    ...(svid && { cert: svid.chainPem, key: svid.keyPem }),
    ca: [...bundles.values()].flatMap(({ pems }) => pems),
    allowPartialTrustChain: true,
    secureOptions: workloadTls.secureOptions | constants.SSL_OP_NO_TICKET,
  };
}

function clientOf(socket: TLSSocket, { bundles }: IdentitySnapshot): Result<VerifiedPath> {
  if (socket.isSessionReused()) return refused('SessionResumed', 'a resumed session proves no identity');
  return verifySvid({
    chain: presentedChain(socket.getPeerX509Certificate()),
    bundles,
    now: new Date(),
    role: 'client',
  });
}
