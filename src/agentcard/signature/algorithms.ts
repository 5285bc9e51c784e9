import { constants, type KeyObject, sign, verify } from 'node:crypto';

/** A JWS algorithm (RFC 7518, RFC 8037, RFC 9864) and the only kind of key it goes with. */
export interface Algorithm {
  readonly name: string;
  readonly keyType: 'ec' | 'rsa' | 'ed25519';
  readonly curve?: string;
  readonly hash: string | null;
  readonly pss?: true;
}

/** The allow-list. `none` and the HMAC family are absent: a verifier's public key is no secret. */
export const algorithms: readonly Algorithm[] = [
  { name: 'ES256', keyType: 'ec', curve: 'prime256v1', hash: 'sha256' },
  { name: 'ES384', keyType: 'ec', curve: 'secp384r1', hash: 'sha384' },
  { name: 'ES512', keyType: 'ec', curve: 'secp521r1', hash: 'sha512' },
  { name: 'RS256', keyType: 'rsa', hash: 'sha256' },
  { name: 'RS384', keyType: 'rsa', hash: 'sha384' },
  { name: 'RS512', keyType: 'rsa', hash: 'sha512' },
  { name: 'PS256', keyType: 'rsa', hash: 'sha256', pss: true },
  { name: 'PS384', keyType: 'rsa', hash: 'sha384', pss: true },
  { name: 'PS512', keyType: 'rsa', hash: 'sha512', pss: true },
  { name: 'EdDSA', keyType: 'ed25519', hash: null },
  { name: 'Ed25519', keyType: 'ed25519', hash: null },
];

const leastRsaBits = 2048;

/** Why this key cannot have made a signature of this algorithm; undefined when it can. */
export function keyFault({ name, keyType, curve }: Algorithm, key: KeyObject): string | undefined {
  const details = key.asymmetricKeyDetails;
  if (key.asymmetricKeyType !== keyType)
    return `the algorithm ${name} does not go with a key of type ${key.asymmetricKeyType}`;
  if (curve !== undefined && details?.namedCurve !== curve)
    return `the algorithm ${name} needs a key on the curve ${curve}`;
  if (keyType === 'rsa' && (details?.modulusLength ?? 0) < leastRsaBits)
    return `an RSA key needs at least ${leastRsaBits} bits`;
  return undefined;
}

/** The algorithm that a signer uses with its key: the first of the list that fits. */
export function algorithmFor(key: KeyObject): Algorithm | undefined {
  return algorithms.find((algorithm) => keyFault(algorithm, key) === undefined);
}

// ECDSA signatures in JWS are R and S side by side, of fixed width (RFC 7518, 3.4), not DER.
function options({ keyType, pss }: Algorithm) {
  if (keyType === 'ec') return { dsaEncoding: 'ieee-p1363' } as const;
  if (pss) return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return {};
}

export function verifies(algorithm: Algorithm, key: KeyObject, input: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify(algorithm.hash, input, { key, ...options(algorithm) }, signature);
  } catch {
    // OpenSSL throws for signatures whose length cannot be: they are as wrong as any other.
    return false;
  }
}

export function signs(algorithm: Algorithm, key: KeyObject, input: Uint8Array): Uint8Array {
  return sign(algorithm.hash, input, { key, ...options(algorithm) });
}
