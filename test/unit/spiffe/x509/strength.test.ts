import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { hex, readAll, readOnly, tags } from '../../../../src/spiffe/x509/der.ts';
import { isKnownKey, isStrongKey, isStrongSignature } from '../../../../src/spiffe/x509/strength.ts';
import { oid, sequence, tlv } from '../../../pki/der-writer.ts';

const ec = (namedCurve: string): KeyObject => generateKeyPairSync('ec', { namedCurve }).publicKey;
const rsa = (modulusLength: number, publicExponent = 65_537): KeyObject =>
  generateKeyPairSync('rsa', { modulusLength, publicExponent }).publicKey;
const big = (modulusLength: number, publicExponent = 65_537n): object => ({
  export: () => rsa(1024).export({ type: 'spki', format: 'der' }),
  asymmetricKeyDetails: { modulusLength, publicExponent },
});
const isStrong = (key: unknown): boolean => {
  const spki = (key as KeyObject).export({ type: 'spki', format: 'der' });
  const [algorithm] = readAll(readOnly(spki, tags.sequence).body);
  return isKnownKey(hex(algorithm?.whole ?? spki)) && isStrongKey(key as KeyObject);
};

describe('a key', () => {
  test.each([
    ['P-256', ec('P-256')],
    ['P-384', ec('P-384')],
    ['P-521', ec('P-521')],
    ['Ed25519', generateKeyPairSync('ed25519').publicKey],
    ['Ed448', generateKeyPairSync('ed448').publicKey],
    ['RSA of 2048 bits', rsa(2048)],
    ['RSA with exponent 3', rsa(2048, 3)],
    ['RSA for RSASSA-PSS', generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey],
    ['RSA of 8192 bits', big(8192)],
  ])('%s is strong enough', (_name, key) => {
    expect(isStrong(key)).toBe(true);
  });

  test.each([
    ['P-224', ec('secp224r1')],
    ['secp256k1', ec('secp256k1')],
    ['X25519', generateKeyPairSync('x25519').publicKey],
    ['DSA', generateKeyPairSync('dsa', { modulusLength: 2048, divisorLength: 256 }).publicKey],
    ['ML-DSA', generateKeyPairSync('ml-dsa-44').publicKey],
    [
      'P-256 with its parameters written out',
      generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' }).publicKey,
    ],
    ['RSA of 1024 bits', rsa(1024)],
    ['RSA of 16384 bits, whose only effect is our work', big(16384)],
    ['RSA with an exponent as long as its modulus, likewise', big(2048, 2n ** 2047n + 1n)],
  ])('%s is not', (_name, key) => {
    expect(isStrong(key)).toBe(false);
  });
});

const rsaArc = '1.2.840.113549.1.1';
const sha2Arc = '2.16.840.1.101.3.4.2';
const derNull = tlv(0x05);
const pss = (hash: Buffer): Buffer =>
  sequence(
    oid(`${rsaArc}.10`),
    sequence(tlv(0xa0, hash), tlv(0xa1, sequence(oid(`${rsaArc}.8`), hash)), tlv(0xa2, tlv(0x02, Buffer.from([32])))),
  );

describe('a signature', () => {
  test.each([
    ['RSA with SHA-256', sequence(oid(`${rsaArc}.11`), derNull)],
    ['RSA with SHA-384', sequence(oid(`${rsaArc}.12`), derNull)],
    ['RSA with SHA-512, without parameters', sequence(oid(`${rsaArc}.13`))],
    ['ECDSA with SHA-256', sequence(oid('1.2.840.10045.4.3.2'))],
    ['ECDSA with SHA-512', sequence(oid('1.2.840.10045.4.3.4'))],
    ['RSASSA-PSS with SHA-256', pss(sequence(oid(`${sha2Arc}.1`), derNull))],
    ['RSASSA-PSS with SHA-512', pss(sequence(oid(`${sha2Arc}.3`), derNull))],
    ['Ed25519', sequence(oid('1.3.101.112'))],
    ['Ed448', sequence(oid('1.3.101.113'))],
  ])('by %s is strong enough', (_name, algorithm) => {
    expect(isStrongSignature(algorithm.toString('hex'))).toBe(true);
  });

  test.each([
    ['RSA with MD5', sequence(oid(`${rsaArc}.4`), derNull)],
    ['RSA with SHA-1', sequence(oid(`${rsaArc}.5`), derNull)],
    ['ECDSA with SHA-1', sequence(oid('1.2.840.10045.4.1'))],
    ['RSASSA-PSS with its default of SHA-1', sequence(oid(`${rsaArc}.10`), sequence())],
    ['RSASSA-PSS with SHA-1', pss(sequence(oid('1.3.14.3.2.26'), derNull))],
    ['nothing', Buffer.alloc(0)],
  ])('by %s is not', (_name, algorithm) => {
    expect(isStrongSignature(algorithm.toString('hex'))).toBe(false);
  });
});
