/** The worst hour itself, inside its namespaces: after each fault everything is as it should be, by default within half a minute. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fleet } from '../bench/fleet-messages.ts';
import { answered, since, sum, withoutEvents, writesOf } from '../bench/metrics.ts';
import { makeNetwork, placeServiceAccount } from '../bench/namespace.ts';
import { bundlePrograms } from '../bench/operator.ts';
import { type Parameters, parametersFrom } from '../bench/parameters.ts';
import { addresses, createFleet, members } from '../bench/population.ts';
import { type BenchWorld, startWorld } from '../bench/world.ts';
import { FaultProxy } from '../integration/kube/fault-proxy.ts';
import { type Fault, faults, type Stage } from './faults.ts';
import { Invariants } from './invariants.ts';
import { Replicas } from './operators.ts';
import type { ChaosReport, FaultReport } from './report.ts';

const patienceMs = 1_000 * Number(process.env.PATIENCE ?? 30);
const mostMemoryMiB = 400;
/** One is due; a change of leader or identity asks everyone once more, and silence is asked again with back-off. */
const mostDialsPerTurn = 3;

const say = (text: string) =>
  void process.stderr.write(`${(performance.now() / 1000).toFixed(1).padStart(7)} s  ${text}\n`);

async function main(): Promise<void> {
  const parameters = parametersFrom(process.env, { n: 60, silent: 0.02, lying: 0.02 });
  const rounds = Number(process.env.ROUNDS ?? 2);
  const wanted = new RegExp(process.env.FAULT ?? '');
  await makeNetwork();
  await bundlePrograms();
  const logs = await mkdtemp(join(tmpdir(), 'agentcard-chaos-'));
  const world = await startWorld(logs);
  const stage = await setStage(parameters, world);
  const watching = setInterval(() => stage.invariants.check(), 250);
  const reports: FaultReport[] = [];
  try {
    const start = { name: 'a cold start', strike: async () => {} };
    reports.push(await survive(start, stage, Math.max(patienceMs, 120_000)));
    const chosen = faults.filter(({ name }) => wanted.test(name));
    for (let round = 0; round < rounds; round++) for (const fault of chosen) reports.push(await survive(fault, stage));
  } finally {
    clearInterval(watching);
    const report: ChaosReport = { faults: reports, violations: [...stage.invariants.violations], logs };
    await new Promise((resolve) => process.send?.(report, resolve));
    stage.invariants.close();
    await stage.replicas.stop();
    stage.fleet.stop();
    await stage.proxy.close();
    await world.stop();
    const failed = report.violations.length + reports.filter(({ problems }) => problems.length > 0).length;
    if (failed === 0) await rm(logs, { recursive: true, force: true });
  }
}

async function setStage(parameters: Parameters, world: BenchWorld): Promise<Stage> {
  const all = members(parameters);
  const proxy = await FaultProxy.start(world.api);
  await placeServiceAccount(world.api.adminToken, proxy.caPem);
  const fleet = await Fleet.start();
  const syncPeriodMs = parameters.syncPeriodSeconds * 1000;
  await createFleet(world.client, all, `${parameters.syncPeriodSeconds}s`);
  const byAddress = await addresses(world.client, all);
  const { cardBytes } = parameters;
  const { workloadApi } = await fleet.tell({ kind: 'members', members: [...byAddress], cardBytes });
  const invariants = await Invariants.watch(world.client, all);
  const replicas = await Replicas.start({ parameters, server: proxy.url, workloadApi, logs: world.logs });
  return { world, proxy, fleet, replicas, members: all, byAddress, invariants, syncPeriodMs };
}

async function survive({ name, strike }: Fault, stage: Stage, withinMs = patienceMs): Promise<FaultReport> {
  const struckAt = Date.now();
  const { dials: dialsBefore } = await stage.fleet.tell({ kind: 'report' });
  await strike(stage);
  const problems: string[] = [];
  const { calm, seconds } = await settle(stage, withinMs);
  if (!calm) problems.push(`not settled after ${seconds} s: ${stage.invariants.unsettled().slice(0, 3)}`);
  const written = await writtenAtRest(stage, withinMs);
  if (sum(written) > 0) problems.push(`written though nothing changed: ${JSON.stringify(written)}`);
  const dials = (await stage.fleet.tell({ kind: 'report' })).dials - dialsBefore;
  const turns = (Date.now() - struckAt) / stage.syncPeriodMs + 1;
  const perTurn = dials / stage.members.length / turns;
  if (perTurn > mostDialsPerTurn) problems.push(`a stampede: ${perTurn.toFixed(1)} dials per agent and sync period`);
  const memoryMiB = await stage.replicas.memoryMiB();
  if (memoryMiB > mostMemoryMiB) problems.push(`${memoryMiB} MiB`);
  say(`${name}: settled ${seconds.toFixed(1)} s after it, ${perTurn.toFixed(1)} dials per agent and sync period`);
  for (const problem of problems) say(`  ${problem}`);
  return { name, seconds, memoryMiB, problems };
}

async function settle(stage: Stage, withinMs: number): Promise<{ readonly calm: boolean; readonly seconds: number }> {
  const begin = Date.now();
  let calm = await isCalm(stage);
  while (!calm && Date.now() - begin < withinMs) {
    await sleep(200);
    calm = await isCalm(stage);
  }
  return { calm, seconds: (Date.now() - begin) / 1000 };
}

/** Looks again, three times at most, where agents that do answer got no processor to do so in time: that is a change. */
async function writtenAtRest(stage: Stage, withinMs: number): Promise<Readonly<Record<string, number>>> {
  const silent = stage.members.filter(({ part }) => part === 'silent').length;
  for (let look = 1; ; look++) {
    // Events and the last echoes may still be on their way.
    await sleep(1_000);
    const before = { writes: await writes(stage.world), silences: await stage.replicas.silences() };
    await sleep(1.5 * stage.syncPeriodMs);
    const written = since(before.writes, await writes(stage.world));
    const silences = (await stage.replicas.silences()) - before.silences;
    if (sum(written) === 0 || silences <= mostDialsPerTurn * silent || look === 3) return written;
    say(`  ${silences} questions of ${silent} silent agents stayed unanswered: looking again`);
    await settle(stage, withinMs);
  }
}

async function isCalm({ invariants, replicas }: Stage): Promise<boolean> {
  return invariants.unsettled().length === 0 && (await replicas.depth()) === 0;
}

/** Of the operator's resources; events tell, and follow later. */
async function writes({ client }: BenchWorld) {
  return withoutEvents(writesOf(await answered(client)));
}

await main();
process.exit(0);
