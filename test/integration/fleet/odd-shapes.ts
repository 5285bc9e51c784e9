/** Fleets that no one plans for, inside namespaces of their own: what each costs the operator. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { verifiedLabel } from '../../../src/operator/api/labels.ts';
import { customResources } from '../../../src/operator/api/resources.ts';
import { Fleet } from '../../bench/fleet-messages.ts';
import { answered, type Requests, since, writesOf } from '../../bench/metrics.ts';
import { makeNetwork } from '../../bench/namespace.ts';
import { CardWatch } from '../../bench/observer.ts';
import { bundlePrograms, startOperator } from '../../bench/operator.ts';
import { parametersFrom } from '../../bench/parameters.ts';
import { untilTold } from '../../bench/phases.ts';
import { addresses, cardObject, createFleet, each, type Member, podsOf } from '../../bench/population.ts';
import { startWorld } from '../../bench/world.ts';
import { until } from '../../cluster/until.ts';

const syncPeriodSeconds = 5;
/** Turns are spread by a tenth. */
const leastTurnMs = 0.9 * syncPeriodSeconds * 1000;
const periods = 3;
const siblings = 20;
const replicas = 500;

export interface Cost {
  /** Turns that a card can have had meanwhile: more than planned where the machine was busy. */
  readonly turns: number;
  readonly writes: Requests;
  /** Questions that agents answered. */
  readonly cards: number;
}

export interface OddReport {
  /** Cards that stand for one workload, and pods of another. */
  readonly siblings: number;
  readonly replicas: number;
  readonly start: Cost;
  /** Cards by what their Ready condition says. */
  readonly ready: Readonly<Record<string, number>>;
  readonly labelled: number;
  readonly rest: Cost;
  /** One card was another one every second. */
  readonly restless: Cost;
  /** The card that stood for a workload was deleted, and a sibling took over. */
  readonly succession: Cost;
}

const long = (length: number, text: string) => text.repeat(length).slice(0, length);
const member = (index: number, name: string, namespace = 'odd', count = 1): Member => ({
  ...{ index, name, namespace, part: 'good', replicas: count },
});
const crowded = member(0, 'crowded');
const wide = member(1, 'wide', 'odd', replicas);
/** A ReplicaSet's name is longer than its Deployment's by a hash. */
const endless = member(2, long(240, 'endless-a'), long(63, 'n'));
const restless = member(3, 'restless');
const all = [crowded, wide, endless, restless];

async function main(): Promise<void> {
  const parameters = parametersFrom(process.env, { n: all.length, syncPeriodSeconds, cardBytes: 32 * 1024 });
  await makeNetwork();
  await bundlePrograms();
  const logs = await mkdtemp(join(tmpdir(), 'agentcard-odd-'));
  const world = await startWorld(logs);
  const { client } = world;
  const fleet = await Fleet.start();
  const syncPeriod = `${syncPeriodSeconds}s`;
  await createFleet(client, all, syncPeriod);
  const more = Array.from({ length: siblings - 1 }, (_, index) => cardObject(crowded, syncPeriod, `crowded-${index}`));
  await each(more, (card) => client.create(customResources.agentCards, card));
  const byAddress = await addresses(client, all);
  const { cardBytes } = parameters;
  const { workloadApi } = await fleet.tell({ kind: 'members', members: [...byAddress], cardBytes });
  const watch = await CardWatch.open(client);

  const cost = async (act: () => Promise<unknown>): Promise<Cost> => {
    const read = async () => {
      return { requests: await answered(client), cards: (await fleet.tell({ kind: 'report' })).cards };
    };
    const begin = performance.now();
    const before = await read();
    await act();
    const after = await read();
    const turns = 1 + Math.floor((performance.now() - begin) / leastTurnMs);
    return { turns, writes: writesOf(since(before.requests, after.requests)), cards: after.cards - before.cards };
  };
  const labelled = async () =>
    (await podsOf(client)).filter(({ metadata }) => metadata.labels?.[verifiedLabel] === 'true').length;
  const settled = (what: string, isSo: () => Promise<boolean>) =>
    until({ what, timeoutMs: 400_000, everyMs: 200 }, async () => ((await isSo()) ? true : undefined));
  const pods = all.reduce((sum, { replicas: count = 1 }) => sum + count, 0);
  const complete = async () =>
    watch.ready === all.length &&
    watch.count('Ready', 'False Conflict') === siblings - 1 &&
    (await labelled()) === pods;

  const options = { server: world.api.url, workloadApi, logs, metricsPort: 18_080 };
  const start = await cost(async () => {
    await startOperator(parameters, options);
    await settled('every shape to be verified', complete);
    await untilTold(world);
  });
  const ready = { true: watch.ready, conflict: watch.count('Ready', 'False Conflict') };
  const labels = await labelled();
  const rest = await cost(() => sleep(periods * syncPeriodSeconds * 1000));
  const at = [...byAddress].filter(([, { index }]) => index === restless.index).map(([address]) => address);
  const changing = await cost(async () => {
    for (let version = 2; version < 2 + periods * syncPeriodSeconds; version++) {
      await fleet.tell({ kind: 'change', addresses: at, version });
      await sleep(1_000);
    }
  });
  const succession = await cost(async () => {
    await client.delete(customResources.agentCards, 'odd/crowded');
    await settled('a sibling to take over', async () => watch.count('Ready', 'False Conflict') === siblings - 2);
    await settled('the successor to be Ready', async () => watch.ready === all.length);
  });
  const report: OddReport = {
    siblings,
    replicas,
    start,
    ready,
    labelled: labels,
    rest,
    restless: changing,
    succession,
  };
  await new Promise((resolve) => process.send?.(report, resolve));
  watch.close();
  fleet.stop();
  await world.stop();
  await rm(logs, { recursive: true, force: true });
}

await main();
process.exit(0);
