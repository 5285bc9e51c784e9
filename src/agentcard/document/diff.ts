import { canonicalize } from '../forms/canonical.ts';
import { isArray, isObject, type JsonObject, type JsonValue, ownMember } from './json.ts';

export interface CardChange {
  /** JSONPath (RFC 9535) of the member, in the newer card unless it was removed. */
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed' | 'reordered';
  /** `descriptive`: prose for people. `structural`: all else, such as where the agent answers and who may call it. */
  readonly weight: 'structural' | 'descriptive';
  readonly before?: JsonValue;
  readonly after?: JsonValue;
}

/** The members that only people read. Places are spelled out, so that no unknown field or scheme can pass for prose by its name. */
const prose = new RegExp(
  [
    String.raw`^\$\.(description|documentationUrl|iconUrl|provider\.organization|provider\.url)$`,
    String.raw`^\$\.skills\[\d+\]\.(name|description|examples)(\[\d+\])?$`,
    String.raw`^\$\.capabilities\.extensions\[\d+\]\.description$`,
    String.raw`^\$\.securitySchemes(\.\w+|\['([^'\\]|\\.)*'\])(\.\w+SecurityScheme)?\.description$`,
  ].join('|'),
);

/**
 * What changed from one card to the next, `signatures` left aside. Skills, extensions and interfaces are matched by what
 * identifies them, so that one inserted first does not change all others. No changes: the cards have the same cardId.
 */
export function diffCards(before: JsonObject, after: JsonObject): readonly CardChange[] {
  const changes: CardChange[] = [];
  compareObjects(before, after, '$', changes);
  return changes;
}

type Maybe = JsonValue | undefined;

function compare(before: Maybe, after: Maybe, path: string, changes: CardChange[]): void {
  if (before === undefined) changes.push({ path, kind: 'added', weight: weightOf(path), after: after ?? null });
  else if (after === undefined) changes.push({ path, kind: 'removed', weight: weightOf(path), before });
  else if (isObject(before) && isObject(after)) compareObjects(before, after, path, changes);
  else if (isArray(before) && isArray(after)) compareLists(before, after, path, changes);
  else if (canonicalize(before) !== canonicalize(after)) {
    changes.push({ path, kind: 'changed', weight: weightOf(path), before, after });
  }
}

function weightOf(path: string): CardChange['weight'] {
  return prose.test(path) ? 'descriptive' : 'structural';
}

function compareObjects(before: JsonObject, after: JsonObject, path: string, changes: CardChange[]): void {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  if (path === '$') keys.delete('signatures');
  for (const key of [...keys].sort())
    compare(ownMember(before, key), ownMember(after, key), path + segment(key), changes);
}

function segment(key: string): string {
  if (/^[A-Za-z_]\w*$/.test(key)) return `.${key}`;
  // Paths are shown on terminals: nothing but ASCII comes out.
  const text = JSON.stringify(key).slice(1, -1).replaceAll("'", "\\'");
  return `['${text.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}']`;
}

function compareLists(
  before: readonly JsonValue[],
  after: readonly JsonValue[],
  path: string,
  changes: CardChange[],
): void {
  const older = byIdentity(before);
  const newer = byIdentity(after);
  for (const [identity, { value, index }] of older) {
    if (!newer.has(identity)) compare(value, undefined, `${path}[${index}]`, changes);
  }
  for (const [identity, { value, index }] of newer) {
    compare(older.get(identity)?.value, value, `${path}[${index}]`, changes);
  }
  const stayed = [...older.keys()].filter((identity) => newer.has(identity));
  const order = [...newer.keys()].filter((identity) => older.has(identity));
  // The first interface is the preferred one: order says something.
  if (stayed.some((identity, index) => identity !== order[index])) {
    changes.push({ path, kind: 'reordered', weight: weightOf(path), before, after });
  }
}

type Identified = ReadonlyMap<string, { readonly value: JsonValue; readonly index: number }>;

function byIdentity(items: readonly JsonValue[]): Identified {
  const seen = new Map<string, number>();
  return new Map(
    items.map((value, index) => {
      const identity = identityOf(value);
      const copy = (seen.get(identity) ?? 0) + 1;
      seen.set(identity, copy);
      return [`${copy} ${identity}`, { value, index }];
    }),
  );
}

/** `id` of a skill, `uri` of an extension, URL and binding of an interface, else the whole value. */
function identityOf(value: JsonValue): string {
  if (!isObject(value)) return canonicalize(value);
  for (const keys of [['id'], ['uri'], ['url', 'protocolBinding'], ['url', 'transport']]) {
    const parts = keys.map((key) => ownMember(value, key));
    if (parts.every((part) => typeof part === 'string')) return `${keys} ${JSON.stringify(parts)}`;
  }
  return canonicalize(value);
}
