/** A strict reader of DER (X.690): definite minimal lengths, single-byte tags, nothing left over. */

import { ok, type Result, refused } from '../result.ts';

/** One element: `body` is its content, `whole` includes tag and length. Both are views of the input. */
export interface Der {
  readonly tag: number;
  readonly body: Uint8Array;
  readonly whole: Uint8Array;
}

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  oid: 0x06,
  sequence: 0x30,
} as const;

/** Thrown by the readers below and turned into a refusal by {@link attempt}; no other module lets it escape. */
export class MalformedDer extends Error {
  /** Of the refusal, where it is not the reader's usual one. */
  readonly code: string | undefined;

  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

/** Runs a reader; whatever it dislikes becomes a refusal with `code`. */
export function attempt<T>(code: string, read: () => T): Result<T> {
  try {
    return ok(read());
  } catch (error) {
    if (error instanceof MalformedDer) return refused(error.code ?? code, error.message);
    throw error;
  }
}

/** The element that starts at `at`; bytes may follow it. */
export function readDer(bytes: Uint8Array, at = 0): Der {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) throw new MalformedDer('the DER ends too early');
  if ((tag & 0x1f) === 0x1f) throw new MalformedDer('the DER has a multi-byte tag');
  const { length, header } = first < 0x80 ? { length: first, header: 2 } : longLength(bytes, at, first & 0x7f);
  const start = at + header;
  const end = start + length;
  if (end > bytes.length) throw new MalformedDer('a DER element is longer than its container');
  return { tag, body: bytes.subarray(start, end), whole: bytes.subarray(at, end) };
}

function longLength(bytes: Uint8Array, at: number, count: number): { length: number; header: number } {
  if (count === 0) throw new MalformedDer('the DER has an indefinite length');
  if (count > 4) throw new MalformedDer('a DER length is too large');
  let length = 0;
  for (let i = 0; i < count; i++) {
    const byte = bytes[at + 2 + i];
    if (byte === undefined) throw new MalformedDer('the DER ends too early');
    length = length * 256 + byte;
  }
  if (length < 0x80 || length < 256 ** (count - 1)) throw new MalformedDer('a DER length is not minimal');
  return { length, header: 2 + count };
}

/** The only element of `bytes`, with the given tag. */
export function readOnly(bytes: Uint8Array, tag: number): Der {
  const element = readDer(bytes);
  if (element.tag !== tag) throw new MalformedDer(`the DER has tag ${element.tag} where ${tag} is due`);
  if (element.whole.length !== bytes.length) throw new MalformedDer('bytes follow the DER');
  return element;
}

/** Elements written one after the other, as in a SEQUENCE's body or the Workload API's certificate lists. */
export function readAll(bytes: Uint8Array): Der[] {
  const elements: Der[] = [];
  for (let at = 0; at < bytes.length; ) {
    const element = readDer(bytes, at);
    elements.push(element);
    at += element.whole.length;
  }
  return elements;
}

export function readBoolean({ tag, body }: Der): boolean {
  if (tag !== tags.boolean || body.length !== 1 || (body[0] !== 0 && body[0] !== 0xff)) {
    throw new MalformedDer('a BOOLEAN is malformed');
  }
  return body[0] === 0xff;
}

/** A non-negative INTEGER below 2^31. */
export function readSmallInteger({ tag, body }: Der): number {
  const [first = 0x80, second = 0] = body;
  const minimal = body.length === 1 || first !== 0 || second >= 0x80;
  if (tag !== tags.integer || first >= 0x80 || !minimal || body.length > 4) {
    throw new MalformedDer('an INTEGER is malformed, negative or too large');
  }
  return body.reduce((value, byte) => value * 256 + byte, 0);
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
