/** Makes certificates for tests, in memory and within milliseconds. */

import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { TrustDomain } from '../../src/spiffe/id.ts';
import { parseBundleDer, type TrustBundle, toPem } from '../../src/spiffe/x509/bundle.ts';
import { bitString, bits, bool, integer, oid, sequence, tlv, utcTime } from './der-writer.ts';

export interface Minted {
  readonly der: Buffer;
  readonly privateKey: KeyObject;
  readonly subject: Buffer;
  readonly keyId: Buffer;
}

type KeyKind = 'ec' | 'ed25519' | 'rsa1024' | 'rsa2048' | 'secp256k1' | 'brainpoolP256r1';

export interface Recipe {
  readonly subject?: Buffer;
  /** Self-signed when absent. */
  readonly issuer?: Minted;
  readonly extensions: readonly Buffer[];
  readonly from?: number;
  readonly to?: number;
  readonly key?: KeyKind;
  /** The key of an authority that is certified once more, instead of a new one. */
  readonly privateKey?: KeyObject;
  readonly hash?: 'sha1' | 'sha256';
  /** The subject key identifier to announce, which is otherwise that of the key. */
  readonly keyId?: Buffer;
  /** False: neither key identifier. */
  readonly identified?: boolean;
}

export const hour = 3_600_000;

export function mint(recipe: Recipe): Minted {
  const privateKey = recipe.privateKey ?? newKey(recipe.key ?? 'ec');
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const keyId = recipe.keyId ?? createHash('sha256').update(spki).digest().subarray(0, 20);
  const subject = recipe.subject ?? name({ C: 'US', O: 'SPIFFE' });
  const issuer = recipe.issuer ?? { privateKey, subject, keyId };
  const { hash = 'sha256' } = recipe;
  const now = Date.now();
  const algorithm = signatureAlgorithm(issuer.privateKey, hash);
  const identifiers = [subjectKeyId(keyId), authorityKeyId(issuer.keyId)];
  const tbs = sequence(
    tlv(0xa0, integer(2)),
    tlv(0x02, Buffer.from([0x11]), randomBytes(15)),
    algorithm,
    issuer.subject,
    sequence(utcTime(new Date(recipe.from ?? now - hour)), utcTime(new Date(recipe.to ?? now + 24 * hour))),
    subject,
    spki,
    tlv(0xa3, sequence(...recipe.extensions, ...(recipe.identified === false ? [] : identifiers))),
  );
  const digest = ['ec', 'rsa', 'dsa'].includes(issuer.privateKey.asymmetricKeyType ?? '') ? hash : null;
  return {
    der: sequence(tbs, algorithm, bitString(sign(digest, tbs, issuer.privateKey))),
    privateKey,
    subject,
    keyId,
  };
}

function newKey(kind: KeyKind): KeyObject {
  if (kind === 'ed25519') return generateKeyPairSync('ed25519').privateKey;
  if (kind === 'rsa1024' || kind === 'rsa2048') {
    return generateKeyPairSync('rsa', { modulusLength: kind === 'rsa1024' ? 1024 : 2048 }).privateKey;
  }
  return generateKeyPairSync('ec', { namedCurve: kind === 'ec' ? 'P-256' : kind }).privateKey;
}

/** Of keys that sign without a digest of the caller's choice. */
const ownAlgorithms: Readonly<Record<string, string>> = {
  ed25519: '1.3.101.112',
  ed448: '1.3.101.113',
  dsa: '2.16.840.1.101.3.4.3.2',
  'ml-dsa-44': '2.16.840.1.101.3.4.3.17',
  'ml-dsa-65': '2.16.840.1.101.3.4.3.18',
  'ml-dsa-87': '2.16.840.1.101.3.4.3.19',
  'slh-dsa-sha2-128f': '2.16.840.1.101.3.4.3.21',
};

function signatureAlgorithm({ asymmetricKeyType: type = 'ec' }: KeyObject, hash: 'sha1' | 'sha256'): Buffer {
  const own = ownAlgorithms[type];
  if (own !== undefined) return sequence(oid(own));
  if (type === 'rsa') {
    return sequence(oid(hash === 'sha1' ? '1.2.840.113549.1.1.5' : '1.2.840.113549.1.1.11'), tlv(0x05));
  }
  return sequence(oid(hash === 'sha1' ? '1.2.840.10045.4.1' : '1.2.840.10045.4.3.2'));
}

const attributeIds = { C: '2.5.4.6', O: '2.5.4.10', CN: '2.5.4.3' } as const;

export function name(attributes: { C?: string; O?: string; CN?: string }): Buffer {
  const parts = Object.entries(attributes).map(([key, value]) =>
    tlv(
      0x31,
      sequence(oid(attributeIds[key as keyof typeof attributeIds]), tlv(key === 'C' ? 0x13 : 0x0c, Buffer.from(value))),
    ),
  );
  return sequence(...parts);
}

export function extension(id: string, value: Uint8Array, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [bool(true)] : []), tlv(0x04, value));
}

const subjectKeyId = (keyId: Buffer): Buffer => extension('2.5.29.14', tlv(0x04, keyId));
const authorityKeyId = (keyId: Buffer): Buffer => extension('2.5.29.35', sequence(tlv(0x80, keyId)));

export function basicConstraints(ca: boolean, pathLength?: number): Buffer {
  const value = sequence(...(ca ? [bool(true)] : []), ...(pathLength === undefined ? [] : [integer(pathLength)]));
  return extension('2.5.29.19', value, true);
}

const usageBits = { digitalSignature: 0, keyEncipherment: 2, keyAgreement: 4, keyCertSign: 5, cRLSign: 6 } as const;

export function keyUsage(usages: readonly (keyof typeof usageBits)[], critical = true): Buffer {
  return extension('2.5.29.15', bits(...usages.map((usage) => usageBits[usage])), critical);
}

const purposeIds = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  any: '2.5.29.37.0',
} as const;

export type Purpose = keyof typeof purposeIds;

export function extendedKeyUsage(...purposes: readonly Purpose[]): Buffer {
  return extension('2.5.29.37', sequence(...purposes.map((purpose) => oid(purposeIds[purpose]))));
}

export const uri = (text: string): Buffer => tlv(0x86, Buffer.from(text, 'latin1'));
export const dns = (text: string): Buffer => tlv(0x82, Buffer.from(text, 'latin1'));
export const ipv4 = (address: string): Buffer => tlv(0x87, Buffer.from(address.split('.').map(Number)));
export const directoryName = (subject: Buffer): Buffer => tlv(0xa4, subject);
export const email = (text: string): Buffer => tlv(0x81, Buffer.from(text, 'latin1'));

export function alternativeNames(names: readonly Buffer[], { critical = false, trailing = '' } = {}): Buffer {
  return extension('2.5.29.17', Buffer.concat([sequence(...names), Buffer.from(trailing, 'hex')]), critical);
}

export const permittedNames = (...names: readonly Buffer[]): Buffer => constrainedNames(names, []);

export function constrainedNames(permitted: readonly Buffer[], excluded: readonly Buffer[]): Buffer {
  const lists = [permitted, excluded].map((names, index) =>
    names.length === 0 ? Buffer.alloc(0) : tlv(0xa0 + index, ...names.map((each) => sequence(each))),
  );
  return extension('2.5.29.30', sequence(...lists), true);
}

/** The extensions of a trust domain's signing certificate. */
export function authority(trustDomain: string, pathLength?: number): readonly Buffer[] {
  return [
    basicConstraints(true, pathLength),
    keyUsage(['keyCertSign', 'cRLSign']),
    alternativeNames([uri(`spiffe://${trustDomain}`)]),
  ];
}

/** A self-signed authority. Like SPIRE's, roots of different trust domains may share one subject. */
export const root = (trustDomain: string, recipe: Partial<Recipe> = {}): Minted =>
  mint({ extensions: authority(trustDomain), ...recipe });

export const intermediate = (issuer: Minted, trustDomain: string, recipe: Partial<Recipe> = {}): Minted =>
  mint({
    subject: name({ C: 'US', O: 'SPIRE', CN: 'intermediate' }),
    issuer,
    extensions: authority(trustDomain),
    ...recipe,
  });

export const leafExtensions = (id: string): readonly Buffer[] => [
  basicConstraints(false),
  keyUsage(['digitalSignature', 'keyEncipherment', 'keyAgreement']),
  extendedKeyUsage('serverAuth', 'clientAuth'),
  alternativeNames([uri(id)]),
];

/** A leaf as SPIRE would issue it. */
export const svid = (issuer: Minted, id: string, recipe: Partial<Recipe> = {}): Minted =>
  mint({ issuer, extensions: leafExtensions(id), ...recipe });

export const pemOf = (...certificates: readonly Minted[]): string => certificates.map(({ der }) => toPem(der)).join('');

export const keyPemOf = ({ privateKey }: Minted): string =>
  privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

/** A self-signed certificate of X.509 v1, in which nothing tells an authority from a leaf. */
export function v1Root(): Buffer {
  const { privateKey, subject } = root('v1');
  const algorithm = signatureAlgorithm(privateKey, 'sha256');
  const times = sequence(utcTime(new Date(Date.now() - hour)), utcTime(new Date(Date.now() + hour)));
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const tbs = sequence(integer(1), algorithm, subject, times, subject, spki);
  return sequence(tbs, algorithm, bitString(sign('sha256', tbs, privateKey)));
}

/** A bundle as the Workload API would deliver it; throws when it would be refused. */
export function bundle(trustDomain: string, ...authorities: readonly Minted[]): TrustBundle {
  const result = parseBundleDer(trustDomain as TrustDomain, Buffer.concat(authorities.map(({ der }) => der)));
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}
