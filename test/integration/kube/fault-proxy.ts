import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request as httpsRequest } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiServer } from '../../cluster/api-server.ts';
import { makePki } from '../../cluster/pki.ts';

/** How a live stream is ended. */
export const cuts = [
  'reset',
  'half-close',
  'clean-end',
  'cut-line-and-reset',
  'cut-line-and-end',
  'gone-event',
] as const;
export type Cut = (typeof cuts)[number];

/** What new requests meet: the API server, silence, or an error of the proxy's own. */
export type Mode =
  | 'pass'
  | 'silence'
  | 'refuse-connections'
  | { readonly status: number; readonly retryAfter?: number };

export const outages: readonly (readonly [string, Mode])[] = [
  ['401', { status: 401 }],
  ['403', { status: 403 }],
  ['410', { status: 410 }],
  ['429 with Retry-After', { status: 429, retryAfter: 1 }],
  ['500', { status: 500 }],
  ['503', { status: 503 }],
  ['resets of every connection', 'refuse-connections'],
];

interface Stream {
  readonly socket: Socket;
  readonly response: ServerResponse;
  readonly upstream: IncomingMessage;
  /** Nothing is passed on any more, though the connection stands. */
  frozen: boolean;
}

const goneLine = `${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } })}\n`;

/** Terminates TLS in front of the API server, counts requests and breaks them on demand. */
export class FaultProxy {
  readonly url: string;
  readonly caPem: string;
  readonly requests: { readonly at: number; readonly url: string; readonly watch: boolean }[] = [];
  mode: Mode = 'pass';
  /** Returns false for a line of a watch that is to vanish. */
  letPass: (line: string) => boolean = () => true;
  readonly #api: ApiServer;
  readonly #agent: Agent;
  readonly #streams = new Set<Stream>();
  readonly #raw = new Map<string, Socket>();
  #close: () => Promise<void> = async () => {};

  private constructor(api: ApiServer, caPem: string, url: string) {
    this.#api = api;
    this.#agent = new Agent({ keepAlive: true, ca: api.caPem });
    this.caPem = caPem;
    this.url = url;
  }

  static async start(api: ApiServer): Promise<FaultProxy> {
    const home = await mkdtemp(join(tmpdir(), 'fault-proxy-'));
    await makePki(home, [{ name: 'proxy', subject: '/CN=proxy', names: ['IP:127.0.0.1'], usage: 'server' }]);
    const read = (name: string) => readFile(join(home, name), 'utf8');
    const [ca, cert, key] = await Promise.all([read('ca.crt'), read('proxy.crt'), read('proxy.key')]);
    await rm(home, { recursive: true });
    const handler = (request: IncomingMessage, response: ServerResponse) => proxy.#serve(request, response);
    const https = createServer({ cert, key }, handler);
    const tcp = createTcpServer((socket) => proxy.#accept(socket, () => https.emit('connection', socket)));
    await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
    const proxy = new FaultProxy(api, ca, `https://127.0.0.1:${(tcp.address() as AddressInfo).port}`);
    proxy.#close = async () => {
      const closed = new Promise((resolve) => tcp.close(resolve));
      for (const socket of proxy.#raw.values()) socket.destroy();
      proxy.#agent.destroy();
      await closed;
    };
    return proxy;
  }

  close(): Promise<void> {
    return this.#close();
  }

  get streams(): number {
    return this.#streams.size;
  }

  /** Ends every live stream in that way. */
  cut(how: Cut): void {
    for (const stream of this.#streams) {
      const { response, socket } = stream;
      stream.frozen = true;
      if (how.startsWith('cut-line')) response.write('{"type":"MODIFIED","object":{"metadata":{"name":"a');
      if (how === 'gone-event') response.end(goneLine);
      else if (how.endsWith('reset')) setTimeout(() => socket.resetAndDestroy(), 5);
      else if (how === 'half-close') socket.end();
      else response.end();
    }
  }

  /** Live streams stay open, but nothing comes through any more. */
  freeze(): void {
    for (const stream of this.#streams) stream.frozen = true;
  }

  #accept(socket: Socket, pass: () => void): void {
    socket.on('error', () => {});
    if (this.mode === 'refuse-connections') {
      socket.resetAndDestroy();
      return;
    }
    const name = `${socket.remoteAddress}:${socket.remotePort}`;
    this.#raw.set(name, socket);
    socket.on('close', () => this.#raw.delete(name));
    pass();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    response.on('error', () => {});
    const watch = request.url?.includes('watch=1') ?? false;
    this.requests.push({ at: performance.now(), url: request.url ?? '', watch });
    if (typeof this.mode === 'object') {
      const { status, retryAfter } = this.mode;
      const headers = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
      const body = JSON.stringify({ kind: 'Status', code: status, reason: 'Injected', message: 'by the proxy' });
      response.writeHead(status, headers).end(body);
    } else if (this.mode === 'pass') this.#forward(request, response);
  }

  #forward(request: IncomingMessage, response: ServerResponse): void {
    const { method, url, headers } = request;
    const target = new URL(url ?? '/', this.#api.url);
    const upstream = httpsRequest(target, { agent: this.#agent, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, { ...answer.headers, connection: 'keep-alive' });
      response.flushHeaders();
      if (url?.includes('watch=1') && answer.statusCode === 200) this.#stream(request, response, answer);
      else answer.on('error', () => response.destroy()).pipe(response);
    });
    upstream.on('error', () => response.destroy());
    response.on('close', () => upstream.destroy());
    request.pipe(upstream);
  }

  #stream(request: IncomingMessage, response: ServerResponse, upstream: IncomingMessage): void {
    const raw = this.#raw.get(`${request.socket.remoteAddress}:${request.socket.remotePort}`);
    if (raw === undefined) {
      // The client went as its answer came; that it closed is told after this.
      upstream.destroy();
      return;
    }
    const stream: Stream = { socket: raw, response, upstream, frozen: false };
    this.#streams.add(stream);
    let rest = '';
    upstream.setEncoding('utf8');
    upstream.on('data', (text: string) => {
      const lines = `${rest}${text}`.split('\n');
      rest = lines.pop() ?? '';
      if (!stream.frozen) for (const line of lines) if (this.letPass(line)) response.write(`${line}\n`);
    });
    upstream.on('error', () => response.destroy());
    upstream.on('end', () => response.end());
    response.on('close', () => this.#streams.delete(stream));
  }
}
