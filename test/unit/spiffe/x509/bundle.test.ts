import { createHash } from 'node:crypto';
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
import { verifyPeer } from '../../../../src/spiffe/x509/path.ts';
import { tlv } from '../../../pki/der-writer.ts';
import {
  basicConstraints,
  hour,
  keyPemOf,
  keyUsage,
  type Minted,
  mint,
  pemOf,
  root,
  svid,
  v1Root,
} from '../../../pki/mint.ts';

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

  const brainpool = root('a.test', { key: 'brainpoolP256r1' });
  test.each<[string, Buffer, string]>([
    ['a leaf', leaf.der, 'it is no CA'],
    ['a certificate that does not say CA', notSayingCa.der, 'it is no CA'],
    ['a certificate of X.509 v1', v1Root(), 'it is no CA'],
    [
      'a CA that may not sign certificates',
      mint({ extensions: [basicConstraints(true), keyUsage(['cRLSign'])] }).der,
      'its keyUsage',
    ],
    ['an authority on a curve of no NIST name', brainpool.der, 'unusual kind'],
    ['something else', tlv(0x30, Buffer.from('no certificate')), 'DER'],
  ])('loses %s and nothing else, and says which it was', (_name, odd, reason) => {
    const pem = (der: Buffer) => `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`;
    const sha256 = createHash('sha256').update(odd).digest('hex');
    const skipped = [{ sha256, reason: expect.stringContaining(reason) }];
    const key = (der: Buffer) => ({ kty: 'EC', use: 'x509-svid', x5c: [der.toString('base64')] });
    for (const [both, alone] of [
      [parseBundlePem(domain, pem(one.der) + pem(odd)), parseBundlePem(domain, pem(odd))],
      [parseBundleJson(domain, json([key(odd), key(one.der)])), parseBundleJson(domain, json([key(odd)]))],
      [parseBundleDer(domain, Buffer.concat([odd, one.der])), parseBundleDer(domain, odd)],
    ] as const) {
      expect(both).toMatchObject({ ok: true, value: { authorities: [one.der], skipped } });
      expect(alone).toMatchObject({
        error: { code: 'AuthorityInvalid', message: expect.stringContaining(sha256.slice(0, 16)) },
      });
    }
  });

  test('takes an authority without keyUsage, as openssl makes it', () => {
    const plain = mint({ extensions: [basicConstraints(true)] });
    const bundle = parseBundlePem(domain, pemOf(plain));
    expect(ders(bundle)).toEqual([plain.der]);
    const below = svid(plain, 'spiffe://a.test/x');
    const verdict =
      bundle.ok && verifyPeer({ chain: [below.der], bundle: bundle.value, now: new Date(), role: 'server' });
    expect(verdict).toMatchObject({ ok: true });
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
