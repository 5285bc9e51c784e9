/**
 * Every TLS socket of ours is opened here. After a handshake that verifies, Node describes the whole chain of the peer by
 * `getPeerCertificate`, in native code that ends the process at a key on a curve without a NIST name, and never returns
 * from authorities that certify each other; the peer, or a bundle, chooses both. No socket of ours ever makes that
 * object: it answers with the names of the leaf alone, which is all that Node's own check of a server's name looks at.
 */

import { constants } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { Agent, createServer, type RequestOptions, type Server, type ServerOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect, type SecureContextOptions, TLSSocket } from 'node:tls';

/**
 * Between workloads: TLS 1.3, or 1.2 with ECDHE and AEAD, and no renegotiation. By DHE a peer would choose the size of the
 * group, and with it for how long we calculate and do nothing else; anew it would show another certificate than the one proven.
 */
export const workloadTls = {
  minVersion: 'TLSv1.2',
  ciphers: 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:ECDHE+AESGCM:ECDHE+CHACHA20',
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
} as const satisfies SecureContextOptions;

export const connectTls = (options: ConnectionOptions): TLSSocket => guarded(connect(options));

export function createTlsServer(options: ServerOptions, handler: RequestListener): Server {
  return createServer(options, handler).prependListener('secureConnection', guarded);
}

/** Sockets to servers that have a name: Node holds it against the leaf. */
export class TlsAgent extends Agent {
  override createConnection(
    options: RequestOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    const socket = super.createConnection(options, callback);
    return socket instanceof TLSSocket ? guarded(socket) : socket;
  }
}

function guarded(socket: TLSSocket): TLSSocket {
  // The subject is left out: like every client that is written in Go, Node then takes no common name for a host's.
  const namesOfLeaf = () => ({
    // Read only by who looks: OpenSSL copies the whole chain for it.
    get subjectaltname() {
      return socket.getPeerX509Certificate()?.subjectAltName;
    },
  });
  return Object.assign(socket, { getPeerCertificate: namesOfLeaf });
}
