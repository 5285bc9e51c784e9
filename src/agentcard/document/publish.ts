import { withoutSignatures } from '../forms/canonical.ts';
import { emptyObject, isArray, isObject, type JsonObject, type JsonValue } from './json.ts';

/** UTF-8 bytes of JSON that a published card takes at most. */
export const publishedBytes = 32 * 1024;

export interface Published {
  readonly card: JsonObject;
  /** True when something was left out to keep within the budget; the cardId is still that of the whole card. */
  readonly truncated: boolean;
}

/**
 * The card as status carries it. Unknown fields are kept; `signatures` are left out, since signing again must change nothing,
 * and so are members that are null, which a merge patch cannot write. Over {@link publishedBytes} a card first loses its
 * examples, then the length of its descriptions, then its largest members. Equal cards are cut equally.
 */
export function publishCard(card: JsonObject): Published {
  const whole = withoutSignatures(card);
  for (const prose of [allProse, noExamples, shortDescriptions, noDescriptions]) {
    const published = copyWithin(whole, prose);
    if (published !== undefined) return { card: published, truncated: prose !== allProse };
  }
  return { card: copyWithin(withoutLargest(whole), noDescriptions) ?? gist(whole), truncated: true };
}

/** What is kept of the members that only people read: `description` is the length that is left to each, in UTF-16 units. */
interface Prose {
  readonly examples: boolean;
  readonly description: number;
}

const allProse: Prose = { examples: true, description: Number.POSITIVE_INFINITY };
const noExamples: Prose = { ...allProse, examples: false };
const shortDescriptions: Prose = { ...noExamples, description: 160 };
const noDescriptions: Prose = { ...noExamples, description: 0 };

/** Undefined when it takes more than {@link publishedBytes}. */
function copyWithin(card: JsonObject, prose: Prose): JsonObject | undefined {
  const copier = new Copier(prose);
  const copy = copier.object(card);
  return copier.room < 0 ? undefined : copy;
}

/** Copies JSON and counts its bytes. It stops when there is no room left, so a huge card costs no more than a large one. */
class Copier {
  /** Bytes; below zero the copy is incomplete. */
  room = publishedBytes;
  readonly #prose: Prose;

  constructor(prose: Prose) {
    this.#prose = prose;
  }

  object(object: JsonObject): JsonObject {
    const result = emptyObject();
    this.room -= 1;
    let isEmpty = true;
    for (const key of Object.keys(object)) {
      const value = this.member(key, object[key] ?? null);
      if (value === null) continue;
      result[key] = value;
      isEmpty = false;
      if (this.room < 0) break;
    }
    if (isEmpty) this.room -= 1;
    return result;
  }

  /** Null when it is left out. Counts the colon and what follows the member, be it a comma or the end. */
  member(key: string, value: JsonValue): JsonValue {
    const kept = this.#shortened(key, value);
    if (kept === null) return null;
    this.room -= 2;
    this.#text(key);
    return this.#value(kept);
  }

  #value(value: JsonValue): JsonValue {
    if (isObject(value)) return this.object(value);
    if (isArray(value)) return this.#array(value);
    if (typeof value === 'string') this.#text(value);
    else this.room -= String(value).length;
    return value;
  }

  #array(array: readonly JsonValue[]): readonly JsonValue[] {
    const result: JsonValue[] = [];
    this.room -= 1 + Math.max(array.length, 1);
    for (const item of array) {
      if (this.room < 0) break;
      result.push(this.#value(item));
    }
    return result;
  }

  #text(text: string): void {
    // Escaping never makes a text shorter.
    this.room -= text.length >= this.room ? this.room + 1 : Buffer.byteLength(JSON.stringify(text));
  }

  #shortened(key: string, value: JsonValue): JsonValue {
    if (key === 'examples' && !this.#prose.examples && isArray(value)) return null;
    return key === 'description' ? shortened(value, this.#prose.description) : value;
  }
}

/** What tells agents apart and says where they are: the last to go, each with the length that is left to it in the end. */
const essential: ReadonlyMap<string, number> = new Map([
  ['name', 256],
  ['description', 0],
  ['version', 64],
  ['protocolVersion', 64],
  ['url', 512],
]);
const mostInterfaces = 4;

/** As many of the smaller members as fit beside what is essential. */
function withoutLargest(card: JsonObject): JsonObject {
  const members = Object.keys(card).map((key) => {
    const copier = new Copier(noDescriptions);
    copier.member(key, card[key] ?? null);
    const bytes = publishedBytes - copier.room;
    return { key, bytes, rank: essential.has(key) || key === 'supportedInterfaces' ? 0 : bytes };
  });
  members.sort((a, b) => a.rank - b.rank || (a.key < b.key ? 1 : -1));
  const result = emptyObject();
  let bytes = 1;
  for (const { key, bytes: more, rank } of members) {
    bytes += more;
    if (rank === 0 || bytes <= publishedBytes) result[key] = card[key] ?? null;
  }
  return result;
}

function gist(card: JsonObject): JsonObject {
  const result = emptyObject();
  for (const [key, length] of essential) {
    const value = card[key];
    if (typeof value === 'string') result[key] = shortened(value, length);
  }
  const interfaces = card.supportedInterfaces ?? null;
  if (isArray(interfaces)) {
    result.supportedInterfaces = interfaces.slice(0, mostInterfaces).filter(isObject).map(interfaceGist);
  }
  return result;
}

function interfaceGist(item: JsonObject): JsonObject {
  const result = emptyObject();
  for (const [key, length] of [
    ['url', 512],
    ['protocolBinding', 64],
    ['protocolVersion', 64],
  ] as const) {
    const value = item[key];
    if (value !== undefined) result[key] = typeof value === 'string' ? shortened(value, length) : '';
  }
  return result;
}

function shortened(value: JsonValue, units: number): JsonValue {
  if (typeof value !== 'string' || value.length <= units) return value;
  // A cut through a surrogate pair would leave half a character.
  return `${value.slice(0, units).replace(/[\ud800-\udbff]$/, '')}…`;
}
