import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ApiError } from '@agentcard-operator/kube';
import { Trouble } from '../command.ts';
import type { Answers } from './answers.ts';
import type { PageFile, PageFiles } from './assets.ts';
import { type Asked, admit, cookieName, safeHeaders } from './guard.ts';
import type { Live } from './live.ts';
import { orderFrom } from './order.ts';
import { shown } from './rows.ts';
import type { Told } from './view.ts';

export interface Site {
  readonly files: PageFiles;
  readonly live: Pick<Live, 'everything' | 'subscribe'>;
  readonly answers: Answers;
  /** An unguessable text. */
  readonly secret: () => string;
}

const json = 'application/json; charset=utf-8';
const plain = (text: string): PageFile => ({ type: 'text/plain; charset=utf-8', body: `${text}\n` });
const longestOrder = 4_096;
/** Bytes that a window may be behind. */
const longestBacklog = 64 * 1024 * 1024;

/** Serves the page on loopback alone; port 0 takes any. The URL lets one browser in, once. */
export async function serve(site: Site, port: number) {
  const session = site.secret();
  let token: string | undefined = site.secret();
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(safeHeaders)) response.setHeader(name, value);
    const admission = admit(askedBy(request), { port: portOf(server), token, session });
    if (admission.kind === 'refused') return answer(response, 403, plain(admission.message));
    if (admission.kind === 'in') {
      void route(site, request, response).catch((error: unknown) => failed(response, error));
      return;
    }
    token = undefined;
    const cookie = `${cookieName(portOf(server))}=${session}; HttpOnly; SameSite=Strict; Path=/`;
    answer(response, 200, exchanged, { 'set-cookie': cookie });
  });
  await once(server.listen(port, '127.0.0.1'), 'listening').catch(({ code, message }) => {
    throw new Trouble(code === 'EADDRINUSE' ? `port ${port} is taken: name another with --port` : message);
  });
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { port: portOf(server), url: `http://127.0.0.1:${portOf(server)}/?token=${token}`, close };
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;

function askedBy({ url = '', method = '', headers }: IncomingMessage): Asked {
  const parsed = URL.parse(url, 'http://page');
  const { host, origin, cookie, 'sec-fetch-site': site } = headers;
  const token = parsed?.searchParams.get('token') ?? undefined;
  return { method, path: parsed?.pathname ?? '', token, host, origin, cookie, site: site?.toString() };
}

/**
 * From its own page the browser goes on with the cookie, which SameSite=Strict keeps back after a link from elsewhere.
 * Without a named icon it would ask for /favicon.ico first.
 */
const exchanged: PageFile = {
  type: 'text/html; charset=utf-8',
  body: '<!doctype html><link rel="icon" href="/icon.svg"><meta http-equiv="refresh" content="0;url=/"><title>AgentCards</title><a href="/">AgentCards</a>',
};

function answer(response: ServerResponse, status: number, { type, body }: PageFile, headers: object = {}): void {
  response.writeHead(status, { 'content-type': type, ...headers }).end(body);
}

async function route(
  { files, answers, live }: Site,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { path, method } = askedBy(request);
  const say = (value: unknown) => {
    const body = JSON.stringify(value ?? { message: 'there is no such card' });
    answer(response, value === undefined ? 404 : 200, { type: json, body });
  };
  if (method === 'POST' && path === '/api/order') return say(await answers.obey(await orderOf(request)));
  if (method !== 'GET') return answer(response, 405, plain('this page is asked by GET'));
  const [, kind = '', key = ''] = /^\/api\/(agent|reach|rights)\/([^/]+\/[^/]+)$/.exec(path) ?? [];
  if (kind === 'agent' || kind === 'reach' || kind === 'rights') return say(await answers[kind](key));
  if (path === '/api/map') return say(await answers.map());
  if (path === '/api/feed') return feed(live, response);
  // Each state of the page has its URL, and all of them are this page.
  const file = files[/^\/(fleet|map|agent\/[^/]+\/[^/]+)$/.test(path) ? '/' : path];
  answer(response, file === undefined ? 404 : 200, file ?? plain('there is no such page: the fleet is at /'));
}

function failed(response: ServerResponse, error: unknown): void {
  const told = error instanceof Trouble || error instanceof ApiError;
  const message = told ? shown(error.message, 1_000) : 'internal error; please report it';
  if (response.headersSent) response.destroy();
  else answer(response, told ? 409 : 500, { type: json, body: JSON.stringify({ message }) });
}

async function orderOf(request: IncomingMessage) {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk;
    if (text.length > longestOrder) throw new Trouble('this order is too long');
  }
  const order = request.headers['content-type'] === 'application/json' ? orderFrom(text) : undefined;
  if (order === undefined)
    throw new Trouble('this is no order: reload the page, and give a reason of 1 to 256 characters');
  return order;
}

/** Server-sent events: everything first, then each difference. */
function feed(live: Site['live'], response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  const tell = (told: Told) => {
    response.write(`data: ${JSON.stringify(told)}\n\n`);
    // A window that does not read begins anew with everything when it comes back.
    if (response.writableLength > longestBacklog) response.destroy();
  };
  response.write('retry: 1000\n\n');
  response.on('close', live.subscribe(tell));
  tell(live.everything());
}
