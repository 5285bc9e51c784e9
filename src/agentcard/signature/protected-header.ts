import { excerpt, ok, type Result, refused } from '@agentcard-operator/spiffe/x509';
import { isObject, type JsonObject, type JsonValue } from '../document/json.ts';
import { parseStrictObject } from '../document/strict-json.ts';
import { algorithms } from './algorithms.ts';

const longestProtected = 32 * 1024;
const longestKeyId = 256;
const headerLimits = { maxBytes: longestProtected, maxDepth: 16, maxValues: 1000 };

/** One member of `signatures` whose protected header can be read; nothing in it is believed yet. */
export interface SignatureEntry {
  /** As written: it is part of what is signed. */
  readonly protectedText: string;
  readonly header: JsonObject;
  readonly unprotected: JsonValue;
  readonly signature: JsonValue;
}

/** Reads the protected header of a flattened JWS (RFC 7515, 7.2.2). Code: `HeaderMalformed`. */
export function readEntry(entry: JsonValue): Result<SignatureEntry> {
  if (!isObject(entry)) return refused('HeaderMalformed', 'it is not an object with "protected" and "signature"');
  const { protected: protectedText = null, signature = null, header: unprotected = null } = entry;
  if (typeof protectedText === 'string' && protectedText.length > longestProtected) {
    return refused(
      'HeaderMalformed',
      `"protected" is longer than ${longestProtected} characters: send fewer certificates`,
    );
  }
  const bytes = base64url(protectedText);
  if (bytes === undefined || typeof protectedText !== 'string') {
    return refused('HeaderMalformed', '"protected" is not base64url without padding');
  }
  const header = parseStrictObject(bytes, headerLimits);
  if (!header.ok) return refused('HeaderMalformed', `the protected header cannot be read: ${header.error.message}`);
  return ok({ protectedText, header: header.value, unprotected, signature });
}

/** Undefined unless the text is the one spelling of its bytes: no padding, no white space, no stray bits at the end. */
function base64url(text: JsonValue): Uint8Array | undefined {
  if (typeof text !== 'string' || text === '' || text.length > longestProtected) return undefined;
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}

/** What a header says of its signature; nobody vouches for it. */
export interface Claimed {
  readonly algorithm: string;
  readonly keyId?: string;
}

/** What the verifier acts on. `jku`, `jwk` and `x5u` are not here: they name keys that nobody vouches for. */
export interface SignatureClaims {
  readonly claimed: Claimed;
  /** Base64url in its one spelling. */
  readonly signature: string;
  readonly thumbprint?: string;
}

/**
 * The rules that hold for any signer (RFC 7515, 4 and 7.2.1).
 * Codes: `SignatureMalformed`, `CriticalHeader`, `HeaderOverlap`, `AlgorithmRefused`, `HeaderMalformed`.
 */
export function readClaims({ header, unprotected, signature: text }: SignatureEntry): Result<SignatureClaims> {
  const fault = headerFault(header, unprotected);
  if (fault !== undefined) return fault;
  const { alg: algorithm = null } = header;
  if (typeof algorithm !== 'string' || !algorithms.has(algorithm)) {
    const names = [...algorithms.keys()].join(', ');
    const found = typeof algorithm === 'string' ? excerpt(algorithm, 40) : 'missing';
    return refused('AlgorithmRefused', `the algorithm is ${found}; sign with one of ${names}`);
  }
  if (typeof text !== 'string' || base64url(text) === undefined) {
    return refused('SignatureMalformed', '"signature" is not base64url without padding');
  }
  return ok({
    claimed: { algorithm, ...(typeof header.kid === 'string' ? { keyId: printable(header.kid) } : {}) },
    signature: text,
    ...(typeof header['x5t#S256'] === 'string' ? { thumbprint: header['x5t#S256'] } : {}),
  });
}

function headerFault(header: JsonObject, unprotected: JsonValue) {
  const extension = ['crit', 'b64'].find((name) => header[name] !== undefined);
  if (extension !== undefined) {
    return refused(
      'CriticalHeader',
      `the protected header carries "${extension}", which this verifier does not support`,
    );
  }
  if (unprotected !== null && !isObject(unprotected)) {
    return refused('SignatureMalformed', 'the unprotected "header" is not an object');
  }
  const twice = Object.keys(unprotected ?? {}).find((name) => Object.hasOwn(header, name));
  if (twice !== undefined) {
    return refused('HeaderOverlap', `the header parameter ${excerpt(twice, 40)} is both protected and unprotected`);
  }
  const wrong = ['kid', 'x5t#S256'].find(
    (name) => !['string', 'undefined'].includes(typeof (header[name] ?? undefined)),
  );
  return wrong === undefined
    ? undefined
    : refused('HeaderMalformed', `the header parameter "${wrong}" is not a string`);
}

/** A copy: a part of a text keeps all of that text in memory. */
function printable(text: string): string {
  const ascii = text.slice(0, longestKeyId).replace(/[^\x20-\x7e]/g, '?');
  return Buffer.from(ascii, 'latin1').toString('latin1');
}
