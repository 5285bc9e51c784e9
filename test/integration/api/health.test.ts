import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Condition } from '../../../src/kube/objects.ts';
import { guilts } from '../../../src/operator/judge/conditions.ts';
import { type ApiServer, startApiServer } from '../../cluster/api-server.ts';
import { ensureTools } from '../../cluster/tools.ts';
import { plans, readGolden, recorded, recordedBases } from '../../unit/operator/kit/golden.ts';
import { agentCard, call, cardsPath, installKind } from './crd-client.ts';
import { targetRef } from './peer-cards.ts';

interface Health {
  readonly kstatus: string;
  readonly reason: string;
  readonly argo: string;
  readonly message: string;
}

const page = await readFile('docs/operations.md', 'utf8');
const script = /```lua\n(.*?)```/s.exec(page)?.[1] ?? '';

let server: ApiServer;
let healthOf: (objects: readonly object[]) => Health[];
beforeAll(async () => {
  const { health } = await ensureTools(['health']);
  const file = join(await mkdtemp(join(tmpdir(), 'agentcard-')), 'health.lua');
  await writeFile(file, script);
  healthOf = (objects) => {
    const { stdout, stderr } = spawnSync(health, [file], { input: JSON.stringify(objects), encoding: 'utf8' });
    expect(stderr).toBe('');
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Health);
  };
  server = await startApiServer();
  await installKind(server, parse(await readFile('config/crd/agentcards.yaml', 'utf8')), 'refused');
});
afterAll(() => server?.stop());

const condition = (type: string, status: string, reason: string) => ({
  ...{ type, status, reason, message: `${reason}.`, lastTransitionTime: '2026-01-02T03:04:05Z' },
});

test('a card is waited for from its creation until it is judged, and again when its spec changes', async () => {
  const seen = [];
  const created = await call(server, 'POST', cardsPath, agentCard('weather', { targetRef }));
  seen.push(created.object);
  const status = { observedGeneration: 1, conditions: [condition('Ready', 'True', 'ReadyToServe')] };
  seen.push((await call(server, 'PATCH', `${cardsPath}/weather/status`, { status })).object);
  seen.push((await call(server, 'PATCH', `${cardsPath}/weather`, { spec: { syncPeriod: '1m' } })).object);
  const told = healthOf(seen).map(({ kstatus, argo }) => [kstatus, argo]);
  expect(told).toEqual([
    ['InProgress', 'Progressing'],
    ['Current', 'Healthy'],
    ['InProgress', 'Progressing'],
  ]);
});

/** What the table of the page says. */
function expected(conditions: readonly Condition[]): [string, string] {
  const is = (type: string) => conditions.find((each) => each.type === type);
  const ready = is('Ready');
  if (is('Stalled') !== undefined) return ['Failed', 'Degraded'];
  if (ready?.status === 'True') return ['Current', 'Healthy'];
  if (guilts.has(ready?.reason as never)) return ['InProgress', 'Degraded'];
  return ['InProgress', ready?.reason === 'Suspended' ? 'Suspended' : 'Progressing'];
}

test('of every moment on record kstatus and the script for Argo CD say what the page says', () => {
  const known = recordedBases();
  const moments = plans.flatMap((file) => {
    const { status } = recorded(readGolden(file), known);
    return typeof status === 'string' ? [] : [status.conditions as object as Condition[]];
  });
  const metadata = { name: 'weather', namespace: 'team', generation: 3 };
  const apiVersion = 'agent.kagenti.dev/v1alpha1';
  const cards = moments.map((conditions) => {
    return { apiVersion, kind: 'AgentCard', metadata, status: { observedGeneration: 3, conditions } };
  });
  const told = healthOf(cards);
  expect(new Set(told.map(({ argo }) => argo))).toEqual(new Set(['Healthy', 'Degraded', 'Suspended', 'Progressing']));
  for (const [index, conditions] of moments.entries()) {
    const health = told[index];
    expect([conditions, [health?.kstatus, health?.argo]]).toEqual([conditions, expected(conditions)]);
    expect(conditions.map(({ message }) => message)).toContain(health?.message);
  }
});
