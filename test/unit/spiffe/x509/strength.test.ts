import { generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { isStrongKey, isStrongSignature } from '../../../../src/spiffe/x509/strength.ts';
import { oid, sequence, tlv } from '../../../pki/der-writer.ts';
import { root } from '../../../pki/mint.ts';

const certificateWith = (publicKey: unknown): X509Certificate =>
  Object.create(new X509Certificate(root('a.test').der), { publicKey: { value: publicKey } });
const ec = (namedCurve: string): KeyObject => generateKeyPairSync('ec', { namedCurve }).publicKey;
const rsa = (modulusLength: number): object => ({ asymmetricKeyType: 'rsa', asymmetricKeyDetails: { modulusLength } });

describe('a key', () => {
  test.each([
    ['P-256', ec('P-256')],
    ['P-384', ec('P-384')],
    ['P-521', ec('P-521')],
    ['Ed25519', generateKeyPairSync('ed25519').publicKey],
    ['Ed448', generateKeyPairSync('ed448').publicKey],
    ['RSA of 2048 bits', rsa(2048)],
    ['RSA of 8192 bits', rsa(8192)],
  ])('%s is strong enough', (_name, key) => {
    expect(isStrongKey(certificateWith(key))).toBe(true);
  });

  test.each([
    ['P-224', ec('secp224r1')],
    ['secp256k1', ec('secp256k1')],
    ['X25519', generateKeyPairSync('x25519').publicKey],
    ['RSA of 1024 bits', rsa(1024)],
    ['RSA of 16384 bits, whose only effect is our work', rsa(16384)],
    ['of no known kind', undefined],
  ])('%s is not', (_name, key) => {
    expect(isStrongKey(certificateWith(key))).toBe(false);
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
