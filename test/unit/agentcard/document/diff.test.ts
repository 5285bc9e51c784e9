import fc from 'fast-check';
import { expect, test } from 'vitest';
import { diffCards } from '../../../../src/agentcard/document/diff.ts';
import type { JsonObject } from '../../../../src/agentcard/document/json.ts';
import { cardId } from '../../../../src/agentcard/forms/canonical.ts';

const card = {
  name: 'Weather',
  description: 'Tells the weather',
  supportedInterfaces: [
    { url: 'https://a', protocolBinding: 'JSONRPC' },
    { url: 'b:9090', protocolBinding: 'GRPC' },
  ],
  skills: [
    { id: 'now', name: 'Now', examples: ['Weather now?'] },
    { id: 'later', name: 'Later' },
  ],
  securitySchemes: { key: { apiKeySecurityScheme: { name: 'X', description: 'A key' } } },
  provider: { organization: 'Us', url: 'https://us' },
} as const satisfies JsonObject;

const summary = (before: JsonObject, after: JsonObject) =>
  diffCards(before, after).map(({ path, kind, weight }) => `${kind} ${weight} ${path}`);

test('no changes means the same cardId, and the other way round', () => {
  const object = fc.dictionary(fc.constantFrom('a', 'b', 'signatures', '__proto__'), fc.jsonValue({ maxDepth: 3 }));
  fc.assert(
    fc.property(object as fc.Arbitrary<JsonObject>, object as fc.Arbitrary<JsonObject>, (before, after) => {
      expect(diffCards(before, after).length === 0).toBe(cardId(before) === cardId(after));
      expect(diffCards(before, before)).toEqual([]);
    }),
  );
});

test('lists with repeated items are told apart', () => {
  const list = fc.array(fc.constantFrom(1, 2, null), { maxLength: 5 });
  fc.assert(
    fc.property(list, list, (before, after) => {
      const same = JSON.stringify(before) === JSON.stringify(after);
      expect(diffCards({ before }, { before: after }).length === 0).toBe(same);
    }),
  );
});

test('prose is descriptive, all else structural', () => {
  expect(summary(card, { ...card, description: 'x' })).toEqual(['changed descriptive $.description']);
  expect(summary(card, { ...card, name: 'x' })).toEqual(['changed structural $.name']);
  expect(summary(card, { ...card, url: 'https://evil' })).toEqual(['added structural $.url']);
  expect(summary(card, { ...card, provider: { ...card.provider, organization: 'x' } })).toEqual([
    'changed descriptive $.provider.organization',
  ]);
  const [now, later] = card.skills;
  expect(summary(card, { ...card, skills: [{ ...now, examples: ['Rain?'] }, later] })).toEqual([
    'removed descriptive $.skills[0].examples[0]',
    'added descriptive $.skills[0].examples[0]',
  ]);
});

test('no unknown field, scheme or parameter passes for prose by its name', () => {
  expect(summary(card, { ...card, extra: { description: 'x' } })).toEqual(['added structural $.extra']);
  const schemes = { ...card.securitySchemes, description: { mtlsSecurityScheme: {} } };
  expect(summary(card, { ...card, securitySchemes: schemes })).toEqual([
    'added structural $.securitySchemes.description',
  ]);
  const prose = { key: { apiKeySecurityScheme: { name: 'X', description: 'Another key' } } };
  expect(summary(card, { ...card, securitySchemes: prose })).toEqual([
    'changed descriptive $.securitySchemes.key.apiKeySecurityScheme.description',
  ]);
});

test('a skill inserted first changes no other skill', () => {
  expect(summary(card, { ...card, skills: [{ id: 'first' }, ...card.skills] })).toEqual([
    'added structural $.skills[0]',
  ]);
});

test('a skill is named by its place in the newer card, a removed one by its place in the older', () => {
  const [now, later] = card.skills;
  expect(summary(card, { ...card, skills: [{ ...later, tags: ['x'] }] })).toEqual([
    'removed structural $.skills[0]',
    'added structural $.skills[0].tags',
  ]);
  expect(summary({ skills: [later] }, { skills: [now] })).toHaveLength(2);
});

test('another order of interfaces is a structural change', () => {
  const [first, second] = card.supportedInterfaces;
  expect(summary(card, { ...card, supportedInterfaces: [second, first] })).toEqual([
    'reordered structural $.supportedInterfaces',
  ]);
});

test('keys that are no names are quoted in paths', () => {
  expect(diffCards({}, { "it's": 1 })[0]?.path).toBe("$['it\\'s']");
  expect(diffCards({ x: { 'a.b': 1 } }, { x: {} })[0]?.path).toBe("$.x['a.b']");
  expect(diffCards({}, { '\u009b2J\u202e': 1 })[0]?.path).toBe("$['\\u009b2J\\u202e']");
});

test('a change carries both sides', () => {
  expect(diffCards({ name: 'a' }, { name: 'b' })).toEqual([
    { path: '$.name', kind: 'changed', weight: 'structural', before: 'a', after: 'b' },
  ]);
});
