import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { cli, onCluster, temporaryFile } from './cli.ts';
import { anyLine, mustBeAnswered, rightLines, wrongLines } from './wrong-arguments.ts';

beforeEach(() => {
  vi.stubEnv('KUBERNETES_SERVICE_HOST', undefined);
});
afterEach(() => vi.unstubAllEnvs());

/** A kubeconfig for an address where nobody listens. */
async function deadCluster(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const config = {
    'current-context': 'gone',
    contexts: [{ name: 'gone', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${port}` } }],
    users: [{ name: 'u', user: {} }],
  };
  return temporaryFile('dead-cluster', JSON.stringify(config));
}

const worlds: Readonly<Record<string, () => Promise<string>>> = {
  'a live API server': async () =>
    (await onCluster((call) => (/^GET .*s$/.test(call) ? { items: [] } : 404))).kubeconfig,
  'an API server that refuses': async () => (await onCluster(() => 403)).kubeconfig,
  'a dead API server': deadCluster,
  'no kubeconfig': async () => {
    const home = mkdtempSync(join(tmpdir(), 'home-'));
    onTestFinished(() => rmSync(home, { recursive: true }));
    vi.stubEnv('HOME', home);
    return '';
  },
};

describe.each(Object.entries(worlds))('against %s', (world, enter) => {
  test('every command with wrong arguments answers in one sentence', { timeout: 60_000 }, async () => {
    vi.stubEnv('KUBECONFIG', await enter());
    for (const args of wrongLines()) mustBeAnswered(args, await cli(args));
  });

  test('any words behind any command are answered', { timeout: 60_000 }, async () => {
    vi.stubEnv('KUBECONFIG', await enter());
    await fc.assert(
      fc.asyncProperty(anyLine, async (args) => mustBeAnswered(args, await cli(args))),
      { numRuns: 200 },
    );
  });

  test.runIf(/dead|no kube/.test(world))('what cannot be asked is told with file, context and what to do', async () => {
    const kubeconfig = await enter();
    vi.stubEnv('KUBECONFIG', kubeconfig);
    for (const args of rightLines) {
      const { status, err } = await cli(args);
      expect(status).toBe(2);
      if (kubeconfig === '')
        expect(err).toMatch(
          /^error: there is no kubeconfig \S+\/\.kube\/config: name one by --kubeconfig or KUBECONFIG\n$/,
        );
      else {
        expect(err).toContain(`no answer from http://127.0.0.1:`);
        expect(err).toContain(`context gone of ${kubeconfig}`);
        expect(err).toMatch(/ECONNREFUSED.*; see that it runs, or choose another by --context\n$/);
      }
    }
  });
});

test.each([
  ['{}'],
  ['[]'],
  ['null'],
  ['"x"'],
  ['<html>'],
  ['{"items":{}}'],
  ['{"items":[null]}'],
  ['{"items":[{}]}'],
  ['{"items":[{"metadata":null}]}'],
  ['{"metadata":{"name":"x"}}'],
  ['{"items":[{"metadata":{"name":"x"}}]}'],
])('a server that answers %s is told in one sentence', async (answer) => {
  const { run } = await onCluster(() => answer);
  for (const args of rightLines) mustBeAnswered(args, await run(...args));
});
