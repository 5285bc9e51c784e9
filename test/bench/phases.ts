/** What is measured, in order: a cold start, calm, single changes, and the bare loop on the same fleet. */
import { mkdir } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { customResources } from '../../src/operator/api/resources.ts';
import { until } from '../cluster/until.ts';
import { runBare, templateFrom } from './bare-run.ts';
import type { Fleet, FleetReport } from './fleet-messages.ts';
import { answered, processFigures, quantile, type Requests, since, sum, total, writesOf } from './metrics.ts';
import { CardWatch, sampleProcess } from './observer.ts';
import { type RunningOperator, startOperator } from './operator.ts';
import type { Parameters } from './parameters.ts';
import { each, type Member, resetFleet } from './population.ts';
import { probe } from './probes.ts';
import { type Bare, type ColdStart, countsText, type Phase, type Report } from './report.ts';
import { measureVerification } from './verify.ts';
import type { BenchWorld } from './world.ts';

export interface Scene {
  readonly parameters: Parameters;
  readonly world: BenchWorld;
  readonly fleet: Fleet;
  readonly members: readonly Member[];
  readonly byAddress: ReadonlyMap<string, Member>;
  readonly say: (text: string) => void;
}

const metricsPort = 18_080;

export async function measure(scene: Scene): Promise<Report> {
  const { parameters, world, say } = scene;
  const machine = { cpus: availableParallelism(), node: process.version, loadBefore: loadavg()[0] ?? 0 };
  const watch = await CardWatch.open(world.client);
  // Warms the agents, which would otherwise be slower for whoever comes first.
  if (parameters.bare) await runBare(scene, { mode: 'fetch' });
  const { coldStart, operator } = await startCold(scene, watch);
  say(`${coldStart.readySeconds.length} of ${coldStart.answering} Ready after ${coldStart.readySeconds.at(-1)} s`);
  const all = async () => watch.judged >= parameters.n || undefined;
  await until({ what: 'the agents that do not answer to be judged', timeoutMs: 180_000, everyMs: 100 }, all);
  await hasten(scene, watch);
  if (parameters.settle) await untilTold(world);
  say(`idle for ${parameters.idlePeriods} sync periods`);
  const idle = await phase(scene, operator, () => sleep(parameters.idlePeriods * parameters.syncPeriodSeconds * 1000));
  say(
    `${countsText(idle.writes)} written meanwhile; ${idle.rssMiB.toFixed(0)} MiB, at most ${idle.peakMiB.toFixed(0)}`,
  );
  const probes = parameters.bare ? await probe(scene, watch) : [];
  for (const { name, medianMs, maxMs } of probes)
    say(`${name}: ${medianMs.toFixed(0)} ms, at most ${maxMs.toFixed(0)} ms`);
  await end(operator, parameters.profile);
  const bare = parameters.bare ? await compare(scene, watch) : undefined;
  watch.close();
  const verification = parameters.bare ? await measureVerification() : undefined;
  return { parameters, machine, coldStart, idle, probes, verification, bare };
}

const profiles = 'dist/bench/profiles';
export const profiling = [
  '--cpu-prof',
  `--cpu-prof-dir=${profiles}`,
  '--heapsnapshot-signal=SIGUSR2',
  `--diagnostic-dir=${profiles}`,
];

/** For experiments with the runtime. */
const moreFlags = () => (process.env.OPERATOR_NODE_FLAGS ?? '').split(' ').filter((flag) => flag !== '');

/** Profiles are written at an orderly end. */
export async function end({ daemon }: RunningOperator, profiled: boolean): Promise<void> {
  if (!profiled) return daemon.kill();
  process.kill(daemon.pid, 'SIGUSR2');
  await sleep(15_000);
  process.kill(daemon.pid, 'SIGTERM');
  await daemon.ended;
}

const isHonest = ({ part }: Member) => part === 'good' || part === 'slow';

async function startCold(scene: Scene, watch: CardWatch): Promise<{ coldStart: ColdStart; operator: RunningOperator }> {
  const { parameters, world, members, fleet } = scene;
  const answering = members.filter(isHonest).length;
  const { workloadApi } = await fleet.tell({ kind: 'report' });
  if (parameters.profile) await mkdir(profiles, { recursive: true });
  const nodeFlags = [...(parameters.profile ? profiling : []), ...moreFlags()];
  const begin = Date.now();
  const before = await counters(scene);
  const { url: server } = world.api;
  const operator = await startOperator(parameters, { server, workloadApi, logs: world.logs, metricsPort, nodeFlags });
  const sampling = sampleProcess(operator.daemon.pid, begin);
  await until({ what: 'every agent that answers to be Ready', timeoutMs: 1_200_000, everyMs: 100 }, async () => {
    if (!operator.daemon.alive()) throw new Error(`the operator ended: ${operator.daemon.log}`);
    return watch.ready >= answering ? true : undefined;
  });
  const figures = await figuresOf(scene, operator, { before, begin, cpuBefore: 0 });
  const readySeconds = [...watch.readyAt.values()].map((at) => (at - begin) / 1000).sort((a, b) => a - b);
  // The curve goes on a while, to show what a start leaves behind.
  await sleep(2_000);
  sampling.stop();
  return { operator, coldStart: { ...figures, readySeconds, answering, points: sampling.points } };
}

/** From the period of the start to the one at rest; returns when everybody has had a turn by it. */
async function hasten({ world, members, parameters }: Scene, watch: CardWatch): Promise<void> {
  const spec = { syncPeriod: `${parameters.syncPeriodSeconds}s` };
  await each(members, (member) =>
    world.client.patch(customResources.agentCards, `${member.namespace}/${member.name}`, { spec }, { type: 'merge' }),
  );
  const all = async () => watch.current >= parameters.n || undefined;
  await until({ what: 'every card to be looked at with its new period', timeoutMs: 300_000, everyMs: 100 }, all);
  await sleep(parameters.syncPeriodSeconds * 1000);
}

async function phase(scene: Scene, operator: RunningOperator, run: () => Promise<unknown>): Promise<Phase> {
  const before = await counters(scene, operator);
  const { cpuSeconds: cpuBefore } = await processFigures(operator.daemon.pid);
  const begin = Date.now();
  await run();
  return figuresOf(scene, operator, { before, begin, cpuBefore });
}

interface Counters {
  readonly reconciles: number;
  readonly requests: Requests;
  readonly fleet: FleetReport;
}

async function counters({ world, fleet }: Scene, operator?: RunningOperator): Promise<Counters> {
  const said = (await operator?.metrics()) ?? '';
  const reconciles = total(said, 'controller_runtime_reconcile_total', { controller: 'agentcard' });
  return { reconciles, requests: await answered(world.client), fleet: await fleet.tell({ kind: 'report' }) };
}

interface Since {
  readonly before: Counters;
  readonly begin: number;
  readonly cpuBefore: number;
}

async function figuresOf(scene: Scene, operator: RunningOperator, { before, begin, cpuBefore }: Since): Promise<Phase> {
  const seconds = (Date.now() - begin) / 1000;
  const { cpuSeconds, rssMiB, peakMiB } = await processFigures(operator.daemon.pid);
  const after = await counters(scene);
  const said = (await operator.metrics()) ?? '';
  const changed = since(before.requests, after.requests);
  const writes = writesOf(changed);
  const queue = 'workqueue_queue_duration_seconds';
  const where = { controller: 'agentcard' };
  return {
    ...{ seconds, cpuSeconds: cpuSeconds - cpuBefore, rssMiB, peakMiB, writes },
    heapMiB: total(said, 'nodejs_heap_size_used_bytes') / 2 ** 20,
    reads: Object.fromEntries(Object.entries(changed).filter(([key]) => !(key in writes))),
    reconciles: total(said, 'controller_runtime_reconcile_total', where) - before.reconciles,
    cards: after.fleet.cards - before.fleet.cards,
    dials: after.fleet.dials - before.fleet.dials,
    loopDelayP99Ms: total(said, 'nodejs_eventloop_lag_p99_seconds') * 1000,
    loopDelayMaxMs: total(said, 'nodejs_eventloop_lag_max_seconds') * 1000,
    queueP50: quantile(said, queue, 0.5, where),
    queueP99: quantile(said, queue, 0.99, where),
  };
}

/** Events are written slowly and in the background; calm begins after the last one. */
export async function untilTold({ client }: BenchWorld): Promise<void> {
  const written = async () => sum(writesOf(await answered(client)));
  let last = -1;
  await until({ what: 'the last event to be written', timeoutMs: 900_000, everyMs: 3_000 }, async () => {
    const now = await written();
    const calm = now === last;
    last = now;
    return calm || undefined;
  });
}

async function compare(scene: Scene, watch: CardWatch): Promise<Bare> {
  const { world, members, parameters, say } = scene;
  const template = await templateFrom(world.client, members);
  say('the bare loop, at the pace of the idle operator');
  const paced = await runBare(scene, { mode: 'paced' });
  await resetFleet(world.client, members, `${parameters.coldSyncPeriodSeconds}s`);
  await until({ what: 'the reset', timeoutMs: 60_000 }, async () => (watch.ready === 0 ? true : undefined));
  say('the bare loop, with its writes');
  const begin = Date.now();
  const whole = await runBare(scene, { mode: 'whole', template });
  await sleep(500);
  const readySeconds = [...watch.readyAt.values()].map((at) => (at - begin) / 1000).sort((a, b) => a - b);
  return { paced, whole: { ...whole, readySeconds } };
}
