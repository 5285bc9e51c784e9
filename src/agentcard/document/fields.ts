import { isObject, type JsonObject, type JsonValue } from './json.ts';

const mostProblems = 5;

/**
 * Reads the fields of a document and notes what is wrong instead of stopping at the first fault: a person mends a card once.
 * `null` reads as absent, which is what it means in ProtoJSON.
 */
export class FieldReader {
  readonly #problems: string[] = [];

  get faults(): number {
    return this.#problems.length;
  }

  /** Undefined when every field read so far was right. */
  get complaint(): string | undefined {
    const rest = this.#problems.length - mostProblems;
    if (this.#problems.length === 0) return undefined;
    return this.#problems.slice(0, mostProblems).join('; ') + (rest > 0 ? `; and ${rest} more` : '');
  }

  requiredText(object: JsonObject, at: string, key: string): string {
    const text = this.text(object, at, key);
    if (text === '' && (object[key] ?? '') === '') this.expect(`${at}.${key}`, 'a non-empty string', object[key]);
    return text;
  }

  text(object: JsonObject, at: string, key: string): string {
    const value = object[key] ?? '';
    if (typeof value === 'string') return value;
    this.expect(`${at}.${key}`, 'a string', value);
    return '';
  }

  texts(object: JsonObject, at: string, key: string): readonly string[] {
    return this.list(object, at, key).filter((item, index) => {
      if (typeof item !== 'string') this.expect(`${at}.${key}[${index}]`, 'a string', item);
      return typeof item === 'string';
    });
  }

  object(object: JsonObject, at: string, key: string): JsonObject {
    const value = object[key] ?? {};
    if (isObject(value)) return value;
    this.expect(`${at}.${key}`, 'an object', value);
    return {};
  }

  objects(object: JsonObject, at: string, key: string): readonly JsonObject[] {
    return this.list(object, at, key).map((item, index) => {
      if (isObject(item)) return item;
      this.expect(`${at}.${key}[${index}]`, 'an object', item);
      return {};
    });
  }

  list(object: JsonObject, at: string, key: string): readonly JsonValue[] {
    const value = object[key] ?? [];
    if (Array.isArray(value)) return value;
    this.expect(`${at}.${key}`, 'an array', value);
    return [];
  }

  expect(path: string, expected: string, found: JsonValue | undefined): void {
    this.#problems.push(`${path}: expected ${expected}, found ${describe(found)}`);
  }
}

function describe(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return 'nothing';
  if (value === '') return 'an empty string';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : 'an array';
  if (isObject(value)) return 'an object';
  return `a ${typeof value}`;
}
