import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keptNumber } from '../../../../src/agentcard/document/numbers.ts';
import { parseStrictJson } from '../../../../src/agentcard/document/strict-json.ts';
import { canonicalize } from '../../../../src/agentcard/forms/canonical.ts';

const double = fc.double({ noNaN: true, noDefaultInfinity: true });
const spellings = (number: number) => [
  String(number),
  number.toExponential(),
  number.toExponential().toUpperCase(),
  `${number.toExponential().replace('e', `${/\./.test(number.toExponential()) ? '' : '.'}000e`)}`,
];

test('every double is kept as itself, however it is spelled', () => {
  fc.assert(
    fc.property(double, (number) => {
      for (const spelling of spellings(number)) expect(keptNumber(spelling)).toBe(Number(spelling));
    }),
  );
});

test('a fraction is kept with all the digits that tell doubles apart', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, min: 2 ** -1022, max: 2 ** 52, noInteger: true }), (number) => {
      expect(keptNumber(number.toExponential(16))).toBe(number);
      expect(keptNumber(`-${number.toExponential(16)}`)).toBe(-number);
    }),
  );
});

test('an integer is kept where canonical JSON says the same one, and nowhere else', () => {
  const most = 10n ** 20n;
  fc.assert(
    fc.property(
      fc.oneof(fc.bigInt({ min: -most, max: most }), fc.bigInt({ min: 0n, max: 2n ** 54n })),
      fc.constantFrom('', '.0', 'e0', '.00E+0'),
      (integer, rest) => {
        const kept = keptNumber(`${integer}${rest}`);
        expect(kept !== undefined).toBe(BigInt(String(Number(integer))) === integer);
      },
    ),
    { numRuns: 2000 },
  );
});

test('what lies between two doubles from 2^52 on is refused', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 2n ** 52n, max: 10n ** 16n }),
      fc.constantFrom('.5', '.25', '.000001'),
      (whole, rest) => {
        expect(keptNumber(`${whole}${rest}`)).toBeUndefined();
      },
    ),
  );
});

test('a number whose size no double has is refused, at either end', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 325, max: 2 ** 31 }), (digit, power) => {
      expect(keptNumber(`${digit}e-${power}`)).toBeUndefined();
      expect(keptNumber(`-${digit}e${power}`)).toBeUndefined();
      expect(keptNumber(`0e${power}`)).toBe(0);
    }),
  );
});

const refused = [
  '9007199254740993',
  '-9007199254740993',
  '9007199254740993.0',
  '9.007199254740993e15',
  '12345678901234567890',
  '1152921504606846976',
  '1e400',
  '-1e400',
  '1e-400',
  '3e-324',
  '0.99999999999999999',
  '3.141592653589793238462643383279',
  '0.1000000000000000055511151231257827',
];

test.each(refused)('%s is refused wherever it stands, as a number out of range', (number) => {
  for (const text of [number, `{"a":[${number}]}`]) {
    const parsed = parseStrictJson(new TextEncoder().encode(text));
    expect(parsed).toMatchObject({ ok: false, error: { code: 'NumberOutOfRange' } });
    expect(parsed.ok || parsed.error.message).toContain(`"${number}`);
  }
});

test.each([
  ['0.1', '0.1'],
  ['-0', '0'],
  ['-0.0', '0'],
  ['0e-999', '0'],
  ['1.0', '1'],
  ['100e-2', '1'],
  ['1e21', '1e+21'],
  [`1${'0'.repeat(308)}`, '1e+308'],
  [`0.${'0'.repeat(323)}5`, '5e-324'],
  [`0.5${'0'.repeat(100_000)}`, '0.5'],
  ['9007199254740992', '9007199254740992'],
  ['0.30000000000000004', '0.30000000000000004'],
  ['333333333.33333329', '333333333.3333333'],
])('%s is kept, and canonical JSON says %s', (number, canonical) => {
  expect(canonicalize(keptNumber(number) ?? null)).toBe(canonical);
});
