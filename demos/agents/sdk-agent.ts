import { lookup } from 'node:dns/promises';
import { createServer } from 'node:http';
import { ClientFactory, DefaultAgentCardResolver } from '@a2a-js/sdk/client';
import { createSpiffeServer } from '../../src/agent/spiffe-server.ts';
import { fetch as fetchProven } from '../../src/spiffe/tls/fetch.ts';
import { IdentitySource } from '../../src/spiffe/workload-api/identity.ts';
import { workloadApi } from '../../src/spiffe/workload-api/stream.ts';
import { cardPath, textMessage, weatherService } from './weather-service.ts';

const help = `An A2A agent on the JavaScript SDK.

  sdk-agent.mjs serve          the card and JSON-RPC, over HTTP on 8080 and over SPIFFE mutual TLS on 8443
  sdk-agent.mjs call <url>     http://<host>:<port>   ask that agent something
                               https://<ip>:<port>    fetch its card over mutual TLS and say who proved to serve it

Environment: AGENT_URL (what the card says), SPIFFE_ENDPOINT_SOCKET
`;

const patienceMs = 3_000;
const log = (line: string): void => console.log(line);

function newIdentity(signal: AbortSignal): IdentitySource {
  const address = process.env.SPIFFE_ENDPOINT_SOCKET ?? '';
  const identity = new IdentitySource({ workloadApi: workloadApi(address), clock: Date.now });
  void identity.start(signal);
  return identity;
}

async function serve(signal: AbortSignal): Promise<void> {
  const handler = weatherService(process.env.AGENT_URL ?? 'http://localhost:8080/');
  const http = createServer(handler).listen(8080);
  const identity = newIdentity(signal);
  await identity.ready(signal);
  log(`serving as ${identity.current().svid?.id.uri}`);
  const https = createSpiffeServer({ identity, handler, onRefused: ({ message }) => log(`refused: ${message}`) });
  https.listen(8443);
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  for (const server of [http, https]) {
    server.close();
    server.closeAllConnections();
  }
}

/** A conversation through the SDK's client, at the address that was asked for rather than the one that the card names. */
async function ask(url: string): Promise<string> {
  const fetchImpl: typeof fetch = (input, init) => fetch(input, { ...init, signal: AbortSignal.timeout(patienceMs) });
  const card = await new DefaultAgentCardResolver({ fetchImpl }).resolve(url, cardPath);
  const supportedInterfaces = card.supportedInterfaces.map((one) => ({ ...one, url: `${url}/` }));
  const client = await new ClientFactory().createFromAgentCard({ ...card, supportedInterfaces });
  const request = { message: textMessage('Will it rain?', 'user'), tenant: '', metadata: undefined };
  const reply = await client.sendMessage(
    { ...request, configuration: undefined },
    { signal: AbortSignal.timeout(patienceMs) },
  );
  const part = 'parts' in reply ? reply.parts[0]?.content : undefined;
  return `${card.name} says: ${part?.$case === 'text' ? part.value : JSON.stringify(reply)}`;
}

async function identify(url: URL): Promise<string> {
  const signal = AbortSignal.timeout(patienceMs);
  const identity = newIdentity(signal);
  await identity.ready(signal);
  const { svid } = identity.current();
  if (svid === undefined) throw new Error('the Workload API gave no SVID');
  const { address, family } = await lookup(url.hostname);
  const outcome = await fetchProven({
    ...{ address, port: Number(url.port), family: family === 6 ? 6 : 4, hostHeader: url.host, path: cardPath, signal },
    tls: { identity: identity.current(), trustDomains: [svid.id.trustDomain] },
    limits: { timeoutMs: patienceMs, maxBytes: 262_144, maxHeaderBytes: 16_384 },
  });
  if (outcome.kind === 'failed') throw new Error(outcome.message);
  return `${outcome.peer?.id.uri} serves ${JSON.parse(outcome.body.toString()).name}`;
}

async function main([command, url = '']: readonly string[]): Promise<number> {
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());
  if (command === 'serve') {
    await serve(stop.signal);
    return 0;
  }
  if (command !== 'call' || !URL.canParse(url)) {
    process.stderr.write(help);
    return 2;
  }
  try {
    log(await (url.startsWith('https:') ? identify(new URL(url)) : ask(url)));
    return 0;
  } catch (error) {
    log(`no answer: ${reasonOf(error)}`);
    return 1;
  }
}

function reasonOf(error: unknown): string {
  const { cause, message, name } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? (name === 'TimeoutError' ? 'timeout' : message);
}

process.exit(await main(process.argv.slice(2)));
