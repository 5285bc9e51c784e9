/**
 * Every TLS socket of ours is opened here. After a handshake that verifies, Node describes the whole chain of the peer by
 * `getPeerCertificate`, in native code that ends the process at a key on a curve without a NIST name, and never returns
 * from authorities that certify each other; the peer, or a bundle, chooses both. No socket of ours ever makes that
 * object: it answers with the names of the leaf alone, which is all that Node's own check of a server's name looks at.
 */

import type { RequestListener } from 'node:http';
import { Agent, createServer, type RequestOptions, type Server, type ServerOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect, TLSSocket } from 'node:tls';

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
  const namesOfLeaf = () => ({ subjectaltname: socket.getPeerX509Certificate()?.subjectAltName });
  return Object.assign(socket, { getPeerCertificate: namesOfLeaf });
}
