import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { Registry } from 'prom-client';

/** True or undefined is good; false or a sentence for people is not. It must answer at once. */
export type Probe = () => boolean | string | undefined;

/** A body in parts is sent part by part. */
export type Answer = { readonly status: number; readonly body: string | readonly string[]; readonly type?: string };
/** `from`: the address of who asks. Undefined: there is no such path. */
export type Respond = (
  path: string,
  query: URLSearchParams,
  from: string,
) => Answer | undefined | Promise<Answer | undefined>;

export interface HttpServer {
  readonly port: number;
  close(): Promise<void>;
}

/** `/metrics`, and what else is to be had there, on `address`: `:8080`, `127.0.0.1:8080`, `[::1]:8080`; `0` is none. */
export function serveMetrics(address: string, registry: Registry, more?: Respond): Promise<HttpServer | undefined> {
  return serve(address, async (path, query, from) => {
    if (path === '/metrics') return { status: 200, body: await registry.metrics(), type: registry.contentType };
    return (await more?.(path, query, from)) ?? { status: 404, body: 'see /metrics\n' };
  });
}

/** Named probes behind `/healthz` and `/readyz`, each also alone as `/readyz/<name>`; `?verbose` lists them. */
export class Health {
  readonly #probes = { '/healthz': new Map<string, Probe>(), '/readyz': new Map<string, Probe>() };

  /** Fails when only a restart can help. */
  addHealthProbe(name: string, probe: Probe): void {
    this.#probes['/healthz'].set(name, probe);
  }

  /** Fails while this replica should not be counted on. */
  addReadyProbe(name: string, probe: Probe): void {
    this.#probes['/readyz'].set(name, probe);
  }

  serve(address: string): Promise<HttpServer | undefined> {
    return serve(address, (path, query) => this.respond(path, query.has('verbose')));
  }

  respond(path: string, verbose: boolean): Answer {
    const [, root = '', only] = path.split('/');
    const probes = root === 'healthz' || root === 'readyz' ? this.#probes[`/${root}`] : undefined;
    const chosen = [...(probes ?? [])].filter(([name]) => only === undefined || name === only);
    if (probes === undefined || (only !== undefined && chosen.length === 0)) {
      return { status: 404, body: 'see /healthz and /readyz\n' };
    }
    const results = chosen.map(([name, probe]) => ({ name, failure: run(probe) }));
    const good = results.every(({ failure }) => failure === undefined);
    const lines = results.map(({ name, failure }) =>
      failure === undefined ? `[+]${name} ok` : `[-]${name} failed: ${failure}`,
    );
    const body = verbose || !good ? [...lines, `${root} check ${good ? 'passed' : 'failed'}`].join('\n') : 'ok';
    return { status: good ? 200 : 503, body: `${body}\n` };
  }
}

/** Why a probe fails. */
function run(probe: Probe): string | undefined {
  try {
    const result = probe();
    if (result === false) return 'no';
    return result === true ? undefined : result;
  } catch (error) {
    return error instanceof Error ? error.message : 'it threw';
  }
}

/** In all, and of one address once they are idle: far more than probes and scrapes need at one time. */
const connections = { most: 256, perAddress: 16, idleMs: 1_000 };

/** While the event loop is busy, more than Node's 511 may knock, of whom the kernel would turn the last away. */
const backlog = 4_096;

/**
 * Whoever holds connections keeps no probe out. A new one always comes in; what has been unused for longest goes, from
 * among those of the address that holds most. A burst may exceed the share of its address until it is idle, so that a
 * probe from behind the same address is answered in its turn.
 */
function boundConnections(server: Server): void {
  /** The idlest first. */
  const open = new Map<Socket, { readonly address: string; readonly usedAt: number }>();
  const use = (socket: Socket, address: string): void => {
    open.delete(socket);
    open.set(socket, { address, usedAt: performance.now() });
  };
  const evict = (socket: Socket): void => {
    open.delete(socket);
    socket.destroy();
  };
  server.on('request', ({ socket }: IncomingMessage) => {
    const held = open.get(socket);
    if (held !== undefined) use(socket, held.address);
  });
  server.on('connection', (socket: Socket) => {
    use(socket, socket.remoteAddress ?? '');
    socket.once('close', () => open.delete(socket));
    const crowds = [...Map.groupBy(open, ([, { address }]) => address).values()];
    const idleSince = performance.now() - connections.idleMs;
    for (const [held, { usedAt }] of crowds.flatMap((crowd) => crowd.slice(0, -connections.perAddress))) {
      if (usedAt <= idleSince) evict(held);
    }
    const [idlest] = crowds.reduce((most, crowd) => (crowd.length > most.length ? crowd : most));
    if (open.size > connections.most && idlest !== undefined) evict(idlest[0]);
  });
}

async function serve(address: string, respond: Respond): Promise<HttpServer | undefined> {
  if (address === '0' || address === '') return undefined;
  // Who sends nothing is found within a second, instead of Node's half minute.
  const timeouts = { requestTimeout: 10_000, headersTimeout: 5_000, connectionsCheckingInterval: 1_000 };
  const server = createServer({ ...timeouts, maxHeaderSize: 8_192 });
  server.maxRequestsPerSocket = 1;
  boundConnections(server);
  server.on('request', (request, response) => void answer(request, response, respond));
  await listen(server, address);
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, respond: Respond): Promise<void> {
  request.resume();
  const [path = '', query] = (request.url ?? '').split('?', 2);
  let answer: Answer = { status: 405, body: 'GET only\n' };
  try {
    if (request.method === 'GET' || request.method === 'HEAD') {
      answer = (await respond(path, new URLSearchParams(query), request.socket.remoteAddress ?? '')) ?? {
        status: 404,
        body: '',
      };
    }
  } catch {
    answer = { status: 500, body: 'failed\n' };
  }
  response.writeHead(answer.status, {
    'content-type': answer.type ?? 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    connection: 'close',
  });
  const { body } = answer;
  if (request.method === 'HEAD') response.end();
  else if (typeof body === 'string') response.end(body);
  else Readable.from(body).pipe(response);
}

function listen(server: Server, address: string): Promise<void> {
  const [, host, port] = /^(.*):(\d{1,5})$/.exec(address) ?? [];
  if (port === undefined || Number(port) > 65_535) {
    throw new Error(`"${address}" is no address to listen on: write :8080 or 127.0.0.1:8080, or 0 for none`);
  }
  const bare = host?.replace(/^\[(.*)\]$/, '$1');
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: Number(port), backlog, ...(bare ? { host: bare } : {}) }, () => {
      server.off('error', reject);
      server.on('error', () => {});
      resolve();
    });
  });
}
