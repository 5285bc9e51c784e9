import { hash } from 'node:crypto';
import { emptyObject, isArray, type JsonObject, type JsonValue } from '../document/json.ts';

/**
 * The JSON Canonicalization Scheme (RFC 8785): no white space, keys sorted by UTF-16 code units, strings and numbers as
 * ECMAScript writes them. Equal values give equal text. Expects what strict JSON lets through: finite numbers, whole surrogate pairs.
 */
export function canonicalize(value: JsonValue): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  let text = '';
  if (isArray(value)) {
    for (const item of value) text += `${text === '' ? '' : ','}${canonicalize(item)}`;
    return `[${text}]`;
  }
  for (const key of Object.keys(value).sort()) {
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalize(value[key] ?? null)}`;
  }
  return `{${text}}`;
}

/** The card that a signature is over: `signatures` is the only member that is no part of it (A2A 1.0, 8.4.1). */
export function withoutSignatures(raw: JsonObject): JsonObject {
  if (!Object.hasOwn(raw, 'signatures')) return raw;
  const rest = emptyObject();
  for (const key of Object.keys(raw)) if (key !== 'signatures') rest[key] = raw[key] ?? null;
  return rest;
}

/** SHA-256 in lowercase hexadecimal digits. */
export function sha256(text: string | Uint8Array): string {
  return hash('sha256', text);
}

/** The card's identity: lowercase hex SHA-256 of RFC 8785 without `signatures`, so that signing again changes nothing. */
export function cardId(raw: JsonObject): string {
  return sha256(canonicalize(withoutSignatures(raw)));
}
