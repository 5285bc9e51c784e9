import { request } from 'node:http';
import { Registry } from 'prom-client';
import { expect, onTestFinished, test } from 'vitest';
import { Health, type HttpServer, serveMetrics } from '../../../src/runtime/health.ts';

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
  subject.addReadyCheck('watch-cards', () => true);
  subject.addReadyCheck('spire', () => 'no SVID yet');
  subject.addHealthCheck('loop', () => undefined);
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
  subject.addHealthCheck('broken', () => {
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
