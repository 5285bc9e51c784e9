/** Which keys and signatures are strong enough: at least 112 bits, and of the kinds that SPIFFE issuers use. */

import type { KeyObject } from 'node:crypto';

/** Above 8192 bits an RSA key is no stronger in practice and only makes us work, and so does a large exponent. */
const rsa = { leastBits: 2048, mostBits: 8192, leastExponent: 3n, mostExponent: 2n ** 32n } as const;

/** Hex of a whole AlgorithmIdentifier: RSA, RSASSA-PSS, P-256, P-384 and P-521 by name, Ed25519, Ed448. */
const keys: readonly RegExp[] = [
  /^300d06092a864886f70d0101010500$/,
  /^30..06092a864886f70d01010a/,
  /^30(1306072a8648ce3d020106082a8648ce3d030107|1006072a8648ce3d020106052b8104002[23])$/,
  /^300506032b657[01]$/,
];

/** Likewise: RSA and ECDSA with SHA-256, 384 or 512, RSASSA-PSS with the same, Ed25519, Ed448. */
const signatures: readonly RegExp[] = [
  /^30(0d06092a864886f70d01010[bcd]0500|0b06092a864886f70d01010[bcd])$/,
  /^300a06082a8648ce3d04030[234]$/,
  /^30..06092a864886f70d01010a30..a00f300d060960864801650304020[123]0500/,
  /^300506032b657[01]$/,
];

export const isStrongSignature = (algorithm: string): boolean => signatures.some((known) => known.test(algorithm));

export const isKnownKey = (algorithm: string): boolean => keys.some((known) => known.test(algorithm));

/** Of a key of a known kind. */
export function isStrongKey(key: KeyObject): boolean {
  // Those that have no size to choose; asking OpenSSL for their details costs as much as reading the certificate.
  if (/^e[cd]/.test(key.asymmetricKeyType ?? '')) return true;
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  const isOddSize = modulusLength < rsa.leastBits || modulusLength > rsa.mostBits;
  return !isOddSize && publicExponent >= rsa.leastExponent && publicExponent <= rsa.mostExponent;
}
