import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { Worker } from 'node:worker_threads';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, type MockInstance, onTestFinished, test, vi } from 'vitest';
import { Health, type HttpServer, serveMetrics } from '../../../../src/kube/runtime/health.ts';

function ask(server: HttpServer | undefined, path: string, method = 'GET'): Promise<{ status: number; body: string }> {
  if (server === undefined) throw new Error('not listening');
  onTestFinished(() => server.close());
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port: server.port, path, method, agent: false }, async (response) => {
      let body = '';
      for await (const chunk of response) body += chunk;
      resolve({ status: response.statusCode ?? 0, body });
    });
    call.on('error', reject);
    call.end();
  });
}

function health(): Health {
  const subject = new Health();
  subject.addReadyProbe('watch-cards', () => true);
  subject.addReadyProbe('spire', () => 'no SVID yet');
  subject.addHealthProbe('loop', () => undefined);
  return subject;
}

test('ready is the conjunction of its checks, and a failure names them', async () => {
  const server = await health().serve('127.0.0.1:0');
  const { status, body } = await ask(server, '/readyz');
  expect(status).toBe(503);
  expect(body).toBe('[+]watch-cards ok\n[-]spire failed: no SVID yet\nreadyz check failed\n');
});

test.each([
  ['/healthz', 200, 'ok\n'],
  ['/healthz?verbose', 200, '[+]loop ok\nhealthz check passed\n'],
  ['/readyz/watch-cards', 200, 'ok\n'],
  ['/readyz/spire', 503, '[-]spire failed: no SVID yet\nreadyz check failed\n'],
  ['/readyz/nothing', 404, 'see /healthz and /readyz\n'],
  ['/', 404, 'see /healthz and /readyz\n'],
])('%s answers %i', async (path, status, body) => {
  const server = await health().serve('127.0.0.1:0');
  expect(await ask(server, path)).toEqual({ status, body });
});

test('a check that throws fails', () => {
  const subject = new Health();
  subject.addHealthProbe('broken', () => {
    throw new Error('bug');
  });
  expect(subject.respond('/healthz', false)).toMatchObject({ status: 503, body: expect.stringContaining('bug') });
});

test('metrics are served under their path only, by GET only', async () => {
  const registry = new Registry();
  registry.registerMetric(new (await import('prom-client')).Gauge({ name: 'answer', help: 'x', registers: [] }));
  const server = await serveMetrics('127.0.0.1:0', registry);
  expect((await ask(server, '/metrics')).body).toContain('answer 0');
  expect((await ask(server, '/')).status).toBe(404);
  expect((await ask(server, '/metrics', 'POST')).status).toBe(405);
});

test('the address 0 is no server', async () => {
  expect(await serveMetrics('0', new Registry())).toBeUndefined();
});

test.each(['8080', 'localhost', ':99999', 'a:b'])('an address like %j says how to write one', async (address) => {
  await expect(serveMetrics(address, new Registry())).rejects.toThrow(':8080');
});

test('an address in use is an error at the start', async () => {
  const first = await serveMetrics('127.0.0.1:0', new Registry());
  onTestFinished(() => first?.close());
  await expect(serveMetrics(`127.0.0.1:${first?.port}`, new Registry())).rejects.toThrow('EADDRINUSE');
});

describe('a server of probes', () => {
  const [near, far] = ['127.0.0.1', '127.0.0.2'];
  const patience = { timeout: 30_000 };
  const question = 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n';

  async function open(server: HttpServer | undefined, localAddress = near): Promise<Socket> {
    const socket = connect({ host: '127.0.0.1', port: server?.port ?? 0, localAddress });
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  }

  /** One after the other, so that the server knows them in this order. */
  async function openMany(server: HttpServer | undefined, count: number): Promise<Socket[]> {
    const sockets: Socket[] = [];
    while (sockets.length < count) sockets.push((await open(server)).resume());
    return sockets;
  }

  /** Idle is who says nothing while this clock goes on, and not while a busy machine stands still. */
  let clock: MockInstance<() => number>;
  beforeEach(() => {
    clock = vi.spyOn(performance, 'now').mockReturnValue(10_000);
  });
  afterEach(() => vi.restoreAllMocks());

  const closed = (sockets: readonly Socket[]): boolean[] => sockets.map((socket) => socket.closed);
  const first = (count: number, of: number): boolean[] => Array.from({ length: of }, (_, index) => index < count);

  test.each([
    ['80 connections that ask', 80, question],
    ['80 connections that say nothing', 80, ''],
    ['300 connections that say nothing', 300, ''],
  ])('%s and are opened anew when they close keep no probe out', async (_what, count, says) => {
    const server = await health().serve('127.0.0.1:0');
    let holding = true;
    onTestFinished(() => {
      holding = false;
    });
    const hold = async (): Promise<void> => {
      while (holding) {
        const socket = await open(server).catch(() => undefined);
        socket?.resume().write(says);
        if (socket?.closed === false) await once(socket, 'close');
      }
    };
    for (let index = 0; index < count; index++) void hold();
    for (let probe = 0; probe < 12; probe++) expect(await ask(server, '/healthz')).toMatchObject({ status: 200 });
  });

  test.each([1, 100])(
    'a thousand connections that %i addresses hold keep out no probe and no scrape',
    async (addresses) => {
      const probes = await health().serve('127.0.0.1:0');
      const metrics = await serveMetrics('127.0.0.1:0', new Registry());
      for (const server of [probes, metrics]) {
        const places = Array.from({ length: 1_000 }, (_, index) => `127.0.1.${1 + (index % addresses)}`);
        await Promise.all(places.map((place) => open(server, place)));
      }
      expect(await ask(probes, '/healthz')).toMatchObject({ status: 200 });
      expect(await ask(metrics, '/metrics')).toMatchObject({ status: 200 });
    },
  );

  test('makes room for a new connection by the idlest one of the address that holds most', async () => {
    const server = await health().serve('127.0.0.1:0');
    onTestFinished(() => server?.close());
    const probe = await open(server, far);
    const held = await openMany(server, 300);
    await vi.waitFor(() => expect(closed(held)).toEqual(first(45, 300)), patience);
    expect(await text(probe.end(question))).toContain('200 OK');
  });

  test('keeps sixteen connections of one address once they are idle for a second', async () => {
    const server = await health().serve('127.0.0.1:0');
    onTestFinished(() => server?.close());
    const others = [await open(server, far), await open(server, far)];
    const held = await openMany(server, 20);
    expect(closed(held)).toEqual(first(0, 20));
    clock.mockReturnValue(11_000);
    held.push(...(await openMany(server, 1)));
    await vi.waitFor(() => expect(closed(held)).toEqual(first(5, 21)), patience);
    expect(closed(others)).toEqual([false, false]);
  });

  test('hears one question of each connection and then ends it', async () => {
    const subject = new Health();
    const check = vi.fn(() => true);
    subject.addHealthProbe('counted', check);
    const server = await subject.serve('127.0.0.1:0');
    onTestFinished(() => server?.close());
    const socket = await open(server);
    socket.write(question.repeat(20));
    expect(await text(socket)).toMatch(/^HTTP\/1.1 200 OK\r\n(?:.+\r\n)*connection: close\r\n/i);
    expect(check).toHaveBeenCalledOnce();
  });
});

/** From a thread of its own; says when all are there. */
const knocking = `
  const { connect } = require('node:net');
  const { workerData: { port, count, said } } = require('node:worker_threads');
  let there = 0;
  for (let i = 0; i < count; i++) connect(port, '127.0.0.1', () => {
    there += 1;
    if (there === count) Atomics.notify(said, 0, Atomics.store(said, 0, 1));
  }).on('error', () => {});
`;

test('while the event loop is busy a thousand may knock, and none is turned away', async () => {
  const server = await health().serve('127.0.0.1:0');
  const said = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(knocking, { eval: true, workerData: { port: server?.port, count: 1_000, said } });
  await once(worker, 'online');
  // Here nobody accepts: it is the kernel that takes them.
  const heard = Atomics.wait(said, 0, 0, 30_000);
  await worker.terminate();
  await server?.close();
  expect(heard).not.toBe('timed-out');
});
