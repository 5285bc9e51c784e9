import { emptyObject, isArray, isObject, type JsonObject, type JsonValue } from '../document/json.ts';
import { type CanonicalForm, whereTyped } from './full.ts';
import { TypeMismatch } from './presence.ts';
import { cleanCard } from './projected.ts';

// Forms of toolchains that do not write RFC 8785. When their cards are gone, delete this file and its use in forms.ts.

export const legacyForms: readonly CanonicalForm[] = [
  {
    // a2a-python 1.0 to 1.1.2: json.dumps, to which every number in `params` is a float.
    name: 'py-legacy',
    coverage: 'legacy',
    write: whereTyped((card) => {
      const clean = cleanCard(card);
      return clean === undefined ? undefined : write(clean, python);
    }),
  },
  {
    // kagenti: a Go struct round trip, which leaves interfaces and security unsigned.
    name: 'kagenti',
    coverage: 'legacy',
    write: whereTyped((card) => write(withoutEmptyMembers(struct(card, 'AgentCard')), go)),
  },
];

interface Dialect {
  readonly text: (text: string) => string;
  readonly number: (number: number) => string;
  readonly order: (a: string, b: string) => number;
}

function write(value: JsonValue, dialect: Dialect): string {
  if (typeof value === 'string') return dialect.text(value);
  if (typeof value === 'number') return dialect.number(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (isArray(value)) return `[${value.map((item) => write(item, dialect)).join(',')}]`;
  const members = Object.keys(value)
    .sort(dialect.order)
    .map((key) => `${dialect.text(key)}:${write(value[key] ?? null, dialect)}`);
  return `{${members.join(',')}}`;
}

function escapeUnits(text: string, characters: RegExp): string {
  return text.replace(characters, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

// UTF-8 bytes sort like code points.
function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

const python: Dialect = {
  text: (text) => escapeUnits(JSON.stringify(text), /[\u007f-\uffff]/g),
  number: pythonFloat,
  order: byCodePoint,
};

function pythonFloat(number: number): string {
  if (number === 0) return Object.is(number, -0) ? '-0.0' : '0.0';
  const [mantissa = '', exponentText] = number.toExponential().split('e');
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 16) {
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  const text = String(number);
  return text.includes('.') ? text : `${text}.0`;
}

const go: Dialect = {
  text: (text) => escapeUnits(JSON.stringify(text), /[<>&\u2028\u2029]/g),
  number: (number) => (Object.is(number, -0) ? '-0' : String(number)),
  order: byCodePoint,
};

/** The fields of that struct, by message; `[]` = list of, `object` = any JSON object. */
const structs: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  AgentCard: {
    name: 'string',
    description: 'string',
    version: 'string',
    url: 'string',
    documentationUrl: 'string',
    iconUrl: 'string',
    provider: 'Provider',
    capabilities: 'Capabilities',
    defaultInputModes: '[]string',
    defaultOutputModes: '[]string',
    skills: '[]Skill',
    supportsAuthenticatedExtendedCard: 'boolean',
  },
  Provider: { organization: 'string', url: 'string' },
  Capabilities: { streaming: 'boolean', pushNotifications: 'boolean', extensions: '[]Extension' },
  Extension: { uri: 'string', description: 'string', required: 'boolean', params: 'object' },
  Skill: {
    id: 'string',
    name: 'string',
    description: 'string',
    tags: '[]string',
    examples: '[]string',
    inputModes: '[]string',
    outputModes: '[]string',
    parameters: '[]Parameter',
  },
  Parameter: { name: 'string', type: 'string', description: 'string', required: 'boolean', default: 'string' },
};

function struct(value: JsonValue, type: string): JsonObject {
  if (!isObject(value)) throw new TypeMismatch();
  const result = emptyObject();
  for (const [key, fieldType] of Object.entries(structs[type] ?? {})) {
    const item = Object.hasOwn(value, key) ? value[key] : undefined;
    if (item !== undefined && item !== null) result[key] = structField(item, fieldType);
  }
  return result;
}

function structField(value: JsonValue, type: string): JsonValue {
  if (type.startsWith('[]')) {
    if (!isArray(value)) throw new TypeMismatch();
    return value.map((item) => structField(item, type.slice(2)));
  }
  if (type in structs) return struct(value, type);
  if (isArray(value) || typeof value !== type) throw new TypeMismatch();
  return value;
}

/** Drops null, empty strings, objects and lists, but looks into no list of lists, as that signer does. */
function withoutEmptyMembers(object: JsonObject): JsonObject {
  const result = emptyObject();
  for (const [key, value] of Object.entries(object)) {
    const kept = isArray(value) ? value.map(cleanMember).filter((item) => item !== undefined) : cleanMember(value);
    if (kept !== undefined && !(isArray(kept) && kept.length === 0)) result[key] = kept;
  }
  return result;
}

function cleanMember(value: JsonValue): JsonValue | undefined {
  if (value === null || value === '') return undefined;
  if (!isObject(value)) return value;
  const inner = withoutEmptyMembers(value);
  return Object.keys(inner).length === 0 ? undefined : inner;
}
