import type { KeyObject } from 'node:crypto';
import type { SpiffeId } from '@agentcard-operator/spiffe/x509';

/** Certificates in DER, leaf first, each issued by the next. */
export type Chain = readonly [Uint8Array, ...Uint8Array[]];

/** The holder of a key, by a chain that leads to the bundle of its own trust domain. */
export interface Signer {
  readonly id: SpiffeId;
  readonly key: KeyObject;
  readonly notAfter: Date;
  /** False: the chain was good once and has expired. */
  readonly validNow: boolean;
  /** Base64url SHA-256 of the leaf, as in `x5t#S256`. */
  readonly thumbprint: string;
  /** Lowercase hex SHA-256 of the authority that the chain leads to. */
  readonly issuerSha256: string;
}
