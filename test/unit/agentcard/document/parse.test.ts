import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../../../../src/agentcard/document/json.ts';
import { parseCardDocument } from '../../../../src/agentcard/document/parse.ts';

const card1: JsonObject = {
  name: 'Weather',
  description: 'Tells the weather',
  version: '1.2.0',
  supportedInterfaces: [
    { url: 'https://weather.demo.svc/a2a', protocolBinding: 'JSONRPC', protocolVersion: '1.0' },
    { url: 'weather.demo.svc:9090', protocolBinding: 'GRPC', protocolVersion: '1.0' },
  ],
  capabilities: {},
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain'],
  skills: [{ id: 'now', name: 'Now', description: 'Weather now', tags: ['weather'] }],
};

const card0: JsonObject = {
  name: 'Weather',
  description: 'Tells the weather',
  version: '1.2.0',
  url: 'https://weather.demo.svc/a2a',
  capabilities: { streaming: true },
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain'],
  skills: [],
};

function viewOf(raw: JsonValue) {
  const parsed = parseCardDocument(raw);
  if (!parsed.ok) throw new Error(parsed.error.message);
  return parsed.value.view;
}

function complaintOf(raw: JsonValue): string {
  const parsed = parseCardDocument(raw);
  if (parsed.ok) throw new Error('accepted');
  expect(parsed.error.code).toBe('CardInvalid');
  return parsed.error.message;
}

test('the preferred interface of a 1.x card is its first', () => {
  expect(viewOf(card1)).toMatchObject({
    shape: '1.x',
    name: 'Weather',
    url: 'https://weather.demo.svc/a2a',
    protocolVersion: '1.0',
    skills: 1,
    signatures: [],
  });
  expect(viewOf(card1).interfaces[1]?.url).toBe('weather.demo.svc:9090');
});

test('a card with both shapes is a 1.x card, and its 0.x fields are not read', () => {
  const hybrid = { ...card1, url: 'https://old.example', protocolVersion: 3, additionalInterfaces: 'junk' };
  expect(viewOf(hybrid)).toMatchObject({ shape: '1.x', url: 'https://weather.demo.svc/a2a' });
});

const [first] = card1.supportedInterfaces as readonly JsonObject[];
const { protocolVersion: _, ...unversioned } = first as JsonObject;
const stray = [{ url: 'https://weather.demo.svc/a2a', transport: 'JSONRPC' }];

test.each<[string, JsonObject]>([
  ['protocolVersion', { protocolVersion: '1.0' }],
  ['protocolVersions', { protocolVersions: ['1.0'] }],
  ['one of protocolVersions, beside older ones,', { protocolVersion: '0.3.0', protocolVersions: ['0.3.0', '1.0'] }],
])('a 1.x interface without a version has that of %s at the root', (_, root) => {
  const card = { ...card1, ...root, supportedInterfaces: [unversioned, { ...unversioned, protocolVersion: '1.1' }] };
  expect(viewOf(card)).toMatchObject({ shape: '1.x', protocolVersion: '1.0' });
  expect(viewOf(card).interfaces[1]?.protocolVersion).toBe('1.1');
});

test.each<[string, JsonValue]>([
  ['no list', 'junk'],
  ['empty', []],
  ['of another version', stray],
  ['partly of another version', [first as JsonObject, ...stray]],
  ['without a version', [unversioned]],
])('a whole 0.x card is one beside supportedInterfaces that are %s', (_, supportedInterfaces) => {
  const card = { ...card0, protocolVersion: '0.3.0', supportedInterfaces };
  expect(viewOf(card)).toMatchObject({ shape: '0.x', protocolVersion: '0.3.0', url: 'https://weather.demo.svc/a2a' });
});

test.each<[string, JsonObject, string]>([
  [
    '0.x',
    { ...card0, url: '', supportedInterfaces: stray },
    '$.url: expected a non-empty string, found an empty string',
  ],
  [
    '0.x',
    { ...card0, additionalInterfaces: 'x', supportedInterfaces: stray },
    '$.additionalInterfaces: expected an array, found a string',
  ],
  [
    '1.x',
    { ...card1, supportedInterfaces: [unversioned], preferredTransport: 1 },
    '$.supportedInterfaces[0].protocolVersion: expected a non-empty string, found nothing',
  ],
  [
    '1.x',
    { ...card1, protocolVersion: '0.3.0', supportedInterfaces: [unversioned] },
    '$.supportedInterfaces[0].protocolVersion: expected a non-empty string, found nothing',
  ],
])('what is neither is refused for what makes it no %s card, the nearer of the two', (_, raw, fault) => {
  expect(complaintOf(raw)).toBe(fault);
});

test('a card is accepted exactly where it is whole as one of the two versions', () => {
  const part = (key: string, ...values: readonly JsonValue[]) =>
    fc
      .option(fc.constantFrom(...values), { nil: undefined })
      .map((value) => (value === undefined ? {} : { [key]: value }));
  const parts = fc.tuple(
    part('supportedInterfaces', [], 'x', stray, [unversioned], card1.supportedInterfaces ?? null),
    part('protocolVersion', '1.0', '0.3.0', 3),
    part('url', 'https://weather.demo.svc/a2a', '', 7),
    part('additionalInterfaces', [], 'x'),
  );
  const isWhole = (card: JsonObject, shape: string) => {
    const only: JsonObject = Object.fromEntries(
      Object.entries(card).filter(([key]) => key !== (shape === '1.x' ? 'url' : 'supportedInterfaces')),
    );
    const alone = shape === '1.x' ? { ...only, additionalInterfaces: [] } : { ...only, preferredTransport: 'JSONRPC' };
    const parsed = parseCardDocument(alone);
    return parsed.ok && parsed.value.view.shape === shape;
  };
  fc.assert(
    fc.property(parts, (some) => {
      const card: JsonObject = Object.assign({ name: 'Weather', version: '1' }, ...some);
      const shape = ['1.x', '0.x'].find((each) => isWhole(card, each));
      const parsed = parseCardDocument(card);
      expect(parsed.ok ? parsed.value.view.shape : undefined).toBe(shape);
    }),
  );
});

test('a 0.x card may lack protocolVersion and preferredTransport', () => {
  expect(viewOf(card0)).toMatchObject({ shape: '0.x', protocolVersion: '', url: 'https://weather.demo.svc/a2a' });
  expect(viewOf({ ...card0, protocolVersion: '0.3.0' }).protocolVersion).toBe('0.3.0');
  expect(viewOf(card0).interfaces).toEqual([
    { url: 'https://weather.demo.svc/a2a', binding: 'JSONRPC', protocolVersion: '' },
  ]);
});

test('a 0.x card names each interface once', () => {
  const additionalInterfaces = [
    { url: 'https://weather.demo.svc/a2a', transport: 'JSONRPC' },
    { url: 'https://weather.demo.svc/grpc', transport: 'GRPC' },
  ];
  expect(viewOf({ ...card0, additionalInterfaces }).interfaces.map(({ binding }) => binding)).toEqual([
    'JSONRPC',
    'GRPC',
  ]);
});

test.each<[string, JsonValue]>([
  ['an empty object', {}],
  ['an array', [card1]],
  ['null', null],
  ['a string', 'card'],
  ['another kind of document', { openapi: '3.1.0', info: {} }],
  ['names in another case', { Name: 'x', Version: '1', URL: 'https://x' }],
])('%s is not a card', (_, raw) => {
  expect(complaintOf(raw)).toMatch(/^\$: expected/);
});

test.each<[string, JsonValue, string]>([
  ['name', undefined as never, '$.name: expected a non-empty string, found nothing'],
  ['name', '', '$.name: expected a non-empty string, found an empty string'],
  ['name', 7, '$.name: expected a string, found a number'],
  ['version', null, '$.version: expected a non-empty string, found nothing'],
  ['description', ['x'], '$.description: expected a string, found an array'],
  ['supportedInterfaces', [], '$.supportedInterfaces: expected a non-empty array, found an empty array'],
  ['supportedInterfaces', {}, '$.supportedInterfaces: expected an array, found an object'],
  ['supportedInterfaces', [{}], '$.supportedInterfaces[0].url: expected a non-empty string, found nothing'],
  ['capabilities', 'all', '$.capabilities: expected an object, found a string'],
  ['defaultInputModes', ['a', 1], '$.defaultInputModes[1]: expected a string, found a number'],
  ['skills', { a: 1 }, '$.skills: expected an array, found an object'],
  ['skills', [true], '$.skills[0]: expected an object, found a boolean'],
  ['skills', [{ id: 'a', tags: [null] }], '$.skills[0].tags[0]: expected a string, found nothing'],
  ['signatures', 'x', '$.signatures: expected an array, found a string'],
])('%s = %j is refused with its path', (key, value, message) => {
  expect(complaintOf({ ...card1, [key]: value })).toContain(message);
});

test('every fault is named once, and no more than five', () => {
  expect(complaintOf({ ...card1, name: 1, version: 2, skills: 3 }).split('; ')).toHaveLength(3);
  const complaint = complaintOf({ ...card1, defaultInputModes: Array(100).fill(1) });
  expect(complaint.split('; ')).toHaveLength(6);
  expect(complaint).toMatch(/and 95 more$/);
});

test('fields that ProtoJSON leaves out when they are empty may be absent', () => {
  const { name, version, supportedInterfaces } = card1;
  expect(viewOf({ name, version, supportedInterfaces } as JsonObject)).toMatchObject({ description: '', skills: 0 });
});

test('unknown fields are kept', () => {
  const raw = { ...card1, extra: { deep: [1] } };
  const parsed = parseCardDocument(raw);
  expect(parsed.ok && parsed.value.raw).toEqual(raw);
});

test('bytes that are not strict JSON are refused under their own code', () => {
  expect(parseCardDocument(new TextEncoder().encode('{"name":1,"name":2}'))).toMatchObject({
    ok: false,
    error: { code: 'DuplicateKey' },
  });
});
