import { Socket, type TcpNetConnectOpts } from 'node:net';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { connectTls } from './tls.ts';

/** Long enough for eight certificates with the largest keys, and for the names of the authorities that a server takes. */
export const mostHandshakeBytes = 32 * 1024;
export const tooMuchTls = 'TOO_MUCH_TLS';
/** After that: so much without any data, since data may lag behind by what is being read, and so much for each byte of it. */
const free = 4 * mostHandshakeBytes;
/** In records of a byte an answer takes thirty times its length. */
const mostPerByte = 32;

/** Where the bytes of all arrive: OpenSSL has copied them when the next ones come. Else Node allocates so much for every read. */
const landing = Buffer.allocUnsafeSlow(64 * 1024);

export interface Bounded {
  readonly socket: TLSSocket;
  /** The peer is proven: it may send on while it brings data, of which so many bytes were heard. */
  readonly lift: (heard: () => number) => void;
}

/**
 * A connection that ends when more comes before its peer is proven, and later when too much comes that is no data, such as
 * session tickets without end. OpenSSL verifies a hundred certificates of anybody's choice, in one go of a second, and lets
 * nobody set another bound; of fewer bytes it cannot make more than some twenty costly ones.
 */
export function connectBounded(target: TcpNetConnectOpts, options: ConnectionOptions): Bounded {
  let came = 0;
  let isTooMuch = () => came > mostHandshakeBytes;
  const hear = (length: number, bytes: Uint8Array): boolean => {
    came += length;
    if (isTooMuch()) {
      const error = new Error('more came than a handshake, or the data that it carries, needs');
      tcp.destroy(Object.assign(error, { code: tooMuchTls }));
    } else tcp.emit('data', bytes.subarray(0, length));
    return !tcp.destroyed;
  };
  const tcp: Socket = new Socket({ allowHalfOpen: true, onread: { buffer: landing, callback: hear } });
  // Before it connects: OpenSSL would read from a connected one itself, past what is counted here.
  const socket = connectTls({ ...options, socket: tcp });
  tcp.connect(target);
  return {
    socket,
    lift: (heard) => {
      const before = came;
      isTooMuch = () => came - before > free + mostPerByte * heard();
    },
  };
}
