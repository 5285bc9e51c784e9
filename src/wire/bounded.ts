import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** Long enough for eight certificates with the largest keys, and for the names of the authorities that a server takes. */
export const mostHandshakeBytes = 32 * 1024;
export const tooMuchTls = 'TOO_MUCH_TLS';
/** After that: so much without any data, since data may lag behind by what is being read, and so much for each byte of it. */
const free = 4 * mostHandshakeBytes;
/** In records of a byte an answer takes thirty times its length. */
const mostPerByte = 32;

export interface Bounded {
  readonly stream: Duplex;
  /** The peer is proven: it may send on while it brings data, of which so many bytes were heard. */
  readonly lift: (heard: () => number) => void;
}

/**
 * A socket that ends when more comes before its peer is proven, and later when too much comes that is no data, such as session
 * tickets without end. OpenSSL verifies a hundred certificates of anybody's choice, in one go of a second, and lets nobody set
 * another bound; of fewer bytes it cannot make more than some twenty costly ones.
 */
export function bounded(socket: Socket): Bounded {
  let came = 0;
  let isTooMuch = () => came > mostHandshakeBytes;
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
    came += bytes.length;
    if (isTooMuch()) {
      const error = new Error('more came than a handshake, or the data that it carries, needs');
      stream.destroy(Object.assign(error, { code: tooMuchTls }));
    } else if (!stream.push(bytes)) socket.pause();
  });
  socket.on('end', () => stream.push(null));
  socket.on('error', (error) => stream.destroy(error));
  socket.on('close', () => stream.destroy());
  return {
    stream,
    lift: (heard) => {
      const before = came;
      isTooMuch = () => came - before > free + mostPerByte * heard();
    },
  };
}
