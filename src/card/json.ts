/** JSON as data (RFC 8259): what a card is made of once it has been parsed. Objects from {@link parseStrictJson} have no prototype. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** The outcome of reading hostile input: never an exception. `code` is stable, `message` is for people. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: { readonly code: string; readonly message: string } };

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

/** A key or value of the other side's, safe to show to people: short, on one line, printable. */
export function excerpt(text: string, length = 40): string {
  const cut = text.length > length ? `${text.slice(0, length).toWellFormed()}…` : text.toWellFormed();
  return JSON.stringify(cut).replace(
    /[^\x20-\x7e…]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}
