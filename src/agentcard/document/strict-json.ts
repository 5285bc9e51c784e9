import { excerpt, ok, type Result, refused } from '@agentcard-operator/spiffe/x509';
import { emptyObject, isObject, type JsonObject, type JsonValue } from './json.ts';
import { keptNumber } from './numbers.ts';

export interface JsonLimits {
  /** Bytes of the text. */
  readonly maxBytes: number;
  /** Objects and arrays inside one another. */
  readonly maxDepth: number;
  /** Values of every kind: small ones cost far more memory than bytes. */
  readonly maxValues: number;
}

export const cardLimits: JsonLimits = { maxBytes: 1 << 20, maxDepth: 64, maxValues: 1 << 14 };

export type JsonErrorCode =
  | 'TooLarge'
  | 'NotUtf8'
  | 'ByteOrderMark'
  | 'NotJson'
  | 'DuplicateKey'
  | 'TooDeep'
  | 'TooManyValues'
  | 'LoneSurrogate'
  | 'NumberOutOfRange'
  | 'NotAnObject';

/**
 * Reads JSON of which two readers cannot have two opinions (RFC 8259 within the limits of I-JSON, RFC 7493): UTF-8 without
 * a byte order mark, no key twice in one object, no lone surrogate, no number that a double changes. Time is linear in the bytes.
 */
export function parseStrictJson(bytes: Uint8Array, limits: JsonLimits = cardLimits): Result<JsonValue> {
  try {
    return ok(new Reader(decode(bytes, limits.maxBytes), limits).document());
  } catch (error) {
    if (error instanceof Refusal) return refused(error.code, error.message);
    throw error;
  }
}

/** {@link parseStrictJson} for documents that must be an object (`NotAnObject`). */
export function parseStrictObject(bytes: Uint8Array, limits: JsonLimits = cardLimits): Result<JsonObject> {
  const json = parseStrictJson(bytes, limits);
  if (!json.ok) return json;
  if (isObject(json.value)) return ok(json.value);
  return refused('NotAnObject', 'the JSON is not an object: it must begin with "{"');
}

class Refusal extends Error {
  readonly code: JsonErrorCode;
  constructor(code: JsonErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array, maxBytes: number): string {
  if (bytes.length > maxBytes) throw new Refusal('TooLarge', `the JSON is larger than ${maxBytes} bytes`);
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    throw new Refusal('ByteOrderMark', 'the JSON starts with a byte order mark: save it as UTF-8 without one');
  }
  try {
    return utf8.decode(bytes);
  } catch {
    throw new Refusal('NotUtf8', 'the JSON is not UTF-8');
  }
}

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const numberToken = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const literals: readonly (readonly [string, JsonValue])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];

class Reader {
  readonly #text: string;
  readonly #limits: JsonLimits;
  #at = 0;
  #depth = 0;
  #values = 0;

  constructor(text: string, limits: JsonLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  document(): JsonValue {
    const value = this.#value();
    if (!Number.isNaN(this.#next())) throw this.#notJson('nothing more after the value');
    return value;
  }

  /** The code of the next character that is not white space, not consumed; NaN at the end. */
  #next(): number {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code;
      this.#at += 1;
    }
  }

  #value(): JsonValue {
    const { maxDepth, maxValues } = this.#limits;
    this.#values += 1;
    if (this.#values > maxValues) throw new Refusal('TooManyValues', `the JSON holds more than ${maxValues} values`);
    const code = this.#next();
    if (code === quote) return this.#string();
    if (code !== openBrace && code !== openBracket) return this.#scalar();
    this.#depth += 1;
    if (this.#depth > maxDepth) {
      throw new Refusal('TooDeep', `objects and arrays are nested more than ${maxDepth} deep`);
    }
    this.#at += 1;
    const value = code === openBrace ? this.#object() : this.#array();
    this.#depth -= 1;
    return value;
  }

  #object(): JsonObject {
    const object = emptyObject();
    if (this.#takes(closeBrace)) return object;
    do {
      if (this.#next() !== quote) throw this.#notJson('a key in double quotes');
      const key = this.#string();
      if (key in object) throw new Refusal('DuplicateKey', `the key ${excerpt(key, 40)} appears twice in one object`);
      if (!this.#takes(colon)) throw this.#notJson('":"');
      object[key] = this.#value();
    } while (this.#takes(comma));
    if (!this.#takes(closeBrace)) throw this.#notJson('"," or "}"');
    return object;
  }

  #array(): readonly JsonValue[] {
    const array: JsonValue[] = [];
    if (this.#takes(closeBracket)) return array;
    do array.push(this.#value());
    while (this.#takes(comma));
    if (!this.#takes(closeBracket)) throw this.#notJson('"," or "]"');
    return array;
  }

  #takes(code: number): boolean {
    if (this.#next() !== code) return false;
    this.#at += 1;
    return true;
  }

  #string(): string {
    const start = this.#at;
    let escaped = false;
    for (let at = start + 1; ; at += 1) {
      const code = this.#text.charCodeAt(at);
      if (code === quote) {
        this.#at = at + 1;
        return escaped ? this.#unescape(start, at + 1) : this.#text.slice(start + 1, at);
      }
      if (code === backslash) {
        escaped = true;
        at += 1;
      } else if (!(code >= 0x20)) {
        this.#at = at;
        throw this.#notJson('the end of a string (control characters are written as escapes)');
      }
    }
  }

  #unescape(start: number, end: number): string {
    let value: string;
    try {
      value = JSON.parse(this.#text.slice(start, end));
    } catch {
      this.#at = start;
      throw this.#notJson('a string whose escapes are those of JSON');
    }
    // Only an escape can bring a lone surrogate: the text itself was UTF-8.
    if (!value.isWellFormed()) throw new Refusal('LoneSurrogate', 'a string holds half of a surrogate pair');
    return value;
  }

  #scalar(): JsonValue {
    numberToken.lastIndex = this.#at;
    const token = numberToken.exec(this.#text)?.[0];
    if (token !== undefined) {
      this.#at += token.length;
      const number = keptNumber(token);
      if (number !== undefined) return number;
      const message = `a double cannot keep the number ${excerpt(token, 40)}: write it with fewer digits, or as a string`;
      throw new Refusal('NumberOutOfRange', message);
    }
    const literal = literals.find(([word]) => this.#text.startsWith(word, this.#at));
    if (literal === undefined) throw this.#notJson('a value');
    this.#at += literal[0].length;
    return literal[1];
  }

  #notJson(expected: string): Refusal {
    const before = this.#text.slice(0, this.#at);
    const line = before.split('\n').length;
    const column = this.#at - before.lastIndexOf('\n');
    return new Refusal('NotJson', `not JSON: line ${line}, column ${column}: expected ${expected}`);
  }
}
