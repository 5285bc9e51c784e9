import { withoutSignatures } from './canonical.ts';
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
  let published = mapMembers(withoutSignatures(card), (_, value) => value ?? undefined);
  if (fits(published)) return { card: published, truncated: false };
  for (const cut of [withoutExamples, shortDescriptions, noDescriptions, withoutLargest, gist]) {
    published = cut(published);
    if (fits(published)) break;
  }
  return { card: published, truncated: true };
}

function fits(card: JsonObject): boolean {
  return sizeOf(card) <= publishedBytes;
}

function sizeOf(value: JsonValue): number {
  return Buffer.byteLength(JSON.stringify(value));
}

type Change = (key: string, value: JsonValue) => JsonValue | undefined;

/** Rebuilds an object from the inside out: `change` sees every member of every object, undefined leaves it out. */
function mapMembers(object: JsonObject, change: Change): JsonObject {
  const result = emptyObject();
  for (const [key, value] of Object.entries(object)) {
    const changed = change(key, mapValue(value, change));
    if (changed !== undefined) result[key] = changed;
  }
  return result;
}

function mapValue(value: JsonValue, change: Change): JsonValue {
  if (isArray(value)) return value.map((item) => mapValue(item, change));
  return isObject(value) ? mapMembers(value, change) : value;
}

function withoutExamples(card: JsonObject): JsonObject {
  return mapMembers(card, (key, value) => (key === 'examples' && isArray(value) ? undefined : value));
}

function shortDescriptions(card: JsonObject): JsonObject {
  return mapMembers(card, (key, value) => (key === 'description' ? shortened(value, 160) : value));
}

function noDescriptions(card: JsonObject): JsonObject {
  return mapMembers(card, (key, value) => (key === 'description' ? shortened(value, 0) : value));
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

function withoutLargest(card: JsonObject): JsonObject {
  const sizes = Object.entries(card)
    .filter(([key]) => !essential.has(key) && key !== 'supportedInterfaces')
    .map(([key, value]) => ({ key, size: sizeOf({ [key]: value }) }))
    .sort((a, b) => b.size - a.size || (a.key < b.key ? -1 : 1));
  const dropped = new Set<string>();
  let size = sizeOf(card);
  for (const candidate of sizes) {
    if (size <= publishedBytes) break;
    dropped.add(candidate.key);
    size -= candidate.size - 1;
  }
  return only(card, (key) => !dropped.has(key));
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
  const texts = only(item, (key) => ['url', 'protocolBinding', 'protocolVersion'].includes(key));
  return mapMembers(texts, (key, value) => shortened(typeof value === 'string' ? value : '', key === 'url' ? 512 : 64));
}

function only(object: JsonObject, keeps: (key: string) => boolean): JsonObject {
  const result = emptyObject();
  for (const [key, value] of Object.entries(object)) if (keeps(key)) result[key] = value;
  return result;
}

function shortened(value: JsonValue, units: number): JsonValue {
  if (typeof value !== 'string' || value.length <= units) return value;
  // A cut through a surrogate pair would leave half a character.
  return `${value.slice(0, units).replace(/[\ud800-\udbff]$/, '')}…`;
}
