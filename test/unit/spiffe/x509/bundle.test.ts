import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TrustDomain } from '../../../../src/spiffe/id.ts';
import type { Result } from '../../../../src/spiffe/result.ts';
import {
  parseBundle,
  parseBundleDer,
  parseBundleJson,
  parseBundlePem,
  type TrustBundle,
} from '../../../../src/spiffe/x509/bundle.ts';
import { hour, keyPemOf, keyUsage, type Minted, mint, pemOf, root, svid } from '../../../pki/mint.ts';

const domain = 'a.test' as TrustDomain;
const end = Math.floor(Date.now() / 1000) * 1000 + hour;
const [one, two] = [root('a.test', { to: end }), root('a.test', { to: Date.now() + 9 * hour })];
const leaf = svid(one, 'spiffe://a.test/x');
const notSayingCa = mint({ extensions: [keyUsage(['keyCertSign'])] });

const x5c = (...certificates: Minted[]): string[] => certificates.map(({ der }) => der.toString('base64'));
const jwk = (...certificates: Minted[]): object => ({ kty: 'EC', use: 'x509-svid', x5c: x5c(...certificates) });
const json = (keys: unknown, more = ''): string => `{"keys": ${JSON.stringify(keys)}${more}}`;
const ders = (result: Result<TrustBundle>): readonly Uint8Array[] => {
  if (!result.ok) throw new Error(result.error.message);
  return result.value.authorities;
};
const codeOf = (result: Result<TrustBundle>): string => (result.ok ? 'fine' : result.error.code);

describe('a trust bundle', () => {
  test('is the same from PEM, SPIFFE JSON and DER, told apart by the first character', () => {
    const all = [
      parseBundle(domain, `\n# the authorities of a.test\n${pemOf(one, two)}`),
      parseBundle(domain, ` \n${json([jwk(one), jwk(two)])}`),
      parseBundleDer(domain, Buffer.concat([one.der, two.der])),
    ];
    for (const bundle of all) expect(ders(bundle)).toEqual([one.der, two.der]);
    expect(new Set(all.map((bundle) => bundle.ok && bundle.value.digest)).size).toBe(1);
  });

  test('has a digest that depends on trust domain and authorities, not on their order', () => {
    const digest = (td: string, ...from: Minted[]): unknown => {
      const result = parseBundlePem(td as TrustDomain, pemOf(...from));
      return result.ok && result.value.digest;
    };
    expect(digest('a.test', one, two)).toBe(digest('a.test', two, one, one));
    expect(digest('a.test', one, two)).not.toBe(digest('a.test', one));
    expect(digest('a.test', one)).not.toBe(digest('b.test', one));
  });

  test('knows when its authorities end', () => {
    const result = parseBundlePem(domain, pemOf(one, two));
    if (!result.ok) throw new Error(result.error.message);
    expect(result.value.notAfter?.first).toEqual(new Date(end));
    expect(result.value.notAfter?.last.getTime()).toBeGreaterThan(Date.now() + 8 * hour);
  });

  test.each([
    ['a leaf', leaf],
    ['a certificate that does not say CA', notSayingCa],
  ])('with %s among its authorities is refused whole', (_name, odd) => {
    expect(codeOf(parseBundlePem(domain, pemOf(one, odd)))).toBe('AuthorityInvalid');
    expect(codeOf(parseBundleJson(domain, json([jwk(one), jwk(odd)])))).toBe('AuthorityInvalid');
    expect(codeOf(parseBundleDer(domain, Buffer.concat([one.der, odd.der])))).toBe('AuthorityInvalid');
  });
});

describe('a SPIFFE bundle document', () => {
  test('may be empty, which trusts nothing', () => {
    const result = parseBundle(domain, '{"keys": []}');
    expect(result).toMatchObject({ ok: true, value: { authorities: [], pems: [] } });
  });

  test('gives only the first certificate of each x509-svid key', () => {
    const others = [
      { kty: 'EC', use: 'jwt-svid', kid: 'x', x5c: x5c(two) },
      { kty: 'EC', use: 'x509-svid' },
      { kty: 'EC', use: 'x509-svid', x5c: [] },
      { kty: 'EC', x5c: x5c(two) },
      { use: 'x509-svid', x5c: x5c(two) },
      'text',
      null,
    ];
    expect(ders(parseBundleJson(domain, json([...others, jwk(one, two)])))).toEqual([one.der]);
  });

  test('keeps a sequence of 64 bits whole, and the refresh hint', () => {
    const result = parseBundle(
      domain,
      json([jwk(one)], ', "spiffe_sequence": 9007199254740993, "spiffe_refresh_hint": 300'),
    );
    expect(result).toMatchObject({ ok: true, value: { sequence: 9007199254740993n, refreshHintSeconds: 300 } });
  });

  test.each([
    ['no keys', '{}'],
    ['keys that are no list', '{"keys": {}}'],
    ['broken JSON', '{"keys": ['],
    ['a fractional sequence', '{"keys": [], "spiffe_sequence": 1.5}'],
    ['an x5c value that is no base64', '{"keys": [{"kty": "EC", "use": "x509-svid", "x5c": ["???"]}]}'],
  ])('with %s is malformed', (_name, text) => {
    expect(codeOf(parseBundle(domain, text))).toBe('BundleMalformed');
  });
});

describe('a PEM bundle', () => {
  test.each([
    ['nothing', '', 'BundleEmpty'],
    ['words', 'no bundle here', 'BundleEmpty'],
    ['a private key', `${pemOf(one)}${keyPemOf(one)}`, 'BundleMalformed'],
    ['a block without an end', `${pemOf(one)}-----BEGIN CERTIFICATE-----\nAAAA`, 'BundleMalformed'],
    ['a block with other characters', pemOf(one).replace('MI', '*I'), 'BundleMalformed'],
    [
      'a block that is no certificate',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----',
      'AuthorityInvalid',
    ],
    ['more than 4 MiB', ' '.repeat(5 * 1024 * 1024), 'BundleTooLarge'],
  ])('of %s is refused', (_name, text, code) => {
    expect(codeOf(parseBundle(domain, text))).toBe(code);
  });
});

test('the bundle parsers take any bytes without throwing', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.json(), fc.uint8Array(), (text, document, der) => {
      for (const bundle of [
        parseBundle(domain, text),
        parseBundle(domain, document),
        parseBundle(domain, `{"keys": [${document}]}`),
      ]) {
        if (bundle.ok) expect(bundle.value.authorities).toEqual([]);
      }
      const fromDer = parseBundleDer(domain, der);
      expect(fromDer.ok).toBe(der.length === 0);
    }),
  );
});
