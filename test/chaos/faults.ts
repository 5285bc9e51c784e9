/** The worst hour, fault by fault. Each one is over when it returns. */
import { setTimeout as sleep } from 'node:timers/promises';
import { refreshAnnotation } from '../../src/operator/api/labels.ts';
import { customResources } from '../../src/operator/api/resources.ts';
import type { Fleet } from '../bench/fleet-messages.ts';
import type { Part } from '../bench/parameters.ts';
import { each, type Member } from '../bench/population.ts';
import type { BenchWorld } from '../bench/world.ts';
import type { FaultProxy } from '../integration/kube/fault-proxy.ts';
import type { Invariants } from './invariants.ts';
import type { Replicas } from './operators.ts';

export interface Stage {
  readonly world: BenchWorld;
  readonly proxy: FaultProxy;
  readonly fleet: Fleet;
  readonly replicas: Replicas;
  readonly members: readonly Member[];
  readonly byAddress: ReadonlyMap<string, Member>;
  readonly invariants: Invariants;
  readonly syncPeriodMs: number;
}

export interface Fault {
  readonly name: string;
  readonly strike: (stage: Stage) => Promise<void>;
}

export const faults: readonly Fault[] = [
  { name: 'every watch is reset', strike: async ({ proxy }) => proxy.cut('reset') },
  { name: 'every watch is told that its version is gone', strike: async ({ proxy }) => proxy.cut('gone-event') },
  { name: 'every watch ends inside a line', strike: async ({ proxy }) => proxy.cut('cut-line-and-end') },
  { name: 'the API server answers 429', strike: (stage) => mode(stage, { status: 429, retryAfter: 1 }, 6_000) },
  { name: 'the API server answers 503', strike: (stage) => mode(stage, { status: 503 }, 6_000) },
  { name: 'the API server stalls', strike: ({ world }) => pause(world.api.pids().apiServer, 8_000) },
  { name: 'the API server restarts', strike: ({ world }) => world.api.restartApiServer() },
  { name: 'the Workload API is away', strike: workloadApiAway },
  { name: 'the authority is rotated', strike: rotate },
  { name: '30 % of the agents fall silent at once', strike: (stage) => blackHole(stage, 0) },
  { name: '30 % of the agents fall silent one after the other', strike: (stage) => blackHole(stage, 8_000) },
  { name: 'agents lie', strike: lie },
  { name: "the leader's event loop stalls", strike: stallLeader },
  { name: 'the leader is killed while it writes', strike: killLeader },
  { name: "the operator's clock jumps ahead and back", strike: jumpClock },
  { name: 'the disk for logs is full', strike: fullDisk },
];

async function mode({ proxy }: Stage, fault: FaultProxy['mode'], ms: number): Promise<void> {
  proxy.mode = fault;
  proxy.cut('reset');
  await sleep(ms);
  proxy.mode = 'pass';
}

async function pause(pid: number, ms: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await sleep(ms);
  process.kill(pid, 'SIGCONT');
}

async function workloadApiAway({ fleet, syncPeriodMs }: Stage): Promise<void> {
  await fleet.tell({ kind: 'workload-api', up: false });
  await sleep(2 * syncPeriodMs);
  await fleet.tell({ kind: 'workload-api', up: true });
}

/** As SPIRE does it: the next authority is known long before it signs, and the last one long after. */
async function rotate({ fleet, syncPeriodMs }: Stage): Promise<void> {
  for (const step of ['prepare', 'activate', 'drop'] as const) {
    await fleet.tell({ kind: 'rotate', step });
    await sleep(1.5 * syncPeriodMs);
  }
}

async function play(stage: Stage, members: readonly Member[], part: Part): Promise<void> {
  const chosen = new Set(members.map(({ index }) => index));
  const addresses = [...stage.byAddress].filter(([, { index }]) => chosen.has(index)).map(([address]) => address);
  stage.invariants.play(members, part);
  await stage.fleet.tell({ kind: 'change', addresses, part });
}

function good({ members }: Stage, share: number): readonly Member[] {
  const all = members.filter(({ part }) => part === 'good');
  return all.slice(0, Math.ceil(all.length * share));
}

async function blackHole(stage: Stage, spreadMs: number): Promise<void> {
  const chosen = good(stage, 0.3);
  for (const member of spreadMs === 0 ? [] : chosen) {
    await play(stage, [member], 'silent');
    await sleep(spreadMs / chosen.length);
  }
  await play(stage, chosen, 'silent');
  await sleep(2 * stage.syncPeriodMs);
  await play(stage, chosen, 'good');
}

async function lie(stage: Stage): Promise<void> {
  const chosen = good(stage, 0.1);
  await play(stage, chosen, 'lying');
  const refused = () => stage.invariants.unsettled().length === 0;
  for (let waited = 0; !refused() && waited < 30_000; waited += 500) await sleep(500);
  if (!refused()) stage.invariants.violations.add('a liar was not refused within 30 s');
  await play(stage, chosen, 'good');
}

async function stallLeader({ replicas }: Stage): Promise<void> {
  const leader = await replicas.leader();
  if (leader !== undefined) await pause(leader.daemon.pid, 6_000);
}

/** Every card changes at once, so that there is much to write. */
async function killLeader({ replicas, fleet, world, members, byAddress, invariants }: Stage): Promise<void> {
  const leader = await replicas.leader();
  invariants.outdate();
  await fleet.tell({ kind: 'change', addresses: [...byAddress.keys()], version: Date.now() });
  const metadata = { annotations: { [refreshAnnotation]: String(Date.now()) } };
  await each(members, ({ namespace, name }) =>
    world.client.patch(customResources.agentCards, `${namespace}/${name}`, { metadata }, { type: 'merge' }),
  );
  await leader?.daemon.kill();
}

/** Longer than a sync period, shorter than any evidence lives. */
const jumpMs = 30 * 60_000;

async function jumpClock({ replicas, syncPeriodMs }: Stage): Promise<void> {
  for (const aheadMs of [jumpMs, 0]) {
    await replicas.setClock(aheadMs);
    await sleep(1.5 * syncPeriodMs);
  }
}

/** While there is much to log. */
async function fullDisk(stage: Stage): Promise<void> {
  await stage.replicas.fillLogDisk();
  await mode(stage, { status: 503 }, 6_000);
  await stage.replicas.freeLogDisk();
}
