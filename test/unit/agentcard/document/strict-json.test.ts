import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonValue } from '../../../../src/agentcard/document/json.ts';
import { parseStrictJson, parseStrictObject } from '../../../../src/agentcard/document/strict-json.ts';

const encode = (text: string) => new TextEncoder().encode(text);
const parse = (text: string) => parseStrictJson(encode(text));

function codeOf(bytes: Uint8Array | string): string {
  const parsed = parseStrictJson(typeof bytes === 'string' ? encode(bytes) : bytes);
  return parsed.ok ? 'ok' : parsed.error.code;
}

/** With ordinary objects, so that it can be compared with what JSON.parse gives. */
function ordinary(value: JsonValue): unknown {
  return JSON.parse(JSON.stringify(value));
}

const wholeText = fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed());
const { value: anyJson } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(null, true, false, -0, 1e21, 5e-324, Number.MAX_VALUE, 2 ** 53),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    wholeText,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(wholeText, tie('value'), { maxKeys: 4 }),
  ),
}));

test('whatever JSON.stringify writes is read back as the same value', () => {
  fc.assert(
    fc.property(anyJson, fc.constantFrom(undefined, 2, '\t'), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      const parsed = parse(text);
      expect(parsed.ok && ordinary(parsed.value)).toEqual(JSON.parse(text));
    }),
  );
});

test('text that JSON.parse refuses is refused, and what is accepted means what JSON.parse says', () => {
  const pieces = fc.constantFrom(
    ...'{}[],:"\\ \n\t0123456789-+.eEutrfalsn'.split(''),
    'true',
    'null',
    '"a"',
    '\\u0041',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (tokens) => {
      const text = tokens.join('');
      const parsed = parse(text);
      let expected: unknown;
      try {
        expected = JSON.parse(text);
      } catch {
        expect(parsed.ok).toBe(false);
        return;
      }
      if (parsed.ok) expect(ordinary(parsed.value)).toEqual(JSON.parse(JSON.stringify(expected)));
      else expect(['DuplicateKey', 'NumberOutOfRange', 'LoneSurrogate']).toContain(parsed.error.code);
    }),
    { numRuns: 3000 },
  );
});

test('no bytes at all make it throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      expect(typeof parseStrictJson(bytes).ok).toBe('boolean');
    }),
  );
});

test.each([
  ['{"a":1,"a":2}', 'DuplicateKey'],
  ['{"a":1,"\\u0061":2}', 'DuplicateKey'],
  ['{"x":[{"b":{},"b":[]}]}', 'DuplicateKey'],
  ['{"__proto__":1,"__proto__":2}', 'DuplicateKey'],
  ['"\\ud800"', 'LoneSurrogate'],
  ['{"\\udc00":1}', 'LoneSurrogate'],
  ['', 'NotJson'],
  ['{"a":1}x', 'NotJson'],
  ['[1,]', 'NotJson'],
  ['{"a":1,}', 'NotJson'],
  ['01', 'NotJson'],
  ['NaN', 'NotJson'],
  ['"a\nb"', 'NotJson'],
  ['"\\x41"', 'NotJson'],
  ['"unfinished', 'NotJson'],
  ['"unfinished\\', 'NotJson'],
  ['\u00a0{}', 'NotJson'],
])('%s is refused as %s', (text, code) => {
  expect(codeOf(text)).toBe(code);
});

test('bytes that are not UTF-8 are refused, also where only a string holds them', () => {
  for (const bytes of [[0xff], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22]]) {
    expect(codeOf(Uint8Array.from(bytes))).toBe('NotUtf8');
  }
});

test('a byte order mark is refused', () => {
  expect(codeOf('\ufeff{}')).toBe('ByteOrderMark');
});

test('the limits are the last size and depth that pass', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  expect(codeOf(nested(64))).toBe('ok');
  expect(codeOf(nested(65))).toBe('TooDeep');
  expect(codeOf('['.repeat(1 << 20))).toBe('TooDeep');
  const ones = (count: number) => `[${Array(count - 1).fill(1)}]`;
  expect(codeOf(ones(1 << 14))).toBe('ok');
  expect(codeOf(ones((1 << 14) + 1))).toBe('TooManyValues');
  expect(codeOf(`${' '.repeat((1 << 20) - 1)}1`)).toBe('ok');
  expect(codeOf(`${' '.repeat(1 << 20)}1`)).toBe('TooLarge');
});

test('keys that objects inherit elsewhere are data here', () => {
  const parsed = parseStrictObject(encode('{"__proto__":{"admin":true},"constructor":1}'));
  expect(parsed.ok && Object.keys(parsed.value)).toEqual(['__proto__', 'constructor']);
  expect(parsed.ok && parsed.value.admin).toBeUndefined();
  expect(parsed.ok && parsed.value.toString).toBeUndefined();
});

test('a document that is not an object is refused where an object is asked for', () => {
  for (const text of ['[]', 'null', '"a"', '1']) {
    expect(parseStrictObject(encode(text))).toMatchObject({ ok: false, error: { code: 'NotAnObject' } });
  }
});

test('the message says where, and shows no more than a short printable piece of the text', () => {
  const syntax = parse('{\n  "a": oops\n}');
  expect(syntax).toMatchObject({ error: { message: 'not JSON: line 2, column 8: expected a value' } });
  const key = `\u001b[31m${'x'.repeat(500)}`.replace('\u001b', '\\u001b');
  const duplicate = parse(`{"${key}":1,"${key}":2}`);
  const message = duplicate.ok ? '' : duplicate.error.message;
  expect(message).toMatch(/^[\x20-\x7e…]{1,300}$/);
});
