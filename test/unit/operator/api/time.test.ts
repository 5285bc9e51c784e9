import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { durationMs, storedTime } from '../../../../src/operator/api/time.ts';

const longestGoDurationMs = 2 ** 63 / 1e6;

describe('durationMs', () => {
  test.each([
    ['5s', 5_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['250ms', 250],
    ['1m0.5s', 60_500],
    ['1000us', 1],
    ['1000µs', 1],
    ['1000000ns', 1],
    ['0s', 0],
  ])('%s is %d ms', (text, ms) => expect(durationMs(text)).toBe(ms));

  test.each(['', '5', 's', '-5s', '+5s', '5 s', '.5s', '5.s', '1d', '5S', '5s ', '999999h', '1s\n', '5m5'])(
    '%j is no duration',
    (text) => expect(durationMs(text)).toBeUndefined(),
  );

  test('is the sum of its parts, whatever their order', () => {
    const part = fc.tuple(fc.nat(99_999), fc.constantFrom(...(['ms', 's', 'm', 'h'] as const)));
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), (parts) => {
        const texts = parts.map(([count, unit]) => `${count}${unit}`);
        const sum = texts.reduce((total, text) => total + (durationMs(text) ?? Number.NaN), 0);
        expect(durationMs(texts.join(''))).toBe(sum);
      }),
    );
  });

  test('nothing that is read overflows a Go duration', () => {
    const digits = fc.stringMatching(/^[0-9]{1,12}(\.[0-9]{1,9})?$/);
    const part = fc
      .tuple(digits, fc.constantFrom('ns', 'us', 'ms', 's', 'm', 'h'))
      .map(([count, unit]) => count + unit);
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 12 }), (parts) => {
        expect(durationMs(parts.join('')) ?? 0).toBeLessThan(longestGoDurationMs);
      }),
    );
    const worst = ['99999.999999999h', '9999999.999999999m', '999999999.999999999s'];
    for (const text of worst) expect(durationMs(text.repeat(8))).toBeLessThan(longestGoDurationMs);
  });
});

test('a stored time is one that can be written again', () => {
  const texts = [
    '2026-03-01T12:00:00Z',
    '9999-12-31T23:59:59-23:59',
    '-000001-01-01T00:00:00Z',
    '2026-01-01T00:00:00+99:99',
  ];
  expect([...texts, undefined].map(storedTime)).toEqual([
    1_772_366_400_000,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
