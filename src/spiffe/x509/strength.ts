/** Which keys and signatures are strong enough: at least 112 bits, and of the kinds that SPIFFE issuers use. */

import type { KeyObject, X509Certificate } from 'node:crypto';

const curves: readonly string[] = ['prime256v1', 'secp384r1', 'secp521r1'];
/** Above 8192 bits an RSA key is no stronger in practice and only makes us work. */
const rsaBits = { least: 2048, most: 8192 };

/** Hex of a whole AlgorithmIdentifier: RSA and ECDSA with SHA-256, 384 or 512, RSASSA-PSS with the same, Ed25519, Ed448. */
const signatures: readonly RegExp[] = [
  /^30(0d06092a864886f70d01010[bcd]0500|0b06092a864886f70d01010[bcd])$/,
  /^300a06082a8648ce3d04030[234]$/,
  /^30..06092a864886f70d01010a30..a00f300d060960864801650304020[123]0500/,
  /^300506032b657[01]$/,
];

export const isStrongSignature = (algorithm: string): boolean => signatures.some((known) => known.test(algorithm));

export function isStrongKey(certificate: X509Certificate): boolean {
  const key = publicKey(certificate);
  const details = key?.asymmetricKeyDetails;
  switch (key?.asymmetricKeyType) {
    case 'rsa':
    case 'rsa-pss': {
      const bits = details?.modulusLength ?? 0;
      return bits >= rsaBits.least && bits <= rsaBits.most;
    }
    case 'ec':
      return curves.includes(details?.namedCurve ?? '');
    case 'ed25519':
    case 'ed448':
      return true;
    default:
      return false;
  }
}

/** Reading the key throws for kinds that OpenSSL does not know. */
function publicKey(certificate: X509Certificate): KeyObject | undefined {
  try {
    return certificate.publicKey;
  } catch {
    return undefined;
  }
}
