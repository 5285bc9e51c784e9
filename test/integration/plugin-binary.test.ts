import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { buildBinary } from '../../tools/plugin-binary.ts';
import { pathOf } from '../unit/agentcard/signature/vectors.ts';
import { trust } from '../unit/cli/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'plugin-binary-'));
const alone = join(folder, 'alone');
const program = join(alone, 'kubectl-agentcard');
let archive = '';

beforeAll(async () => {
  ({ archive } = await buildBinary(join(folder, 'built')));
  // As it is installed: out of its archive, into a folder of its own.
  execFileSync('mkdir', [alone]);
  execFileSync('tar', ['--extract', '--gzip', '--file', archive, '--directory', alone]);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** With no Node, and nothing else, on the PATH. */
const start = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  spawnSync(program, args, { encoding: 'utf8', env: { PATH: alone, HOME: alone, ...env }, cwd: alone });

test('the archive holds the plugin, what kubectl asks for completion, and the licence', () => {
  expect(readdirSync(alone).sort()).toEqual(['LICENSE', 'kubectl-agentcard', 'kubectl_complete-agentcard']);
  expect(archive).toMatch(/kubectl-agentcard_v\d+\.\d+\.\d+_linux_(amd64|arm64)\.tar\.gz$/);
  expect(statSync(program).size).toBeLessThan(130e6);
  expect(statSync(archive).size).toBeLessThan(50e6);
});

test('one file answers as the command does, without a Node on the machine', () => {
  expect(start(['version', '--client'])).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^plugin /),
    stderr: '',
  });
  const named = [...trust, '--spiffe-id', 'spiffe://example.org/ns/demo/sa/geo'];
  expect(start(['verify', pathOf('cards/tamper-url.json'), ...named])).toMatchObject({ status: 1, stderr: '' });
  expect(start(['verify', pathOf('cards/alg-es384.json'), ...trust, '--at', '2026-11-01T00:00:00Z']).status).not.toBe(
    2,
  );
  expect(start(['frobnicate'])).toMatchObject({ status: 2, stdout: '' });
  expect(start(['cleanup']).stderr).toMatch(/^error: there is no kubeconfig /);
});

test('whoever sets the environment gives it no options of Node', () => {
  const evil = join(folder, 'evil.cjs');
  writeFileSync(evil, 'console.log("evil")');
  const { stdout } = start(['version', '--client'], { NODE_OPTIONS: `--require ${evil}` });
  expect(stdout).not.toContain('evil');
  expect(start(['--require', evil, 'version']).stdout).not.toContain('evil');
});

test('it asks a cluster with the credentials of a program', async () => {
  const said: (string | undefined)[] = [];
  const server = createServer(({ headers }, response) => {
    said.push(headers.authorization);
    response.end('{"items":[]}');
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const credential = {
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    status: { token: 'abc' },
  };
  const exec = {
    apiVersion: credential.apiVersion,
    command: '/bin/echo',
    args: [JSON.stringify(credential)],
    interactiveMode: 'Never',
  };
  const config = {
    'current-context': 'x',
    clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` } }],
    users: [{ name: 'u', user: { exec } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
  };
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, JSON.stringify(config));
  const child = spawn(program, ['version'], { env: { PATH: alone, KUBECONFIG: `/nowhere:${kubeconfig}` } });
  expect(await once(child, 'exit')).toEqual([1, null]);
  expect(said).toEqual(['Bearer abc']);
});
