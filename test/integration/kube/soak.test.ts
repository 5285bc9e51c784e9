import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import type { KubeClient } from '../../../src/kube/client/client.ts';
import type { AgentCard } from '../../../src/operator/api/agentcard.ts';
import { customResources } from '../../../src/operator/api/resources.ts';
import { each } from '../../bench/population.ts';
import { startApiServer } from '../../cluster/api-server.ts';
import { installKind } from '../api/crd-client.ts';
import { cuts, FaultProxy, type Mode, outages } from './fault-proxy.ts';
import { connect, makeNamespace, untilEqual, watch } from './rig.ts';

/** A longer soak finds rarer interleavings. */
const soakMs = Number(process.env.AGENTCARD_SOAK_SECONDS ?? 8) * 1000;
const namespace = 'soak';
const names = Array.from({ length: 1_000 }, (_, index) => `agent-${index}`);
const modes: Mode[] = ['pass', 'silence', 'refuse-connections', ...outages.map(([, mode]) => mode)];

const pick = <T>(from: readonly T[]): T => from[Math.floor(Math.random() * from.length)] as T;

test('under random faults and writes the cache of a thousand cards ends equal to a fresh list', {
  timeout: soakMs + 180_000,
}, async () => {
  const api = await startApiServer();
  onTestFinished(() => api.stop());
  await installKind(api, parse(await readFile('config/crd/agentcards.yaml', 'utf8')), 'refused');
  const direct = connect(api);
  const proxy = await FaultProxy.start(api);
  onTestFinished(() => proxy.close());
  await makeNamespace(direct, namespace);
  await each(names, (name) => create(direct, name));
  const client = connect(api, proxy);
  const { informer, problems, missed, failures } = await watch<AgentCard>(client, {
    resource: customResources.agentCards,
  });
  const end = performance.now() + soakMs;
  const during = async (act: () => Promise<unknown>) => {
    while (performance.now() < end) await act();
  };
  const [written] = await Promise.all([writes(direct, during), during(() => breakSomething(proxy))]);
  await untilEqual(informer, direct, namespace);
  console.log(`${written} writes, ${failures.length} failures of the watch, ${informer.size} cards`);
  expect(informer.size).toBeGreaterThan(100);
  expect([problems, missed]).toEqual([[], []]);
});

function create(client: KubeClient, name: string) {
  const { group, version } = customResources.agentCards;
  const spec = { targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name } };
  const card = { apiVersion: `${group}/${version}`, kind: 'AgentCard', metadata: { name, namespace }, spec };
  return client.create<AgentCard>(customResources.agentCards, card as AgentCard);
}

/** Changes, deletes and recreates cards; resolves with how often. */
async function writes(client: KubeClient, during: (act: () => Promise<unknown>) => Promise<void>): Promise<number> {
  let count = 0;
  await during(async () => {
    const name = pick(names);
    const key = `${namespace}/${name}`;
    count++;
    if ((await client.get(customResources.agentCards, key)) === undefined) await create(client, name);
    else if (Math.random() < 0.5) await client.delete(customResources.agentCards, key);
    else {
      const metadata = { annotations: { round: String(count) } };
      await client.patch(customResources.agentCards, key, { metadata }, { type: 'merge' });
    }
  });
  return count;
}

async function breakSomething(proxy: FaultProxy): Promise<void> {
  proxy.mode = pick(modes);
  if (Math.random() < 0.2) proxy.freeze();
  else proxy.cut(pick(cuts));
  await sleep(Math.random() * 300);
  proxy.mode = 'pass';
  await sleep(Math.random() * 300);
}
