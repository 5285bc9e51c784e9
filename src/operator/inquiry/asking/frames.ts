/** Messages over a pipe: the length of all that follows, that of the header, the header in JSON, and bytes as they are. */

export interface Frame {
  readonly header: unknown;
  readonly body: Buffer;
}

/** The other side does not keep to the frames: nothing that follows can be read. */
export class MalformedFrame extends Error {}

const lengthBytes = 4;

export function encodeFrame(header: object, body: Uint8Array = Buffer.alloc(0)): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const lengths = Buffer.alloc(2 * lengthBytes);
  lengths.writeUInt32BE(lengthBytes + json.length + body.length);
  lengths.writeUInt32BE(json.length, lengthBytes);
  return Buffer.concat([lengths, json, body]);
}

/** Takes the bytes in any pieces, and holds one frame at most. */
export class FrameReader {
  readonly #most: number;
  /** What is being read: a length, or the frame that it announced. */
  #buffer = Buffer.alloc(lengthBytes);
  #filled = 0;
  #inFrame = false;

  constructor(most: number) {
    this.#most = most;
  }

  /** The frames that this piece completes. Throws {@link MalformedFrame}. */
  read(piece: Uint8Array): Frame[] {
    const frames: Frame[] = [];
    for (let at = 0; at < piece.length; ) {
      const taken = piece.subarray(at, at + this.#buffer.length - this.#filled);
      this.#buffer.set(taken, this.#filled);
      this.#filled += taken.length;
      at += taken.length;
      if (this.#filled < this.#buffer.length) break;
      if (this.#inFrame) frames.push(decode(this.#buffer));
      this.#begin(this.#inFrame ? undefined : this.#buffer.readUInt32BE());
    }
    return frames;
  }

  #begin(frameLength: number | undefined): void {
    this.#inFrame = frameLength !== undefined;
    const length = frameLength ?? lengthBytes;
    if (length < lengthBytes || length > this.#most) throw new MalformedFrame(`a frame of ${length} bytes`);
    this.#buffer = Buffer.allocUnsafe(length);
    this.#filled = 0;
  }
}

function decode(frame: Buffer): Frame {
  const bodyAt = lengthBytes + frame.readUInt32BE();
  if (bodyAt > frame.length) throw new MalformedFrame('a header that is longer than its frame');
  try {
    return { header: JSON.parse(frame.toString('utf8', lengthBytes, bodyAt)), body: frame.subarray(bodyAt) };
  } catch {
    throw new MalformedFrame('a header that is no JSON');
  }
}
