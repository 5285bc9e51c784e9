import type { KeyObject } from 'node:crypto';

/**
 * The allow-list (RFC 7518, RFC 8037, RFC 9864), with the only kind of key that each algorithm goes with: a curve for ES*,
 * a type of key for the others. `none` and the HMAC family are absent: a verifier's public key is no secret.
 */
export const algorithms: ReadonlyMap<string, string> = new Map([
  ['ES256', 'prime256v1'],
  ['ES384', 'secp384r1'],
  ['ES512', 'secp521r1'],
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'].map((name) => [name, 'rsa'] as const),
  ['EdDSA', 'ed25519'],
  ['Ed25519', 'ed25519'],
]);

const leastRsaBits = 2048;

/** Why this key cannot have made a signature of this algorithm; undefined when it can. */
export function keyFault(algorithm: string, key: KeyObject): string | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const kind = algorithms.get(algorithm);
  const needsCurve = algorithm.startsWith('ES');
  if (type !== (needsCurve ? 'ec' : kind)) return `the algorithm ${algorithm} does not go with a key of type ${type}`;
  if (needsCurve && details?.namedCurve !== kind) return `the algorithm ${algorithm} needs a key on the curve ${kind}`;
  if (type === 'rsa' && (details?.modulusLength ?? 0) < leastRsaBits)
    return `an RSA key needs at least ${leastRsaBits} bits`;
  return undefined;
}

/** The algorithm that a signer uses with its key: the first of the list that fits. */
export function algorithmFor(key: KeyObject): string | undefined {
  return [...algorithms.keys()].find((algorithm) => keyFault(algorithm, key) === undefined);
}

/** Bytes of R and S together, as RFC 7518 (3.4) has them. */
const ecdsaBytes: Readonly<Record<string, number>> = { ES256: 64, ES384: 96, ES512: 132 };

/** Why a signature of this algorithm is none of JWS; undefined where its form says nothing. */
export function encodingFault(algorithm: string, signature: string): string | undefined {
  const bytes = Buffer.from(signature, 'base64url');
  const expected = ecdsaBytes[algorithm];
  if (expected === undefined || bytes.length === expected) return undefined;
  const found = bytes[0] === 0x30 ? 'in DER form' : `${bytes.length} bytes long`;
  return `the ${algorithm} signature is ${found}; JWS takes R and S side by side, ${expected} bytes in all (RFC 7518, 3.4)`;
}
