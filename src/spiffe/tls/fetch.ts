/** One connection to one address, or one document from it. No redirects, no proxy, no reuse of connections or sessions, no second chance. */

import { isIP } from 'node:net';
import { parseSpiffeId, type TrustDomain } from '../id.ts';
import type { IdentitySnapshot } from '../workload-api/identity.ts';
import { type Connection, type Credentials, openTcp, openTls, type SecureConnection, type Target } from './connect.ts';
import { exchange, type Question } from './exchange.ts';
import { type FetchFailure, type FetchOutcome, failed } from './outcome.ts';

/** Who we are, and the trust domains of which the peer must be one. */
export interface MutualTls {
  readonly identity: Pick<IdentitySnapshot, 'bundles'> & { readonly svid?: Credentials['svid'] };
  readonly trustDomains: readonly TrustDomain[];
}

export interface FetchRequest extends Target, Question {
  /** Absent: plain HTTP. */
  readonly tls?: MutualTls;
  readonly signal: AbortSignal;
}

/** A connection whose peer is proven, and is the caller's to close. Which workload it is, is reported and not judged. Never rejects. */
export async function connect(
  target: Target,
  tls: MutualTls,
  signal: AbortSignal,
): Promise<SecureConnection | FetchFailure> {
  return isAddress(target) ? openExpected(target, tls, signal) : noAddress();
}

/**
 * Over TLS, the peer is proven to be a workload of an expected trust domain before a byte of the request leaves; which
 * workload is reported and not judged. Never rejects.
 */
export async function fetch(request: FetchRequest): Promise<FetchOutcome> {
  if (!isAddress(request)) return noAddress();
  if (!/^\/[\x21-\x7e]*$/.test(request.path)) {
    return failed('RequestInvalid', 'the request needs a path of printable characters without spaces');
  }
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort('Timeout'), request.limits.timeoutMs);
  const abort = (): void => stop.abort('Aborted');
  if (request.signal.aborted) abort();
  request.signal.addEventListener('abort', abort, { once: true });
  try {
    const connection = await open(request, stop.signal);
    if ('kind' in connection) return connection;
    const outcome = await exchange(connection.socket, request, stop.signal);
    return connection.peer ? { ...outcome, peer: connection.peer } : outcome;
  } finally {
    clearTimeout(timer);
    request.signal.removeEventListener('abort', abort);
  }
}

/** Sockets throw at any other port, and a promise that never rejects would. */
const isAddress = ({ address, family, port }: Target): boolean =>
  isIP(address) === family && Number.isInteger(port) && port > 0 && port < 65_536;

const noAddress = (): FetchFailure =>
  failed('RequestInvalid', 'the request needs an IP address of its family and a port from 1 to 65535');

function open(request: FetchRequest, stop: AbortSignal): Promise<Connection | FetchFailure> {
  return request.tls ? openExpected(request, request.tls, stop) : openTcp(request, stop);
}

/**
 * Tries one trust domain's bundle, and when the peer turns out to claim another expected one, that one's: bundles are
 * never joined, because each authority would then vouch for all.
 */
async function openExpected(
  target: Target,
  { identity, trustDomains }: MutualTls,
  stop: AbortSignal,
): Promise<SecureConnection | FetchFailure> {
  const { svid } = identity;
  if (svid === undefined) return failed('NoIdentity', 'we have no SVID to ask with');
  const bundles = trustDomains
    .flatMap((name) => identity.bundles.get(name) ?? [])
    .filter(({ pems }) => pems.length > 0);
  const [first] = bundles;
  if (first === undefined) return noBundle(trustDomains);
  const result = await openTls(target, { svid, bundle: first }, stop);
  const claimed = 'kind' in result && result.code === 'TrustDomainMismatch' ? domainOf(result.claimedId) : undefined;
  if (claimed === undefined || !trustDomains.includes(claimed)) return result;
  const second = bundles.find(({ trustDomain }) => trustDomain === claimed);
  return second ? openTls(target, { svid, bundle: second }, stop) : noBundle([claimed]);
}

function noBundle(trustDomains: readonly TrustDomain[]): FetchFailure {
  return failed('NoBundle', `we know no authority of trust domain ${trustDomains.join(', ')}`);
}

function domainOf(claimedId = ''): TrustDomain | undefined {
  const id = parseSpiffeId(claimedId);
  return id.ok ? id.value.trustDomain : undefined;
}
