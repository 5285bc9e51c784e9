/** Honest agents beside one hostile namespace, inside their own namespaces: how late, how large, how often ended. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fleet } from '../bench/fleet-messages.ts';
import { answered, since, sum } from '../bench/metrics.ts';
import { makeNetwork } from '../bench/namespace.ts';
import { CardWatch } from '../bench/observer.ts';
import { bundlePrograms, startOperator } from '../bench/operator.ts';
import { parametersFrom } from '../bench/parameters.ts';
import { end, profiling } from '../bench/phases.ts';
import { addresses, createFleet, members } from '../bench/population.ts';
import { startWorld } from '../bench/world.ts';
import { until } from '../cluster/until.ts';
import type { HostileReport } from './hostile.ts';
import { histogram, metricsPort, underLoad } from './load.ts';
import { attack, tenantMembers } from './tenant.ts';

const say = (text: string) =>
  void process.stderr.write(`${(performance.now() / 1000).toFixed(1).padStart(7)} s  ${text}\n`);

async function main(): Promise<void> {
  const preset = { n: 200, namespaces: 10, silent: 0, syncPeriodSeconds: 30 };
  const parameters = parametersFrom(process.env, preset);
  const minutes = Number(process.env.MINUTES ?? 10);
  await makeNetwork();
  await bundlePrograms();
  const logs = await mkdtemp(join(tmpdir(), 'agentcard-hostile-'));
  const world = await startWorld(logs);
  const fleet = await Fleet.start();
  const honest = members(parameters);
  const hostile = tenantMembers(honest.length);
  await createFleet(world.client, honest, `${parameters.syncPeriodSeconds}s`);
  await createFleet(world.client, hostile, '5s');
  const byAddress = await addresses(world.client, [...honest, ...hostile]);
  const told = { kind: 'members', members: [...byAddress], cardBytes: parameters.cardBytes } as const;
  const { workloadApi } = await fleet.tell(told);
  const cards = await CardWatch.open(world.client);
  const nodeFlags = parameters.profile ? profiling : [];
  const operator = await startOperator(parameters, {
    server: world.api.url,
    workloadApi,
    logs,
    metricsPort,
    nodeFlags,
  });
  const key = ({ namespace, name }: (typeof honest)[number]) => `${namespace}/${name}`;
  const ready = () => honest.filter((member) => cards.says(key(member), 'Ready') === 'True ReadyToServe').length;
  await until(
    { what: 'every honest agent to be Ready', timeoutMs: 120_000 },
    async () => ready() === honest.length || undefined,
  );
  say(`${honest.length} honest agents are Ready; the tenant begins`);
  const goOn = await attack(world.client, hostile, [metricsPort, metricsPort + 1]);
  await fleet.tell({ kind: 'measure' });
  const before = await answered(world.client);
  const over = new AbortController();
  const attacking = goOn(over.signal);
  const load = await underLoad(operator, minutes * 60_000, (now) =>
    say(`${ready()} of ${honest.length} Ready, ${now}`),
  );
  const { waits, ended, lagMs } = await fleet.tell({ kind: 'report' });
  const asked = since(before, await answered(world.client));
  over.abort();
  const report: HostileReport = {
    ...{ minutes, logs, load, honest: honest.length, ready: ready() },
    restarts: operator.daemon.alive() ? 0 : 1,
    lostReady: honest.filter((member) => cards.lost.has(key(member))).map(key),
    longestWaitSeconds: Math.max(...honest.map(({ name }) => waits[name] ?? Infinity)) / 1000,
    waits: histogram(ended.map((ms) => ms / 1000)),
    agentsLagSeconds: lagMs / 1000,
    periodSeconds: parameters.syncPeriodSeconds,
    podReadsPerSecond: sum({ pods: asked['GET pods'] ?? 0, sets: asked['GET replicasets'] ?? 0 }) / (minutes * 60),
  };
  await new Promise((resolve) => process.send?.(report, resolve));
  await attacking;
  cards.close();
  await end(operator, parameters.profile);
  fleet.stop();
  await world.stop();
}

await main();
process.exit(0);
