import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../../../../src/agentcard/document/json.ts';
import { parseCardDocument } from '../../../../src/agentcard/document/parse.ts';
import { publishCard, publishedBytes } from '../../../../src/agentcard/document/publish.ts';
import { canonicalize } from '../../../../src/agentcard/forms/canonical.ts';

const card: JsonObject = {
  name: 'Weather',
  version: '1',
  supportedInterfaces: [{ url: 'https://weather.demo.svc', protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
};
const bytesOf = (value: JsonValue) => Buffer.byteLength(JSON.stringify(value));
const plain = (value: JsonValue) => JSON.parse(JSON.stringify(value));

test('a card within the budget keeps every member, unknown ones too', () => {
  const raw = { ...card, extra: { deep: [1, { x: true }] }, skills: [{ id: 'a', examples: ['b'] }] };
  const { card: published, truncated } = publishCard(raw);
  expect(truncated).toBe(false);
  expect(plain(published)).toEqual(raw);
});

test('signatures and members that are null are not published', () => {
  const { card: published } = publishCard({
    ...card,
    signatures: [{}],
    iconUrl: null,
    provider: { url: null, x: [null] },
  });
  expect(plain(published)).toEqual({ ...card, provider: { x: [null] } });
});

test('examples go first, then long descriptions, and nothing else while that is enough', () => {
  const skill = { id: 'a', name: 'A', description: 'd'.repeat(300), examples: ['e'.repeat(900)] };
  const examplesOnly = publishCard({ ...card, skills: Array(40).fill(skill) });
  expect(examplesOnly.truncated).toBe(true);
  expect(plain(examplesOnly.card).skills[0]).toEqual({ id: 'a', name: 'A', description: 'd'.repeat(300) });
  const both = publishCard({ ...card, skills: Array(120).fill(skill) });
  expect(plain(both.card).skills[0].description).toBe(`${'d'.repeat(160)}…`);
  expect(plain(both.card).skills).toHaveLength(120);
});

test('the largest members go before small ones', () => {
  const { card: published, truncated } = publishCard({ ...card, big: 'x'.repeat(40_000), small: 'y' });
  expect(truncated).toBe(true);
  expect(plain(published)).toEqual({ ...card, small: 'y' });
});

test('a cut never leaves half a surrogate pair', () => {
  const { card: published } = publishCard({ ...card, description: `x${'😀'.repeat(20_000)}` });
  expect((published.description as string).isWellFormed()).toBe(true);
});

test('even a card whose name and URL alone exceed the budget becomes one that fits and can be read', () => {
  const huge = '\u0001'.repeat(100_000);
  const item = { url: huge, protocolBinding: huge, protocolVersion: huge };
  const raw = {
    name: huge,
    version: huge,
    description: huge,
    url: huge,
    protocolVersion: huge,
    supportedInterfaces: Array(50).fill(item),
  };
  const { card: published } = publishCard(raw);
  expect(bytesOf(published)).toBeLessThanOrEqual(publishedBytes);
  expect(parseCardDocument(published).ok).toBe(true);
});

test('a card is cut when it is one byte over the budget, and not before', () => {
  const members = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 6 });
  fc.assert(
    fc.property(members, (extra) => {
      const whole = publishCard({ ...extra, pad: '' } as JsonObject).card;
      const room = publishedBytes - bytesOf(whole);
      expect(publishCard({ ...whole, pad: 'x'.repeat(room) }).truncated).toBe(false);
      expect(publishCard({ ...whole, pad: 'x'.repeat(room + 1) }).truncated).toBe(true);
    }),
    { numRuns: 200 },
  );
});

test('what is published fits, and is the same for the same card in any order of keys', () => {
  const value = fc.oneof(fc.string({ maxLength: 20_000 }), fc.jsonValue({ maxDepth: 2 })) as fc.Arbitrary<JsonValue>;
  const keys = fc.constantFrom('name', 'description', 'skills', 'examples', 'a', 'b', 'c');
  fc.assert(
    fc.property(fc.dictionary(keys, value, { maxKeys: 7 }), (raw) => {
      const first = publishCard(raw);
      const reordered = publishCard(Object.fromEntries(Object.entries(raw).reverse()));
      expect(bytesOf(first.card)).toBeLessThanOrEqual(publishedBytes);
      expect(canonicalize(reordered.card)).toBe(canonicalize(first.card));
    }),
    { numRuns: 50 },
  );
});
