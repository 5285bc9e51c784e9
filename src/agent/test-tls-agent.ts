#!/usr/bin/env node
/** `test-tls-agent`: the smallest agent whose identity can be proven. */

import { createServer, type Server as HttpServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { IdentitySource, workloadApi } from '@agentcard-operator/spiffe/workload-api';
import manifest from '../../package.json' with { type: 'json' };
import { cardHandler, wellKnownPath } from './card-handler.ts';
import { createSpiffeServer } from './spiffe-server.ts';

const helpText = `test-tls-agent serves an A2A AgentCard over HTTP and over SPIFFE mutual TLS.

HTTP starts at once. TLS starts when the Workload API delivers an SVID, follows every rotation, and takes clients
of all trust domains whose bundles the Workload API delivers.

  GET ${wellKnownPath}   the card
  GET /healthz                        200

Environment:
  SPIFFE_ENDPOINT_SOCKET  the Workload API, for example unix:///spiffe-workload-api/spire-agent.sock; unset: HTTP only
  TLS_PORT                8443
  HTTP_PORT               8080
  AGENT_NAME              tls-test-agent
  POD_NAMESPACE           default
  AGENT_CARD_PATH         a file to serve instead of the built-in card, read again for each request
`;

export type Log = (line: string) => void;

/** Runs until the signal is aborted. Rejects when a port is invalid or taken. */
export async function runTestAgent(env: NodeJS.ProcessEnv, log: Log, signal: AbortSignal): Promise<void> {
  const { SPIFFE_ENDPOINT_SOCKET: address, AGENT_CARD_PATH: cardPath } = env;
  const settings = {
    name: env.AGENT_NAME || 'tls-test-agent',
    namespace: env.POD_NAMESPACE || 'default',
    httpPort: portOf('HTTP_PORT', env.HTTP_PORT || '8080'),
    ...(cardPath && { cardPath }),
  };
  const tlsPort = portOf('TLS_PORT', env.TLS_PORT || '8443');
  const handler = cardHandler(settings);
  await using servers = new AsyncDisposableStack();
  const http = createServer(handler);
  servers.defer(() => close(http));
  log(`http listens on ${await listen(http, settings.httpPort)}`);
  if (!address) log('tls is off: SPIFFE_ENDPOINT_SOCKET is not set');
  else await serveTls({ address, port: tlsPort, handler }, { log, signal, servers });
  await untilAborted(signal);
}

interface Running {
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly servers: AsyncDisposableStack;
}

async function serveTls(
  { address, port, handler }: { address: string; port: number; handler: RequestListener },
  { log, signal, servers }: Running,
): Promise<void> {
  const identity = new IdentitySource({ workloadApi: workloadApi(address), clock: Date.now });
  const stop = new AbortController();
  const following = identity.start(AbortSignal.any([signal, stop.signal]));
  servers.defer(() => {
    stop.abort();
    return following;
  });
  logIdentity(identity, log);
  try {
    await identity.ready(signal);
  } catch {
    return;
  }
  const server = createSpiffeServer({ identity, handler, onRefused: ({ message }) => log(`refused: ${message}`) });
  servers.defer(() => close(server));
  log(`tls listens on ${await listen(server, port)}`);
}

function logIdentity(identity: IdentitySource, log: Log): void {
  identity.onChange(({ epoch, state, svid, lastError }, before) => {
    if (lastError !== undefined) log(`identity ${state}: ${lastError.message}`);
    else if (epoch !== before.epoch) log(`identity ${state}: ${svid?.id.uri}`);
  });
}

function portOf(name: string, text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port < 65536) return port;
  throw new Error(`${name} must be a port number, not ${JSON.stringify(text)}`);
}

function listen(server: HttpServer, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, () => resolve((server.address() as AddressInfo).port));
  });
}

function close(server: HttpServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

async function main(): Promise<void> {
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  if (process.argv.length > 2) {
    const version = `test-tls-agent ${manifest.version} (Node ${process.version})\n`;
    const answer = new Map([
      ['--help', helpText],
      ['-h', helpText],
      ['--version', version],
    ]).get(process.argv[2] ?? '');
    process[answer === undefined ? 'stderr' : 'stdout'].write(answer ?? helpText);
    process.exitCode = answer === undefined ? 2 : 0;
    return;
  }
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());
  try {
    await runTestAgent(process.env, log, stop.signal);
  } catch (error) {
    log(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}

if (import.meta.main) await main();
