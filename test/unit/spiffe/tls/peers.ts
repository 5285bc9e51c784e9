/** Agents, good and bad, for one test each: everything that listens is closed when the test ends. */

import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { TrustDomain } from '../../../../src/spiffe/id.ts';
import { type FetchRequest, fetch } from '../../../../src/spiffe/tls/fetch.ts';
import type { FetchFailure, FetchOutcome } from '../../../../src/spiffe/tls/outcome.ts';
import { identityOf } from '../../../pki/identity.ts';
import { bundle, keyPemOf, type Minted, pemOf, root, svid } from '../../../pki/mint.ts';

export const domainA = 'a.test' as TrustDomain;
export const domainB = 'b.test' as TrustDomain;
export const agentId = 'spiffe://a.test/ns/team1/sa/agent';
export const [rootA, rootB] = [root(domainA), root(domainB)];
export const agentSvid = svid(rootA, agentId);
export const identity = identityOf([svid(rootA, 'spiffe://a.test/ns/sys/sa/operator')], bundle(domainA, rootA));

/** What a server needs to speak SPIFFE mutual TLS. */
export const tlsOptions = (
  chain: readonly Minted[],
  authorities: readonly Minted[] = [rootA, rootB],
): ServerOptions => {
  const [leaf] = chain;
  if (leaf === undefined) throw new Error('a server needs a certificate');
  return { cert: pemOf(...chain), key: keyPemOf(leaf), ca: pemOf(...authorities), requestCert: true };
};

/** Returns the port. */
export async function listen(server: Server, host = '127.0.0.1'): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
  onTestFinished(() => {
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

export const answer: RequestListener = (_request, response) => response.end('{"name":"agent"}');

export function https(handler: RequestListener = answer, options = tlsOptions([agentSvid])): Promise<number> {
  const server = createHttpsServer(options, handler);
  onTestFinished(() => server.closeAllConnections());
  return listen(server);
}

export function http(handler: RequestListener): Promise<number> {
  const server = createHttpServer(handler);
  onTestFinished(() => server.closeAllConnections());
  return listen(server);
}

export function tcp(accept: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  return listen(
    createTcpServer((socket) => {
      sockets.add(socket.on('error', () => undefined));
      accept(socket);
    }),
  );
}

export function ask(port: number, change: Partial<FetchRequest> = {}): Promise<FetchOutcome> {
  return fetch({
    address: '127.0.0.1',
    port,
    family: 4,
    path: '/.well-known/agent-card.json',
    hostHeader: 'agent.team1.svc',
    limits: { maxBytes: 1024 * 1024, timeoutMs: 10_000, maxHeaderBytes: 16 * 1024 },
    signal: new AbortController().signal,
    ...change,
  });
}

export const askTls = (port: number, change: Partial<FetchRequest> = {}): Promise<FetchOutcome> =>
  ask(port, { tls: { identity, trustDomains: [domainA] }, ...change });

export function failure(outcome: FetchOutcome): FetchFailure {
  if (outcome.kind === 'answer') throw new Error(`expected a failure, got ${outcome.status}`);
  return outcome;
}
