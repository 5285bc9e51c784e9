/** A connection to one address: TCP, or mutual TLS with an X509-SVID on both sides. */

import { connect as connectTcp, type Socket, type TcpNetConnectOpts } from 'node:net';
import { createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { connectBounded } from '@agentcard-operator/wire/bounded';
import { workloadTls } from '@agentcard-operator/wire/tls';
import type { TrustBundle } from '../x509/bundle.ts';
import { type VerifiedPath, verifyPeer } from '../x509/path.ts';
import { presentedChain } from '../x509/presented.ts';
import type { X509Svid } from '../x509/svid.ts';
import { connectionFailure, handshakeFailure } from './errors.ts';
import { type FetchFailure, failed, type Peer, stopped } from './outcome.ts';

export interface Target {
  /** An IP address, so that no resolver decides who is asked. */
  readonly address: string;
  readonly port: number;
  readonly family: 4 | 6;
}

/** Ours, and the authorities of the one trust domain that the peer must belong to: a union would let one vouch for another. */
export interface Credentials {
  readonly svid: Pick<X509Svid, 'chainPem' | 'keyPem'>;
  readonly bundle: TrustBundle;
}

export interface Connection {
  readonly socket: Socket;
  readonly peer?: Peer;
}

export interface SecureConnection extends Connection {
  readonly peer: Peer;
}

const addressOf = ({ address, port, family }: Target): TcpNetConnectOpts => ({ host: address, port, family });

export function openTcp(target: Target, stop: AbortSignal): Promise<Connection | FetchFailure> {
  const socket = connectTcp(addressOf(target));
  return settled(socket, stop, { ready: 'connect', accept: () => ({ socket }), refuse: connectionFailure });
}

export function openTls(
  target: Target,
  credentials: Credentials,
  stop: AbortSignal,
): Promise<SecureConnection | FetchFailure> {
  const context = secureContext(credentials);
  if (context === undefined) return Promise.resolve(failed('NoIdentity', 'OpenSSL cannot use our SVID or the bundle'));
  const { bundle } = credentials;
  let proven: Peer | undefined;
  let chain: readonly Buffer[] = [];
  const judge = once(() => verifyPeer({ chain, bundle, now: new Date(), role: 'server' }));
  const { socket, lift } = connectBounded(addressOf(target), {
    secureContext: context,
    servername: '',
    rejectUnauthorized: true,
    ALPNProtocols: ['http/1.1'],
    // Asked once OpenSSL has said yes: both must.
    checkServerIdentity: () => {
      const checked = judge();
      if (!checked.ok) return new Error(checked.error.message);
      proven = peerOf(checked.value, chain);
      return undefined;
    },
  });
  // Before Node checks the leaf, and before it throws away a connection that does not verify, and the peer's claim with it.
  socket.prependOnceListener('secure', () => {
    chain = presentedChain(socket.getPeerX509Certificate());
  });
  const accept = (): SecureConnection | FetchFailure => {
    const peer = provePeer(socket, proven);
    lift(() => socket.bytesRead);
    return 'kind' in peer ? peer : { socket, peer };
  };
  const refuse = (error: Error): FetchFailure =>
    handshakeFailure(error, { bundle, leaf: chain[0], judge, unverified: isUnverified(socket) });
  return settled(socket, stop, { ready: 'secureConnect', accept, refuse });
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function peerOf({ id, leafNotBefore, leafNotAfter }: VerifiedPath, chain: readonly Buffer[]): Peer {
  return { id, chain, notBefore: leafNotBefore, notAfter: leafNotAfter };
}

/**
 * Who the peer is, once its handshake is done. A resumed session skips every check of certificates and has no certificate
 * of its own, so it proves nothing; no session is ever offered, and one that appears all the same fails here.
 */
export function provePeer(socket: TLSSocket, proven: Peer | undefined): Peer | FetchFailure {
  if (!socket.isSessionReused() && socket.authorized && proven !== undefined) return proven;
  return failed('SessionResumed', 'the TLS session was resumed, which proves no identity; the peer is asked again');
}

/** OpenSSL's verdict or that of `checkServerIdentity`, in contrast to a handshake that broke off. */
const isUnverified = (socket: TLSSocket): boolean => Boolean(socket.authorizationError);

/** One context per SVID and bundle, for as long as the identity holds both: a handshake costs half with it. */
const contexts = new WeakMap<Credentials['svid'], WeakMap<TrustBundle, SecureContext>>();

function secureContext({ svid, bundle }: Credentials): SecureContext | undefined {
  const known = contexts.get(svid)?.get(bundle);
  if (known !== undefined) return known;
  const perBundle = contexts.get(svid) ?? new WeakMap<TrustBundle, SecureContext>();
  contexts.set(svid, perBundle);
  try {
    const context = createSecureContext({
      ...workloadTls,
      cert: svid.chainPem,
      key: svid.keyPem,
      ca: [...bundle.pems],
      allowPartialTrustChain: true,
    });
    perBundle.set(bundle, context);
    return context;
  } catch {
    return undefined;
  }
}

interface Steps<C extends Connection> {
  readonly ready: 'connect' | 'secureConnect';
  readonly accept: () => C | FetchFailure;
  readonly refuse: (error: Error) => FetchFailure;
}

function settled<C extends Connection>(
  socket: Socket,
  stop: AbortSignal,
  { ready, accept, refuse }: Steps<C>,
): Promise<C | FetchFailure> {
  return new Promise((resolve) => {
    const settle = (result: C | FetchFailure): void => {
      stop.removeEventListener('abort', abandon);
      if ('kind' in result) socket.destroy();
      resolve(result);
    };
    const abandon = (): void => settle(stopped(stop));
    socket.once(ready, () => settle(accept()));
    socket.on('error', (error) => settle(refuse(error)));
    socket.once('close', () => settle(failed('ConnectionReset', 'the peer closed the connection')));
    if (stop.aborted) abandon();
    else stop.addEventListener('abort', abandon, { once: true });
  });
}
