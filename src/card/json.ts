/** JSON as data (RFC 8259): what a card is made of once it has been parsed. Objects from {@link parseStrictJson} have no prototype. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** `Array.isArray` that narrows read-only arrays too. */
export function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

export function isObject(value: unknown): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** An empty object without a prototype, so that a key such as `__proto__` or `constructor` is data like any other. */
export function emptyObject(): { [key: string]: JsonValue } {
  return Object.create(null);
}
