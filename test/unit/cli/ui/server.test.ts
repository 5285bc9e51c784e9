import { request } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { Trouble } from '../../../../src/cli/command.ts';
import type { Answers } from '../../../../src/cli/ui/answers.ts';
import { serve } from '../../../../src/cli/ui/server.ts';
import type { Told } from '../../../../src/cli/ui/view.ts';

const told: Told = { all: true, rows: [], gone: [], touched: [], network: 0, seeing: null };
const files = { '/': { type: 'text/html', body: 'the page' }, '/main.js': { type: 'text/javascript', body: 'code' } };
const orders: unknown[] = [];
const answers = {
  agent: (key: string) => (key === 'team/weather' ? { key } : undefined),
  reach: () => Promise.reject(new Trouble('the cluster says no')),
  map: () => Promise.reject(new Error('a secret path')),
  obey: (order: unknown) => {
    orders.push(order);
    return Promise.resolve({ said: 'done' });
  },
} as unknown as Answers;

const open: { close: () => void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

async function site() {
  let hear: (told: Told) => void = () => {};
  const left: string[] = [];
  const live = {
    everything: () => told,
    subscribe: (listener: typeof hear) => {
      hear = listener;
      return () => void left.push('left');
    },
  };
  let count = 0;
  const serving = await serve({ files, live, answers, secret: () => `secret-${count++}` }, 0);
  open.push(serving);
  return { ...serving, left, tell: (news: Told) => hear(news) };
}

interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

function ask(port: number, path: string, { headers = {}, body = '' }: { headers?: object; body?: string } = {}) {
  return new Promise<Got>((resolve, reject) => {
    const method = body === '' ? 'GET' : 'POST';
    const sent = request({ port, host: '127.0.0.1', path, method, headers: { ...headers } }, async (incoming) => {
      const text = (await incoming.toArray()).join('');
      resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text });
    });
    sent.on('error', reject).end(body);
  });
}

async function entered() {
  const one = await site();
  const { headers } = await ask(one.port, `/?${new URL(one.url).searchParams}`);
  const cookie = String(headers['set-cookie']).split(';')[0] ?? '';
  return { ...one, cookie, get: (path: string, more = {}) => ask(one.port, path, { headers: { cookie, ...more } }) };
}

test('the URL lets one browser in, once; what it gets instead no script can read', async () => {
  const { port, url } = await site();
  const path = `/${new URL(url).search}`;
  const first = await ask(port, path);
  expect(first).toMatchObject({ status: 200 });
  expect(String(first.headers['set-cookie'])).toMatch(/^agentcard-\d+=secret-0; HttpOnly; SameSite=Strict; Path=\/$/);
  expect(first.body, 'a browser that is told of no icon asks for one that is not there').toContain('href="/icon.svg"');
  expect(await ask(port, path)).toMatchObject({ status: 403 });
  expect(await ask(port, '/')).toMatchObject({ status: 403 });
  expect(await ask(port, '/api/feed')).toMatchObject({ status: 403 });
});

test('it is on loopback, under its own name', async () => {
  const { port, url, cookie } = await entered();
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?token=/);
  expect(await ask(port, '/', { headers: { cookie, host: `rebound.example:${port}` } })).toMatchObject({ status: 403 });
});

test('every answer carries the policy, refusals too', async () => {
  const { get, port } = await entered();
  for (const answer of [await get('/'), await get('/nowhere'), await get('/api/map'), await ask(port, '//')])
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
});

test('each state of the page has its URL', async () => {
  const { get } = await entered();
  for (const path of ['/', '/fleet?reason=Quarantined', '/map?ns=team', '/agent/team/weather'])
    expect(await get(path)).toMatchObject({ status: 200, body: 'the page' });
  for (const path of ['/agent/team', '/api', '/main', '/__proto__', '/constructor'])
    expect(await get(path)).toMatchObject({ status: 404 });
});

test('what goes wrong is told as far as it is meant for people', async () => {
  const { get } = await entered();
  expect(await get('/api/agent/team/weather')).toMatchObject({ status: 200, body: '{"key":"team/weather"}' });
  expect(await get('/api/agent/team/gone')).toMatchObject({ status: 404 });
  expect(await get('/api/reach/team/weather')).toMatchObject({
    status: 409,
    body: '{"message":"the cluster says no"}',
  });
  const internal = await get('/api/map');
  expect(internal.status).toBe(500);
  expect(internal.body).not.toContain('secret');
});

test('an order is obeyed from this page alone, as JSON, and bounded', async () => {
  const { port, cookie } = await entered();
  const origin = `http://127.0.0.1:${port}`;
  const body = JSON.stringify({ action: 'release', namespace: 'team', name: 'weather', reason: '', cardId: '' });
  const post = (headers: object, text = body) =>
    ask(port, '/api/order', { headers: { cookie, 'content-type': 'application/json', ...headers }, body: text });
  expect(await post({})).toMatchObject({ status: 403 });
  expect(await post({ origin: 'http://evil.example' })).toMatchObject({ status: 403 });
  expect(await post({ origin, 'content-type': 'text/plain' })).toMatchObject({ status: 409 });
  expect(await post({ origin }, `${body}${' '.repeat(5_000)}`)).toMatchObject({ status: 409 });
  expect(orders).toEqual([]);
  expect(await post({ origin })).toMatchObject({ status: 200, body: '{"said":"done"}' });
  expect(orders).toEqual([JSON.parse(body)]);
});

test('the feed tells everything first, then each difference, and is left with the window', async () => {
  const { port, cookie, tell, left } = await entered();
  const heard: string[] = [];
  await new Promise<void>((resolve) => {
    const sent = request({ port, host: '127.0.0.1', path: '/api/feed', headers: { cookie } }, (incoming) => {
      incoming.on('data', (chunk) => {
        heard.push(
          ...String(chunk)
            .split('\n')
            .filter((line) => line.startsWith('data:')),
        );
        if (heard.length === 1) tell({ ...told, all: false, gone: ['team/gone'] });
        else sent.destroy();
      });
      incoming.on('close', resolve);
      incoming.on('error', () => {});
    });
    sent.on('error', () => {}).end();
  });
  expect(heard.map((line) => JSON.parse(line.slice(5)).gone)).toEqual([[], ['team/gone']]);
  await expect.poll(() => left).toEqual(['left']);
});

test('a port that is taken is said in one sentence', async () => {
  const { port } = await site();
  const second = serve(
    { files, live: { everything: () => told, subscribe: () => () => {} }, answers, secret: () => 'x' },
    port,
  );
  await expect(second).rejects.toThrow(`port ${port} is taken: name another with --port`);
});
