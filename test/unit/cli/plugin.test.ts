import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { buildPlugin } from '../../../tools/plugin.ts';
import { pathOf } from '../agentcard/signature/vectors.ts';
import { connectProxy, kubeconfigBehind, serverName, socksProxy, tlsApi } from '../kube/proxies.ts';
import { anyone, temporaryFile, trust } from './cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'plugin-'));
const card = pathOf('cards/alg-es384.json');
let plugin = '';
let completion = '';

beforeAll(async () => {
  [plugin, completion] = await buildPlugin(join(folder, 'bin'));
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function start(program: string, args: readonly string[]) {
  const searchPath = [dirname(process.execPath), dirname(plugin), process.env.PATH].join(delimiter);
  return spawnSync(program, args, { encoding: 'utf8', env: { ...process.env, PATH: searchPath } });
}

test('the plugin is one file that answers as the command does, in a folder of modules too', () => {
  const modules = join(folder, 'modules');
  mkdirSync(modules);
  writeFileSync(join(modules, 'package.json'), '{"type":"module"}');
  const copy = join(modules, 'kubectl-agentcard');
  copyFileSync(plugin, copy);
  for (const program of [plugin, copy]) {
    expect(start(program, ['verify', card, ...trust])).toMatchObject({ status: 0, stderr: anyone });
    expect(start(program, ['verify', pathOf('cards/tamper-url.json'), ...trust])).toMatchObject({ status: 1 });
    expect(start(program, ['frobnicate'])).toMatchObject({ status: 2, stdout: '' });
  }
});

test('an old Node is told what is needed', () => {
  const old = temporaryFile(
    'old.cjs',
    'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.1.0" } });',
  );
  const { status, stderr } = start(process.execPath, ['--require', old, plugin, '--help']);
  expect(status).toBe(2);
  expect(stderr).toMatch(/^error: kubectl-agentcard needs Node\.js 26 or later, .*\n$/);
});

test('of the Kubernetes client it holds what reads a kubeconfig, not what calls every API by a client of its own', () => {
  expect(statSync(plugin).size).toBeLessThan(1_600_000);
  const modules = new Set(readFileSync(plugin, 'utf8').match(/(?<=node_modules\/)(@[\w-]+\/)?[\w-]+/g));
  expect(modules).toContain('socks');
  expect(modules).not.toContain('undici');
});

const exec = {
  apiVersion: 'client.authentication.k8s.io/v1',
  command: 'echo',
  args: ['{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"abc"}}'],
  interactiveMode: 'Never',
};
const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const idToken = `${base64({ alg: 'none' })}.${base64({ exp: 4_000_000_000 })}.x`;
const oidc = { 'id-token': idToken, 'refresh-token': 'r', 'client-id': 'c', 'idp-issuer-url': 'https://idp.test' };

test.each([
  ['a program', { exec }, 'Bearer abc'],
  ['OIDC', { 'auth-provider': { name: 'oidc', config: oidc } }, `Bearer ${idToken}`],
])('it asks a cluster with the credentials that %s gives', async (_, user, wanted) => {
  const said: (string | undefined)[] = [];
  const server = createServer(({ headers }, response) => {
    said.push(headers.authorization);
    response.writeHead(403).end();
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const cluster = { server: address, 'insecure-skip-tls-verify': true };
  const config = {
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  const file = temporaryFile('kubeconfig', JSON.stringify(config));
  const { child, ended } = started(plugin, ['cleanup', '--kubeconfig', file]);
  await ended;
  expect(child.exitCode).toBe(2);
  expect(said).toContain(wanted);
});

test.each([
  ['http', connectProxy],
  ['socks5', socksProxy],
] as const)('it goes through the %s proxy that a kubeconfig names', async (scheme, open) => {
  const api = await tlsApi();
  const proxy = await open();
  const file = kubeconfigBehind(`${scheme}://127.0.0.1:${proxy.port}`, api.port);
  await started(plugin, ['cleanup', '--kubeconfig', file]).ended;
  expect(api.paths).not.toEqual([]);
  expect(JSON.stringify(proxy.seen)).toContain(`${serverName}:${api.port}`);
});

function started(program: string, args: readonly string[]) {
  const searchPath = [dirname(process.execPath), process.env.PATH].join(delimiter);
  const child = execFile(program, args, { env: { ...process.env, PATH: searchPath } });
  return { child, ended: once(child, 'exit') };
}

test('nothing of the machine that built it is in it', () => {
  expect(readFileSync(plugin, 'utf8')).not.toContain(dirname(import.meta.dirname));
});

test('kubectl gets commands, options and files as candidates', () => {
  expect(start(completion, ['verif']).stdout).toBe('verify\n:4\n');
  expect(start(completion, ['verify', '--s']).stdout).toBe('--spiffe-id\n--signature-forms\n:4\n');
  expect(start(completion, ['explain', 'x', '-o', 'y']).stdout).toBe('yaml\n:4\n');
  expect(start(completion, ['verify', '']).stdout).toBe(':0\n');
  expect(start(completion, ['frobnicate', '--']).stdout).toBe(':4\n');
});
