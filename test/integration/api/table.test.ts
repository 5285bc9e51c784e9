import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { agentName } from '../../../src/operator/api/budget.ts';
import { type ApiServer, startApiServer } from '../../cluster/api-server.ts';
import { run } from '../../cluster/command.ts';
import { ensureTools } from '../../cluster/tools.ts';
import { agentCard, call, cardsPath, installKind } from './crd-client.ts';

let server: ApiServer;
let kubectl: string;
beforeAll(async () => {
  server = await startApiServer();
  kubectl = (await ensureTools(['kubectl'])).kubectl;
  await installKind(server, parse(await readFile('config/crd/agentcards.yaml', 'utf8')), 'refused');
});
afterAll(() => server?.stop());

/** What `kubectl get agentcards` draws. */
const table = (...more: string[]) =>
  run(kubectl, ['--kubeconfig', server.kubeconfig, 'get', 'agentcards', '--namespace', 'default', ...more]);

const conditions = (status: string, reason: string) =>
  ['Ready', 'Verified', 'Bound', 'Synced'].map((type) => ({
    ...{ type, status: type === 'Synced' ? 'True' : status, reason: type === 'Synced' ? 'SyncSucceeded' : reason },
    ...{ message: 'm', lastTransitionTime: '2026-01-01T00:00:00Z' },
  }));

async function judged(name: string, agent: string, status: string, reason: string): Promise<void> {
  const targetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name };
  expect(await call(server, 'POST', cardsPath, agentCard(`${name}-deployment-card`, { targetRef }))).toMatchObject({
    code: 201,
  });
  const fields = {
    agentName: agentName(agent),
    protocol: 'a2a',
    card: { name: agent },
    source: 'mtls',
    attestedAgentSpiffeId: `spiffe://example.org/ns/default/sa/${name}`,
    replicas: { ready: 3, attested: 3 },
    lastSyncTime: '2026-01-01T00:00:00Z',
    conditions: conditions(status, reason),
  };
  const written = await call(server, 'PATCH', `${cardsPath}/${name}-deployment-card/status`, { status: fields });
  expect(written.code).toBe(200);
}

test('the table of cards is drawn by the operator: a card by its row, and no name draws another', async () => {
  const forged =
    'Impostor\tTrue\tReadyToServe\tTrue\tTrue\tTrue\tDeployment\tx\t5m\nweather-deployment-card   Weather   True';
  await judged('impostor', forged, 'False', 'IdentityMismatch');
  await judged('weather', '\u202eWeather\u001b[2J \u200b Agent', 'True', 'ReadyToServe');
  const [header = '', ...rows] = (await table()).trimEnd().split('\n');
  const columns = ['NAME', 'AGENT', 'READY', 'REASON', 'VERIFIED', 'BOUND', 'SYNCED', 'KIND', 'TARGET', 'AGE'];
  expect(header.trim().split(/ {2,}/)).toEqual(columns);
  const cells = rows.map((row) => row.trim().split(/ {2,}/).slice(0, -1));
  expect(cells).toEqual([
    [
      'impostor-deployment-card',
      agentName(forged),
      'False',
      'IdentityMismatch',
      'False',
      'False',
      'True',
      'Deployment',
      'impostor',
    ],
    [
      'weather-deployment-card',
      'Weather [2J Agent',
      'True',
      'ReadyToServe',
      'True',
      'True',
      'True',
      'Deployment',
      'weather',
    ],
  ]);
});

test('tables of short names fit 120 characters, and wide ones 200, which add what is looked up less often', async () => {
  await judged('museum', 'Museum', 'False', 'IdentityMismatch');
  const lines = async (...more: string[]) => (await table('museum-deployment-card', ...more)).trimEnd().split('\n');
  const width = (drawn: readonly string[]) => Math.max(...drawn.map((line) => line.trimEnd().length));
  const [usual, wide] = [await lines(), await lines('-o', 'wide')];
  expect(width(usual), usual.join('\n')).toBeLessThanOrEqual(120);
  expect(width(wide), wide.join('\n')).toBeLessThanOrEqual(200);
  const [header = '', row = ''] = wide;
  expect(header.trim().split(/ {2,}/).slice(10)).toEqual([
    'PROTOCOL',
    'SOURCE',
    'ATTESTEDAGENT',
    'REPLICAS',
    'CHANGED',
  ]);
  expect(row.trim().split(/ {2,}/).slice(10, 14)).toEqual([
    'a2a',
    'mtls',
    'spiffe://example.org/ns/default/sa/museum',
    '3',
  ]);
});

test.each([
  ['kind', { kind: 'Deployment\tTrue' }, 'must be a kind'],
  ['name', { name: 'x\nweather   True' }, 'must be the name of an object'],
  ['name', { name: 'x\u202e' }, 'must be the name of an object'],
])('the %s of a target draws no column either', async (field, change, words) => {
  const targetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'x', ...change };
  const { code, message } = await call(server, 'POST', `${cardsPath}?dryRun=All`, agentCard('odd', { targetRef }));
  expect({ code, message }).toEqual({ code: 422, message: expect.stringContaining(`spec.targetRef.${field}: `) });
  expect(message).toContain(words);
});
