import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** Long enough for eight certificates with the largest keys, and for the names of the authorities that a server takes. */
export const mostHandshakeBytes = 32 * 1024;
export const handshakeTooLarge = 'HANDSHAKE_TOO_LARGE';

export interface Bounded {
  readonly stream: Duplex;
  /** The peer is proven: it may send on. */
  readonly lift: () => void;
}

/**
 * A socket that ends when more comes before its peer is proven. OpenSSL verifies a hundred certificates of anybody's choice, in
 * one go of a second, and lets nobody set another bound; of fewer bytes it cannot make more than some twenty costly ones.
 */
export function bounded(socket: Socket): Bounded {
  let left = mostHandshakeBytes;
  const stream = new Duplex({
    read: () => void socket.resume(),
    write: (bytes: Buffer, _encoding, done) => void socket.write(bytes, done),
    final: (done) => void socket.end(done),
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
  socket.on('data', (bytes) => {
    left -= bytes.length;
    if (left < 0) {
      const error = new Error(`more than ${mostHandshakeBytes} bytes came before the handshake was done`);
      stream.destroy(Object.assign(error, { code: handshakeTooLarge }));
    } else if (!stream.push(bytes)) socket.pause();
  });
  socket.on('end', () => stream.push(null));
  socket.on('error', (error) => stream.destroy(error));
  socket.on('close', () => stream.destroy());
  return {
    stream,
    lift: () => {
      left = Infinity;
    },
  };
}
