/** An agent that plays whatever part a test gives it: a good one, a broken one, a silent one. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import { createSpiffeServer } from '../../../src/agent/spiffe-server.ts';
import { IdentitySource } from '../../../src/spiffe/workload-api/identity.ts';
import { workloadApi } from '../../../src/spiffe/workload-api/stream.ts';

export const parts = [
  'good',
  'empty',
  'huge',
  'redirect',
  'drip',
  'bad-utf8',
  'duplicate-keys',
  'deep',
  'silent',
  'reset',
  'error-500',
] as const;
export type Part = (typeof parts)[number];

export interface Role {
  readonly part: Part;
  readonly card: object;
  /** An address and port to which the TLS port passes every connection on, untouched; empty: it answers itself. */
  readonly relay: string;
}

const { AGENT_NAME = 'puppet', SPIFFE_ENDPOINT_SOCKET: socket } = process.env;

let role: Role = { part: 'good', card: cardOf(AGENT_NAME), relay: '' };
/** Connections to the TLS port. */
let dials = 0;

function cardOf(name: string): object {
  return {
    name,
    description: 'An agent for tests.',
    version: '1.0.0',
    supportedInterfaces: [{ url: `http://${name}.test/`, protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
    capabilities: { streaming: true },
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain'],
    skills: [{ id: 'play', name: 'Play', description: 'Plays a part.', tags: ['test'] }],
  };
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  if (request.url === '/healthz') response.end('ok');
  else if (request.url === '/.well-known/agent-card.json') playing[role.part](request, response);
  else response.writeHead(404).end();
}

const good = () => JSON.stringify(role.card);
const json = (body: () => string | Buffer) => (_: IncomingMessage, response: ServerResponse) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end(body());
};

const playing: Readonly<Record<Part, (request: IncomingMessage, response: ServerResponse) => void>> = {
  good: json(good),
  empty: json(() => '{}'),
  huge: json(() => `{"name":"${'x'.repeat(2 << 20)}"}`),
  redirect: (_, response) => {
    response.writeHead(302, { location: 'http://127.0.0.1:8080/.well-known/agent-card.json' }).end();
  },
  drip: (_, response) => drip(response, good()),
  'bad-utf8': json(() => Buffer.from(good().replace('tests', 'tests\u00ff'), 'latin1')),
  'duplicate-keys': json(() => good().replace('{', '{"name":"Somebody else",')),
  deep: json(() => `${'{"a":'.repeat(500)}1${'}'.repeat(500)}`),
  silent: () => {},
  reset: (request) => request.socket.destroy(),
  'error-500': (_, response) => {
    response.writeHead(500).end('no');
  },
};

/** One byte a second: every byte is progress, and the whole never ends in time. */
function drip(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  let sent = 0;
  const timer = setInterval(() => response.write(text[sent++] ?? ' '), 1_000);
  response.on('close', () => clearInterval(timer));
}

/** The director: only this pod's own processes reach it. */
createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    if (chunks.length > 0) role = { ...role, ...(JSON.parse(Buffer.concat(chunks).toString('utf8')) as Partial<Role>) };
    response.end(String(dials));
  });
}).listen(8079, '127.0.0.1');

createServer(serve).listen(8080);

if (socket !== undefined) {
  const identity = new IdentitySource({ clock: () => Date.now(), workloadApi: workloadApi(socket) });
  const server = createSpiffeServer({ identity, handler: serve });
  createTcpServer((socket) => {
    dials += 1;
    const [host = '', port = ''] = role.relay.split(':');
    if (role.relay === '') server.emit('connection', socket);
    else socket.pipe(connect(Number(port), host).on('error', () => socket.destroy())).pipe(socket);
    socket.on('error', () => {});
  }).listen(8443);
  void identity.start(new AbortController().signal);
}
process.on('SIGTERM', () => process.exit(0));
