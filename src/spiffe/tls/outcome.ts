/** What one GET can end in, and which ends speak against the peer. */

import type { SpiffeId } from '../id.ts';

/** The workload that answered, proven by mutual TLS. Whether it is the expected one is decided elsewhere. */
export interface Peer {
  readonly id: SpiffeId;
  /** DER, leaf first: what it takes to check the peer again when bundles change. */
  readonly chain: readonly Buffer[];
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** `identity`: the peer showed that it is not what it should be. `none`: nothing was learned, which proves nothing. */
export type Guilt = 'none' | 'identity';

const guiltByCode = {
  /** Our side: the request cannot be made. */
  RequestInvalid: 'none',
  NoIdentity: 'none',
  NoBundle: 'none',
  Aborted: 'none',
  /** Whoever made the request was lost, and with it what became of it. */
  Interrupted: 'none',
  /** No connection, or none that came far enough to prove anything. */
  Unreachable: 'none',
  ConnectionRefused: 'none',
  ConnectionReset: 'none',
  Timeout: 'none',
  HandshakeFailed: 'none',
  ClientCertificateRejected: 'none',
  SessionResumed: 'none',
  ClockSkew: 'none',
  /** The peer, or whoever stands in its place. */
  NotTls: 'identity',
  TrustDomainMismatch: 'identity',
  PeerCertificateInvalid: 'identity',
  PeerCertificateExpired: 'identity',
  /** It answered, but with nothing that can be read. */
  Redirected: 'none',
  Encoded: 'none',
  TooLarge: 'none',
  HeadersTooLarge: 'none',
  MalformedResponse: 'none',
  Truncated: 'none',
} as const satisfies Record<string, Guilt>;

export type FetchFailureCode = keyof typeof guiltByCode;

export const failureCodes = Object.keys(guiltByCode) as FetchFailureCode[];

export interface FetchFailure {
  readonly kind: 'failed';
  readonly code: FetchFailureCode;
  /** For people, and stable: the same failure has the same message. */
  readonly message: string;
  readonly guilt: Guilt;
  /** The SPIFFE ID that a refused certificate names. It is a claim and nothing more. */
  readonly claimedId?: string;
  /** Present when the peer was proven and the answer then failed. */
  readonly peer?: Peer;
}

export interface FetchAnswer {
  readonly kind: 'answer';
  readonly status: number;
  readonly body: Buffer;
  /** Present exactly when the request was made over TLS. */
  readonly peer?: Peer;
}

export type FetchOutcome = FetchAnswer | FetchFailure;

export function failed(code: FetchFailureCode, message: string, claimedId?: string): FetchFailure {
  return { kind: 'failed', code, message, guilt: guiltByCode[code], ...(claimedId === undefined ? {} : { claimedId }) };
}

/** The reason of our own stop signal is the failure to report. */
export function stopped(stop: AbortSignal): FetchFailure {
  return stop.reason === 'Timeout'
    ? failed('Timeout', 'no complete answer within the time limit')
    : failed('Aborted', 'the request was given up');
}
