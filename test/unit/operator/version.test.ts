import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

/** Programs start, which takes as long as the machine is busy. */
const patience = { timeout: 60_000 };

const { bin, version } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  bin: Record<string, string>;
  version: string;
};

test.each(Object.entries(bin))(
  '%s --version says the version of the project, and what runs it',
  patience,
  async (_, file) => {
    const { stdout } = await promisify(execFile)(process.execPath, [file, '--version']);
    expect(stdout).toMatch(new RegExp(`^\\S+ +${version.replaceAll('.', '\\.')} \\(Node ${process.version}.*\\)\\n$`));
  },
);

test('the API server is told which version asks', patience, async () => {
  const agents = new Set<unknown>();
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const server = createServer(({ headers }, response) => {
    agents.add(headers['user-agent']);
    response.writeHead(503).end();
    resolve();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const folder = mkdtempSync(join(tmpdir(), 'version-'));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: url } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  writeFileSync(join(folder, 'kubeconfig'), JSON.stringify(kubeconfig));
  const flags = ['--leader-elect=false', '--health-probe-bind-address=0', `--kubeconfig=${join(folder, 'kubeconfig')}`];
  const operator = spawn(process.execPath, ['src/operator/main.ts', ...flags], { stdio: 'ignore', env: {} });
  onTestFinished(() => {
    operator.kill('SIGKILL');
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true });
  });
  await asked;
  expect([...agents]).toEqual([`agentcard-operator/${version}`]);
});
