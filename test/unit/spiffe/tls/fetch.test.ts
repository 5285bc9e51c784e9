import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer as createHttp2Server, createSecureServer as createSecureHttp2Server } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { FetchRequest } from '../../../../src/spiffe/tls/fetch.ts';
import { identityOf } from '../../../pki/identity.ts';
import { bundle, hour, intermediate, svid } from '../../../pki/mint.ts';
import {
  agentId,
  agentSvid,
  answer,
  ask,
  askTls,
  domainA,
  domainB,
  failure,
  http,
  https,
  identity,
  listen,
  rootA,
  rootB,
  tcp,
  tlsOptions,
} from './peers.ts';

const wide = { maxBytes: 1024 * 1024, timeoutMs: 10_000, maxHeaderBytes: 16 * 1024 };
const soon = { limits: { ...wide, timeoutMs: 150 } };
const miB = 1024 * 1024;

describe('an agent that answers', () => {
  test('over TLS gives its card and proves its identity', async () => {
    const between = intermediate(rootA, domainA);
    const leaf = svid(between, agentId, { to: Date.now() + hour });
    const outcome = await askTls(await https(answer, tlsOptions([leaf, between])));
    expect(outcome).toMatchObject({ kind: 'answer', status: 200, peer: { id: { uri: agentId } } });
    if (outcome.kind !== 'answer') return;
    expect(outcome.body.toString()).toBe('{"name":"agent"}');
    expect(outcome.peer?.chain.slice(0, 2)).toEqual([leaf.der, between.der]);
    expect(outcome.peer?.notAfter.getTime()).toBeLessThanOrEqual(Date.now() + hour);
    expect(outcome.peer?.notBefore.getTime()).toBeLessThan(Date.now());
  });

  test('with another ID of the trust domain is captured with that ID', async () => {
    const other = 'spiffe://a.test/ns/team1/sa/other';
    const outcome = await askTls(await https(answer, tlsOptions([svid(rootA, other)])));
    expect(outcome).toMatchObject({ kind: 'answer', peer: { id: { uri: other } } });
  });

  test('over HTTP gives its card and proves nothing', async () => {
    const outcome = await ask(await http(answer));
    expect(outcome).toMatchObject({ kind: 'answer', status: 200 });
    expect(outcome).not.toHaveProperty('peer');
  });

  test('with 404 is an answer too', async () => {
    const port = await http((_request, response) => response.writeHead(404).end('no card'));
    expect(await ask(port)).toMatchObject({ kind: 'answer', status: 404 });
  });

  test('sees one plain GET with the headers that were given, for its own host, without encoding and further requests', async () => {
    const seen: unknown[] = [];
    const port = await http((request, response) => {
      seen.push(request.method, request.url, { ...request.headers });
      response.end('{}');
    });
    await ask(port, { headers: { accept: 'application/json', host: 'other', 'accept-encoding': 'gzip' } });
    expect(seen).toEqual([
      'GET',
      '/.well-known/agent-card.json',
      {
        host: 'agent.team1.svc',
        accept: 'application/json',
        'accept-encoding': 'identity',
        connection: 'close',
      },
    ]);
  });

  test('may send exactly as much as is allowed', async () => {
    const port = await http((_request, response) => response.end(Buffer.alloc(miB)));
    expect(await ask(port)).toMatchObject({ kind: 'answer', body: Buffer.alloc(miB) });
  });
});

const chunked = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';

/** Seven times what an answer may be long, as long as somebody listens. */
const forever =
  (text: string, head = ''): RequestListener =>
  ({ socket }) =>
    socket.on('error', () => undefined).end(head + text.repeat((7 * miB) / text.length));

const drip: RequestListener = (request, response) => {
  response.writeHead(200);
  const timer = setInterval(() => response.write(' '), 10);
  request.socket.on('close', () => clearInterval(timer));
};

describe.each([
  ['over HTTP', http, ask],
  ['over TLS', https, askTls],
] as const)('an answer %s', (_name, serve, get) => {
  test.each<[string, string, RequestListener, Partial<FetchRequest>]>([
    ['that redirects', 'Redirected', (_q, r) => r.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(), {}],
    ['that announces 2 MiB', 'TooLarge', (_q, r) => r.writeHead(200, { 'content-length': 2 * miB }).write(' '), {}],
    ['that sends 2 MiB', 'TooLarge', (_q, r) => r.writeHead(200).end(Buffer.alloc(2 * miB)), {}],
    [
      'that is compressed',
      'Encoded',
      (_q, r) => r.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('{}')),
      {},
    ],
    ['that drips', 'Timeout', drip, soon],
    ['that never begins', 'Timeout', () => undefined, soon],
    ['that is announced for ever', 'TooLarge', forever('HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n'), {}],
    ['that begins with empty lines', 'TooLarge', forever('\r\n'), {}],
    ['of small chunks with much besides', 'TooLarge', forever(`1;${'x'.repeat(9_999)}\r\n \r\n`, chunked), {}],
    ['of one chunk with a length in a million digits', 'TooLarge', forever('0', chunked), {}],
    ['that stops before its length', 'Truncated', (_q, r) => cutOff(r.writeHead(200, { 'content-length': 99 })), {}],
    ['that stops within a chunk', 'Truncated', (_q, r) => cutOff(r.writeHead(200)), {}],
    ['that never comes', 'ConnectionReset', (q) => q.socket.destroy(), {}],
    ['with a header of 32 KiB', 'HeadersTooLarge', (_q, r) => r.writeHead(200, { x: 'y'.repeat(32 * 1024) }).end(), {}],
    ['that is no HTTP', 'MalformedResponse', (q) => q.socket.end('hello\r\n\r\n'), {}],
    [
      'that switches protocols',
      'MalformedResponse',
      (_q, r) => r.writeHead(101, { connection: 'upgrade', upgrade: 'x' }).end(),
      {},
    ],
  ])('%s is %s and speaks against nobody', async (_what, code, handler, change) => {
    const port = await serve(handler);
    const outcome = failure(await get(port, change));
    expect(outcome).toMatchObject({ code, guilt: 'none' });
    expect(outcome.message).not.toMatch(new RegExp(`127\\.0\\.0\\.1|${port}`));
    expect(outcome.peer?.id.uri).toBe(get === askTls ? agentId : undefined);
  });

  test.each([304, 204, 426, 503, 505])('with %d is an answer with that status', async (status) => {
    const port = await serve((_request, response) => response.writeHead(status).end());
    expect(await get(port)).toMatchObject({ kind: 'answer', status });
  });

  test.each<[string, string, RequestListener]>([
    ['redirects', 'redirect 307', (_q, r) => r.writeHead(307, { location: '/' }).end()],
    ['switches protocols', 'HTTP 101', (_q, r) => r.writeHead(101, { connection: 'upgrade', upgrade: 'x' }).end()],
    ['is compressed', '"br"', (_q, r) => r.writeHead(200, { 'content-encoding': 'br' }).end()],
    ['is compressed twice', '"gzip, br"', (_q, r) => r.writeHead(200, { 'content-encoding': 'gzip, br' }).end()],
    ['speaks TLS', 'speaks TLS', (q) => q.socket.end(Buffer.from('15030300020246', 'hex'))],
    ['speaks HTTP/2', 'HTTP/2 only', (q) => q.socket.end(Buffer.from('000006040000000000000400100000', 'hex'))],
  ])('that %s is named: %s', async (_what, words, handler) => {
    expect(failure(await get(await serve(handler))).message).toContain(words);
  });

  test('is not waited for when the request is given up', async () => {
    const stop = new AbortController();
    const port = await serve(() => stop.abort());
    expect(await get(port, { signal: stop.signal })).toMatchObject({ code: 'Aborted', guilt: 'none' });
    expect(await get(port, { signal: AbortSignal.abort() })).toMatchObject({ code: 'Aborted' });
  });
});

function cutOff(response: Parameters<RequestListener>[1]): void {
  response.write('{', () => response.socket?.destroy());
}

describe('a peer that gives no connection', () => {
  test('because nothing listens', async () => {
    expect(await askTls(1)).toMatchObject({ code: 'ConnectionRefused', guilt: 'none' });
    expect(await ask(1)).toMatchObject({ code: 'ConnectionRefused', guilt: 'none' });
  });

  test('but accepts and stays silent, times out', async () => {
    const port = await tcp(() => undefined);
    expect(await askTls(port, soon)).toMatchObject({ code: 'Timeout', guilt: 'none' });
    expect(await ask(port, soon)).toMatchObject({ code: 'Timeout', guilt: 'none' });
  });

  test('and resets is no evidence', async () => {
    const port = await tcp((socket) => socket.resetAndDestroy());
    expect(await askTls(port)).toMatchObject({ code: 'ConnectionReset', guilt: 'none' });
    expect(await ask(port)).toMatchObject({ code: 'ConnectionReset', guilt: 'none' });
  });
});

test('an agent that speaks HTTP/2 only is named as such, in the clear and over TLS', async () => {
  const clear = createHttp2Server();
  const secure = createSecureHttp2Server(tlsOptions([agentSvid]));
  for (const server of [clear, secure]) server.on('sessionError', () => undefined);
  expect(failure(await ask(await listen(clear))).message).toContain('HTTP/2 only');
  expect(failure(await askTls(await listen(secure))).message).toContain('HTTP/2 only');
});

describe('without what we need ourselves', () => {
  test('an SVID, nobody is asked and nobody is guilty', async () => {
    let connections = 0;
    const port = await tcp(() => connections++);
    const { svid: _none, ...without } = identity;
    const tls = { identity: { ...without, state: 'waiting' as const }, trustDomains: [domainA] };
    expect(await ask(port, { tls })).toMatchObject({ code: 'NoIdentity', guilt: 'none' });
    expect(connections).toBe(0);
  });

  test('a bundle of the peer, nobody is guilty', async () => {
    const empty = identityOf([svid(rootA, agentId)], bundle(domainA));
    const port = await https();
    expect(await askTls(port, { tls: { identity: empty, trustDomains: [domainA] } })).toMatchObject({
      code: 'NoBundle',
      guilt: 'none',
    });
    expect(await askTls(port, { tls: { identity, trustDomains: [domainB] } })).toMatchObject({ code: 'NoBundle' });
    const foreign = await https(answer, tlsOptions([svid(rootB, 'spiffe://b.test/x')]));
    expect(await askTls(foreign, { tls: { identity, trustDomains: [domainA, domainB] } })).toMatchObject({
      code: 'NoBundle',
      guilt: 'none',
    });
  });

  test.each([
    ['a name instead of an address', { address: 'localhost' }],
    ['an address of the other family', { address: '::1' }],
    ['a port above 65535', { port: 70_000 }],
    ['a negative port', { port: -1 }],
    ['a path with a line break', { path: '/x\r\nhost: y' }],
    ['a relative path', { path: 'x' }],
  ])('%s, the request is not made', async (_what, change) => {
    expect(await ask(1, change)).toMatchObject({ code: 'RequestInvalid', guilt: 'none' });
  });
});

test('a bundle of an intermediate alone is enough to prove a peer below it', async () => {
  const between = intermediate(rootA, domainA);
  const partial = identityOf([svid(rootA, agentId)], bundle(domainA, between));
  const port = await https(answer, tlsOptions([svid(between, agentId)]));
  expect(await askTls(port, { tls: { identity: partial, trustDomains: [domainA] } })).toMatchObject({ kind: 'answer' });
});

test('an agent on IPv6 is asked like any other', async () => {
  const { createServer } = await import('node:http');
  const server = createServer(answer).listen(0, '::1');
  onTestFinished(() => {
    server.close();
  });
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  expect(await ask(port, { address: '::1', family: 6 })).toMatchObject({ kind: 'answer', status: 200 });
});
