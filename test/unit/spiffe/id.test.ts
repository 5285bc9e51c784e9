import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { excerpt, parseSpiffeId, parseTrustDomain } from '../../../src/spiffe/id.ts';

const segment = fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/).filter((text) => text !== '.' && text !== '..');
const trustDomain = fc.stringMatching(/^[a-z0-9._-]{1,60}$/);

describe('a SPIFFE ID', () => {
  test('is taken apart and kept as the same string', () => {
    fc.assert(
      fc.property(trustDomain, fc.array(segment, { maxLength: 6 }), (name, segments) => {
        const path = segments.map((text) => `/${text}`).join('');
        const id = parseSpiffeId(`spiffe://${name}${path}`);
        expect(id).toEqual({ ok: true, value: { trustDomain: name, path, uri: `spiffe://${name}${path}` } });
      }),
    );
  });

  test('that parses has only characters that need no escape', () => {
    fc.assert(
      fc.property(
        fc.string().map((tail) => `spiffe://a.test/${tail}`),
        (text) => {
          const id = parseSpiffeId(text);
          if (id.ok) expect(id.value.uri).toMatch(/^spiffe:\/\/a\.test(\/[A-Za-z0-9._-]+)+$/);
          else expect(id.error.code).toBe('SpiffeIdInvalid');
        },
      ),
    );
  });

  test.each([
    '',
    'spiffe://',
    'spiffe:///ns/x',
    'https://a.test/ns/x',
    'SPIFFE://a.test/ns/x',
    'spiffe://A.test/ns/x',
    'spiffe://a.test/',
    'spiffe://a.test/ns/',
    'spiffe://a.test//x',
    'spiffe://a.test/./x',
    'spiffe://a.test/ns/..',
    'spiffe://a.test:443/x',
    'spiffe://u@a.test/x',
    'spiffe://a.test/x?y=1',
    'spiffe://a.test/x#y',
    'spiffe://a.test/%6e',
    'spiffe://a.test/x\n',
    'spiffe://a.test/é',
    `spiffe://${'a'.repeat(256)}/x`,
  ])('is refused: %j', (text) => {
    expect(parseSpiffeId(text)).toMatchObject({ ok: false, error: { code: 'SpiffeIdInvalid' } });
  });

  test('may have 2048 bytes and not one more', () => {
    const id = `spiffe://a.test/${'p'.repeat(2048 - 16)}`;
    expect(parseSpiffeId(id).ok).toBe(true);
    expect(parseSpiffeId(`${id}p`).ok).toBe(false);
  });
});

describe('a trust domain', () => {
  test('is read from its name and from its ID', () => {
    expect(parseTrustDomain('a.test')).toEqual({ ok: true, value: 'a.test' });
    expect(parseTrustDomain('spiffe://a.test')).toEqual({ ok: true, value: 'a.test' });
  });

  test.each(['', ' ', 'A.test', 'a.test/', 'spiffe://a.test/ns', 'a test', 'a.test\n', '[::1]', 'a'.repeat(256)])(
    'is refused: %j',
    (text) => {
      expect(parseTrustDomain(text)).toMatchObject({ ok: false, error: { code: 'TrustDomainInvalid' } });
    },
  );
});

describe('an excerpt of hostile text', () => {
  test('is short, printable ASCII and ends where its quotes end', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        expect(excerpt(text)).toMatch(/^"(?:[\x20\x21\x23-\x5b\x5d-\x7e…]|\\u[0-9a-f]{4})*"$/);
      }),
    );
    expect(excerpt('x'.repeat(500)).length).toBeLessThan(100);
  });
});
