/** Honest agents beside one hostile namespace, inside their own namespaces: how late, how large, how often ended. */
import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fleet } from '../bench/fleet-messages.ts';
import { answered, processFigures, since, sum } from '../bench/metrics.ts';
import { makeNetwork } from '../bench/namespace.ts';
import { CardWatch } from '../bench/observer.ts';
import { bundlePrograms, type RunningOperator, startOperator } from '../bench/operator.ts';
import { parametersFrom } from '../bench/parameters.ts';
import { addresses, createFleet, members } from '../bench/population.ts';
import { startWorld } from '../bench/world.ts';
import { until } from '../cluster/until.ts';
import type { HostileReport } from './hostile.ts';
import { attack, tenantMembers } from './tenant.ts';

const metricsPort = 18_080;
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
  const operator = await startOperator(parameters, { server: world.api.url, workloadApi, logs, metricsPort });
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
  const memory = await watch(operator, minutes * 60_000, () => say(`${ready()} of ${honest.length} Ready`));
  const { waits } = await fleet.tell({ kind: 'report' });
  const asked = since(before, await answered(world.client));
  over.abort();
  const report: HostileReport = {
    ...{ minutes, logs, memoryMiB: memory, honest: honest.length, ready: ready() },
    restarts: operator.daemon.alive() ? 0 : 1,
    lostReady: honest.filter((member) => cards.lost.has(key(member))).map(key),
    longestWaitSeconds: Math.max(...honest.map(({ name }) => waits[name] ?? Infinity)) / 1000,
    periodSeconds: parameters.syncPeriodSeconds,
    podReadsPerSecond: sum({ pods: asked['GET pods'] ?? 0, sets: asked['GET replicasets'] ?? 0 }) / (minutes * 60),
  };
  await new Promise((resolve) => process.send?.(report, resolve));
  await attacking;
  cards.close();
  await operator.daemon.kill();
  fleet.stop();
  await world.stop();
}

/** The most memory that the operator and its children took at one time. */
async function watch({ daemon }: RunningOperator, forMs: number, tell: () => void): Promise<number> {
  const end = Date.now() + forMs;
  let most = 0;
  for (let looks = 1; Date.now() < end && daemon.alive(); looks++) {
    const pids = [daemon.pid, ...(await childrenOf(daemon.pid))];
    const all = await Promise.all(pids.map((pid) => processFigures(pid).catch(() => undefined)));
    most = Math.max(
      most,
      all.reduce((whole, figures) => whole + (figures?.rssMiB ?? 0), 0),
    );
    if (looks % 30 === 0) tell();
    await sleep(1_000);
  }
  return most;
}

async function childrenOf(parent: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')));
  return pids.filter((_, at) => Number(stats[at]?.split(') ')[1]?.split(' ')[1]) === parent).map(Number);
}

await main();
process.exit(0);
