import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { type ApiServer, startApiServer } from '../../cluster/api-server.ts';
import { cli, oneSentence } from '../../unit/cli/cli.ts';
import { anyLine, mustBeAnswered, wrongLines } from '../../unit/cli/wrong-arguments.ts';
import { agentCard, call, cardsPath, installKind } from './crd-client.ts';

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server?.stop());
beforeEach(() => {
  vi.stubEnv('KUBERNETES_SERVICE_HOST', undefined);
  vi.stubEnv('KUBECONFIG', `/nowhere/config:${server.kubeconfig}`);
});
afterEach(() => vi.unstubAllEnvs());

/** What is left out changes the cluster for good, or waits for an operator's Lease. */
const isHarmless = (args: readonly string[]) => !args.some((word) => /^--(apply|operator)/.test(word));

test('before the kind is there every command says so in one sentence', async () => {
  expect(await cli(['explain', '--all'])).toMatchObject(oneSentence);
  expect((await cli(['explain', '--all'])).err).toContain('the cluster does not serve AgentCards');
  for (const args of [
    ['explain', 'weather'],
    ['release', 'weather'],
    ['approve', 'agentcard/weather'],
  ])
    expect(await cli(args)).toMatchObject(oneSentence);
  for (const args of [['cleanup'], ['migrate'], ['version']]) mustBeAnswered(args, await cli(args));
});

test('every command with wrong arguments, and any words at all, are answered by a real API server', async () => {
  await installKind(server, parse(await readFile('config/crd/agentcards.yaml', 'utf8')), 'refused');
  for (const args of wrongLines().filter(isHarmless)) mustBeAnswered(args, await cli(args));
  const harmless = anyLine.filter(isHarmless);
  await fc.assert(
    fc.asyncProperty(harmless, async (args) => mustBeAnswered(args, await cli(args))),
    { numRuns: 200 },
  );
});

test('orders and their forms are what the API server takes, as whoever is asked for', async () => {
  const targetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'weather' };
  expect(await call(server, 'POST', cardsPath, agentCard('weather', { targetRef }))).toMatchObject({ code: 201 });
  const order = ['quarantine', 'agentcard/weather', '-n', 'default', '--reason', 'drill'];
  const jane = await cli([...order, '--as', 'jane', '--as-group', 'ops']);
  expect(jane).toMatchObject(oneSentence);
  expect(jane.err).toContain('User "jane" cannot get resource "agentcards"');
  expect(jane.err).toMatch(/\(https:\/\/127\.0\.0\.1:\d+, context \S+ of \/nowhere\/config:\S+\); ask for that right/);
  expect(await cli([...order, '--token', 'wrong'])).toMatchObject({
    ...oneSentence,
    err: expect.stringContaining('the API server does not know who asks'),
  });
  expect(await cli([...order, '--as', 'jane', '--as-group', 'system:masters', '-o', 'name'])).toMatchObject({
    status: 0,
    out: 'agentcard.agent.kagenti.dev/weather\n',
  });
  const released = await cli(['release', 'cards/weather', '-n', 'default', '-o', 'json']);
  expect(JSON.parse(released.out)).toMatchObject({ kind: 'AgentCard', spec: { targetRef } });
  expect((await cli(['__complete', 'explain', '-n', 'default', 'we'])).out).toBe('weather\n:4\n');
  expect((await cli(['__complete', 'explain', '-n', 'kube-s'])).out).toBe('kube-system\n:4\n');
  const absent = await cli(['explain', 'weather', '-n', 'absent']);
  expect(absent.err).toContain('there is no namespace absent');
});
