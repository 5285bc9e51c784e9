import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bytesOf, cardOf, pathOf } from '../agentcard/signature/vectors.ts';
import { cli, temporaryFile, trust } from './cli.ts';

const unsigned = pathOf('cards/sig-none.json');
const keyAndChain = (name: string) => [
  '--key',
  pathOf(`pki/key-${name}.pem`),
  '--chain',
  pathOf(`pki/leaf-${name}.pem`),
];

test.each(['p256', 'p384', 'p521', 'rsa', 'ed'])('what sign writes with the key %s, verify takes', async (name) => {
  const { status, out } = await cli(['sign', unsigned, ...keyAndChain(name)]);
  expect(status).toBe(0);
  expect(await cli(['verify', '-', ...trust], out)).toMatchObject({ status: 0 });
  const { signatures: _, ...card } = JSON.parse(out);
  expect(card).toEqual(JSON.parse(JSON.stringify(cardOf('sig-none'))));
});

test('sign refuses what it cannot sign, and says why', async () => {
  const mixed = ['--key', pathOf('pki/key-rsa.pem'), '--chain', pathOf('pki/leaf-p256.pem')];
  expect(await cli(['sign', unsigned, ...mixed])).toMatchObject({ status: 1, out: '' });
  expect(await cli(['sign', '-', ...keyAndChain('rsa')], '{}')).toMatchObject({ status: 1, out: '' });
  const noKey = ['--key', pathOf('pki/leaf-rsa.pem'), '--chain', pathOf('pki/leaf-rsa.pem')];
  expect(await cli(['sign', unsigned, ...noKey])).toMatchObject({ status: 2, out: '' });
  const noChain = ['--key', pathOf('pki/key-rsa.pem'), '--chain', pathOf('pki/key-rsa.pem')];
  expect(await cli(['sign', unsigned, ...noChain])).toMatchObject({ status: 2, out: '' });
});

test.each([
  ['sign', keyAndChain('p256'), 1],
  ['verify', [...trust, '-o', 'json'], 1],
  ['canonicalize', [], 1],
  ['diff', [unsigned], 2],
] as const)('a number that a double would change is refused by %s, under its code', async (command, rest, status) => {
  const card = JSON.stringify({ name: 'x', version: '1', url: 'https://x.example', extra: [7] });
  for (const number of ['9007199254740993', '1e-400', '-1e400']) {
    const { status: answer, out, err } = await cli([command, '-', ...rest], card.replace('7', number));
    expect(answer).toBe(status);
    expect(out + err).toContain('NumberOutOfRange');
    expect(out + err).toContain(`${number}`);
  }
});

test('a key never shows up in a message', async () => {
  const key = temporaryFile('broken.key', bytesOf('pki/key-rsa.pem').toString().replace('MII', 'XXX'));
  const { status, out, err } = await cli(['sign', unsigned, '--key', key, '--chain', pathOf('pki/leaf-rsa.pem')]);
  expect(status).toBe(2);
  expect(out + err).not.toMatch(/[A-Za-z0-9+/]{40}/);
});

test('canonicalize prints the signed bytes and nothing else', async () => {
  const { out } = await cli(['canonicalize', pathOf('cards/canon-v03-raw-jcs.json')]);
  const { out: json } = await cli(['canonicalize', pathOf('cards/canon-v03-raw-jcs.json'), '-o', 'json']);
  const sha256 = createHash('sha256').update(out).digest('hex');
  expect(JSON.parse(json)).toEqual({ form: 'raw-jcs', payload: out, payloadSha256: sha256, cardId: sha256 });
});

test('canonicalize refuses no card, and a form that does not apply', async () => {
  expect(await cli(['canonicalize', '-'], '[]')).toMatchObject({ status: 1, out: '' });
  const card = JSON.stringify({ name: 'x', version: '1', url: 'u', iconUrl: 1 });
  expect(await cli(['canonicalize', '-'], card)).toMatchObject({ status: 0 });
  expect(await cli(['canonicalize', '-', '--form', 'sdk-clean'], card)).toMatchObject({ status: 1, out: '' });
  expect(await cli(['canonicalize', '-', '--form', 'best'], card)).toMatchObject({ status: 2 });
});

test('diff tells structural changes from descriptive ones, and is silent about signatures', async () => {
  const same = await cli(['diff', pathOf('cards/alg-es384.json'), pathOf('cards/alg-rs256.json')]);
  expect(same).toMatchObject({ status: 0, out: 'the same card\n' });
  const changed = { ...cardOf('alg-es384'), description: '\u001b[2J', name: 'Other' };
  const { status, out } = await cli(['diff', pathOf('cards/alg-es384.json'), '-'], JSON.stringify(changed));
  expect(status).toBe(1);
  expect(out).toMatch(
    /^structural:\n {2}\$\.name: changed "Geo Agent" -> "Other"\ndescriptive:\n {2}\$\.description: /,
  );
  expect(out).not.toContain('\u001b');
  expect(await cli(['diff', '-', '-'])).toMatchObject({ status: 2 });
  const noCard = await cli(['diff', '-', unsigned], '{}');
  expect(noCard).toMatchObject({ status: 2, err: expect.stringContaining('- is no AgentCard: ') });
});

test('help is there for everything, with examples', async () => {
  const overview = await cli(['--help']);
  expect(overview.status).toBe(0);
  for (const name of ['verify', 'sign', 'canonicalize', 'diff', 'completion']) {
    expect(overview.out).toContain(`  ${name} `);
    const { status, out } = await cli([name, '--help']);
    expect(status).toBe(0);
    expect(out).toContain(`Examples:\n  kubectl agentcard ${name} `);
    expect(await cli(['help', name])).toEqual({ status: 0, out, err: '' });
  }
});

test('an unknown command is trouble, with a hint', async () => {
  expect(await cli([])).toMatchObject({ status: 2, out: '' });
  expect((await cli([''])).err).toMatch(/^error: there is no command ""; commands are verify, sign/);
  expect(await cli(['verfiy'])).toMatchObject({ status: 2, err: expect.stringContaining('did you mean verify?') });
  expect(await cli(['frobnicate'])).toMatchObject({
    status: 2,
    err: expect.stringContaining('commands are verify, sign'),
  });
});

const good = bytesOf('cards/alg-es384.json');
const answers: Readonly<Record<string, RequestListener>> = {
  '/.well-known/agent-card.json': (_, response) => response.end(good),
  '/gzip': (_, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(64 << 20, ' '))),
  '/moved': (_, response) => response.writeHead(302, { location: '/.well-known/agent-card.json' }).end(),
  '/unchanged': (_, response) => response.writeHead(304).end(),
  '/switch': (_, response) => response.writeHead(101, { connection: 'upgrade', upgrade: 'x' }).end(),
  '/http2': ({ socket }) => socket.end(Buffer.from('000006040000000000000400100000', 'hex')),
  '/error': (_, response) => response.writeHead(503).end('secret words of an upstream'),
  '/cut': (_, response) => response.writeHead(200, { 'content-length': '9999' }).write('{', () => response.destroy()),
  '/endless': (_, response) => {
    const more = () => {
      while (response.write(Buffer.alloc(65_536, ' ')));
    };
    response.on('drain', more);
    more();
  },
};
const server = createServer((request, response) => {
  const answer = answers[request.url ?? ''];
  if (answer === undefined) response.writeHead(404).end();
  else answer(request, response);
});
let origin = '';

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.close();
  server.closeAllConnections();
});

test('a URL without a path means the well-known card', async () => {
  expect(await cli(['verify', origin, ...trust])).toMatchObject({ status: 0 });
  expect(await cli(['verify', `${origin}/.well-known/agent-card.json`, ...trust])).toMatchObject({ status: 0 });
});

test('a URL without a path means the older well-known card where the newer one answers 404', async () => {
  const asked: string[] = [];
  const older = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (request.url === '/.well-known/agent.json') response.end(good);
    else response.writeHead(request.headers.host?.startsWith('localhost') ? 500 : 404).end('not here');
  });
  older.listen(0, '127.0.0.1');
  await once(older, 'listening');
  const { port } = older.address() as AddressInfo;
  expect(await cli(['verify', `http://127.0.0.1:${port}`, ...trust])).toMatchObject({ status: 0 });
  expect(asked).toEqual(['/.well-known/agent-card.json', '/.well-known/agent.json']);
  expect(await cli(['verify', `http://127.0.0.1:${port}/other`, ...trust])).toMatchObject({ status: 2 });
  expect(await cli(['verify', `http://localhost:${port}`, ...trust])).toMatchObject({
    status: 2,
    err: expect.stringContaining('answered 500'),
  });
  expect(asked).toHaveLength(4);
  older.close();
  older.closeAllConnections();
});

test.each([
  ['/nothing', 'the server answered 404'],
  ['/error', 'the server answered 503'],
  ['/moved', 'unexpected redirect'],
  ['/unchanged', 'the server answered 304'],
  ['/switch', 'HTTP 101'],
  ['/http2', 'HTTP/2 only'],
  ['/cut', 'cannot fetch'],
])('%s is trouble: %s', async (path, why) => {
  const { status, out, err } = await cli(['verify', origin + path, ...trust]);
  expect({ status, out }).toEqual({ status: 2, out: '' });
  expect(err).toContain(why);
  expect(err).not.toContain('secret');
});

test('an encoded answer is no card, and the encoding is named', async () => {
  expect((await cli(['verify', `${origin}/gzip`, ...trust])).out).toContain('content encoding "gzip"');
});

test('a body is read to the limit and no further, packed or endless', async () => {
  for (const path of ['/endless', '/gzip']) {
    const { status, out } = await cli(['verify', origin + path, ...trust]);
    expect(status).toBe(1);
    expect(out).toContain('CardInvalid');
  }
});
