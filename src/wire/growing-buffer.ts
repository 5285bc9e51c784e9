const leastCapacity = 4096;

/** Bytes that arrive in pieces of anybody's choosing, in one buffer: a piece of one byte costs a byte, not an object. */
export class GrowingBuffer {
  readonly #most: number;
  #bytes: Uint8Array = Buffer.alloc(0);
  #size = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#size;
  }

  /** False when the whole would be longer than allowed; the piece is then left out. */
  add(piece: Uint8Array): boolean {
    const size = this.#size + piece.length;
    if (size > this.#most) return false;
    // Most answers and lines are one piece, which needs no copy.
    if (this.#size === 0) this.#bytes = piece;
    else {
      if (size > this.#bytes.length) this.#grow(size);
      this.#bytes.set(piece, this.#size);
    }
    this.#size = size;
    return true;
  }

  /** What was added so far; what comes next begins anew. */
  take(): Buffer {
    const { buffer, byteOffset } = this.#bytes;
    const taken = Buffer.from(buffer, byteOffset, this.#size);
    this.#bytes = Buffer.alloc(0);
    this.#size = 0;
    return taken;
  }

  #grow(size: number): void {
    const capacity = Math.max(size, leastCapacity, 2 * this.#bytes.length);
    const bytes = Buffer.allocUnsafe(Math.min(capacity, this.#most));
    bytes.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = bytes;
  }
}
