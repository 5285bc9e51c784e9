import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../../../../src/agentcard/document/json.ts';
import { parseStrictJson } from '../../../../src/agentcard/document/strict-json.ts';
import { canonicalize, cardId } from '../../../../src/agentcard/forms/canonical.ts';

function canonicalText(text: string): string {
  const parsed = parseStrictJson(new TextEncoder().encode(text));
  if (!parsed.ok) throw new Error(parsed.error.message);
  return canonicalize(parsed.value);
}

test('keys are sorted by UTF-16 code units, not by code points', () => {
  expect(canonicalText('{"\\ufb33":1,"\\ud83d\\ude00":2,"\\u20ac":3,"\\r":4,"1":5,"\\u0080":6,"\\u00f6":7}')).toBe(
    '{"\\r":4,"1":5,"\u0080":6,"\u00f6":7,"\u20ac":3,"\ud83d\ude00":2,"\ufb33":1}',
  );
});

test.each([
  ['333333333.33333329', '333333333.3333333'],
  ['1E30', '1e+30'],
  ['4.50', '4.5'],
  ['2e-3', '0.002'],
  ['0.000000000000000000000000001', '1e-27'],
  ['-0', '0'],
  ['-0.0', '0'],
  ['5e-324', '5e-324'],
  ['9007199254740992', '9007199254740992'],
  ['12345678901234567000', '12345678901234567000'],
  ['1e21', '1e+21'],
  ['100000000000000000000', '100000000000000000000'],
])('the number %s becomes %s', (written, canonical) => {
  expect(canonicalText(written)).toBe(canonical);
});

test('only what JSON must escape is escaped', () => {
  expect(canonicalText('"\\u20ac$\\u000F\\nA\'\\u0042\\u0022\\u005c\\\\\\"\\/<>&\\u2028"')).toBe(
    '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/<>&\u2028"',
  );
});

const json = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<JsonValue>;

test('canonical text is a fixed point', () => {
  fc.assert(
    fc.property(json, (value) => {
      const text = canonicalize(value);
      expect(canonicalText(text)).toBe(text);
    }),
  );
});

test('the order of keys changes nothing', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), json), (value) => {
      const reversed = Object.fromEntries(Object.entries(value).reverse());
      expect(canonicalize(reversed)).toBe(canonicalize(value as JsonObject));
    }),
  );
});

test('the identity of a card is the SHA-256 of its canonical text without signatures', () => {
  // printf '{"a":[1,2],"b":"x"}' | sha256sum
  const id = cardId({ b: 'x', a: [1, 2] });
  expect(id).toBe('d0f56dda38d34376527524ddd98f7ec117d5cbfb240f86e11bfb9d2d01a717d9');
  expect(cardId({ signatures: [{ protected: 'x' }], a: [1, 2], b: 'x' })).toBe(id);
  expect(cardId({ a: [2, 1], b: 'x' })).not.toBe(id);
});

test('a key named __proto__ is part of the identity', () => {
  const id = (text: string) => {
    const parsed = parseStrictJson(new TextEncoder().encode(text));
    return parsed.ok ? cardId(parsed.value as JsonObject) : '';
  };
  expect(id('{"__proto__":1}')).not.toBe(id('{}'));
});
