import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  attempt,
  type Der,
  readAll,
  readBoolean,
  readDer,
  readOnly,
  readSmallInteger,
} from '../../../../src/spiffe/x509/der.ts';
import { bool, integer, tlv } from '../../../pki/der-writer.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
const codeOf = (read: () => unknown): string => {
  const result = attempt('Malformed', read);
  return result.ok ? 'fine' : result.error.code;
};

describe('the DER reader', () => {
  test('reads what was written, for every length', () => {
    const tag = fc.integer({ min: 0, max: 255 }).filter((value) => (value & 0x1f) !== 0x1f);
    const size = fc.oneof(fc.nat(300), fc.constantFrom(127, 128, 255, 256, 65535, 65536));
    fc.assert(
      fc.property(tag, size, fc.uint8Array({ maxLength: 4 }), (value, length, tail) => {
        const body = Buffer.alloc(length, 7);
        const element = readDer(Buffer.concat([tlv(value, body), tail]));
        expect(element.tag).toBe(value);
        expect(Buffer.from(element.body).equals(body)).toBe(true);
        expect(element.whole.length).toBe(tlv(value, body).length);
      }),
    );
  });

  test('covers its input exactly or refuses it, and never throws anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (input) => {
        const result = attempt('Malformed', () => readAll(input));
        if (result.ok) expect(Buffer.concat(result.value.map(({ whole }) => whole)).equals(input)).toBe(true);
        else expect(result.error.code).toBe('Malformed');
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ['an indefinite length', '30800000'],
    ['a length that is not minimal', '308100'],
    ['a long length below 128', '30817f'],
    ['a leading zero in the length', `30820090${'00'.repeat(0x90)}`],
    ['a length of five bytes', '30850000000001'],
    ['a multi-byte tag', '1f8100'],
    ['a length beyond the end', '300401'],
    ['nothing', ''],
    ['a tag alone', '30'],
  ])('refuses %s', (_name, hex) => {
    expect(codeOf(() => readDer(bytes(hex)))).toBe('Malformed');
  });

  test('refuses bytes after the only element, and another tag', () => {
    expect(codeOf(() => readOnly(bytes('300000'), 0x30))).toBe('Malformed');
    expect(codeOf(() => readOnly(bytes('3100'), 0x30))).toBe('Malformed');
    expect(codeOf(() => readOnly(bytes('3000'), 0x30))).toBe('fine');
  });

  test('lets errors that are not about DER through', () => {
    expect(() =>
      attempt('Malformed', () => {
        throw new RangeError('a bug');
      }),
    ).toThrow(RangeError);
  });
});

describe('a BOOLEAN and an INTEGER', () => {
  const element = (encoded: Buffer): Der => readDer(encoded);

  test('are read when canonical', () => {
    expect(readBoolean(element(bool(true)))).toBe(true);
    expect(readBoolean(element(bool(false)))).toBe(false);
    fc.assert(
      fc.property(fc.nat(127), (value) => {
        expect(readSmallInteger(element(integer(value)))).toBe(value);
      }),
    );
    expect(readSmallInteger(element(bytes('020200ff')))).toBe(255);
  });

  test.each(['010101', '0100', '01020000', '020100'])('refuse another form of BOOLEAN: %s', (hex) => {
    expect(codeOf(() => readBoolean(element(bytes(hex))))).toBe('Malformed');
  });

  test.each(['0200', '0201ff', '02020001', '02050100000000', '0101ff'])('refuse another form of INTEGER: %s', (hex) => {
    expect(codeOf(() => readSmallInteger(element(bytes(hex))))).toBe('Malformed');
  });
});
