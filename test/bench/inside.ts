/** The benchmark itself, inside its namespaces. Tells its figures to whoever started it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fleet } from './fleet-messages.ts';
import { makeNetwork } from './namespace.ts';
import { bundlePrograms } from './operator.ts';
import { parametersFrom } from './parameters.ts';
import { measure } from './phases.ts';
import { addresses, createFleet, members } from './population.ts';
import { startWorld } from './world.ts';

const say = (text: string) =>
  void process.stderr.write(`${(performance.now() / 1000).toFixed(1).padStart(7)} s  ${text}\n`);

async function main(): Promise<void> {
  const parameters = parametersFrom(process.env);
  await makeNetwork();
  await bundlePrograms();
  const logs = await mkdtemp(join(tmpdir(), 'agentcard-bench-'));
  const world = await startWorld(logs);
  say(`API server ready; logs in ${logs}`);
  const fleet = await Fleet.start();
  try {
    const all = members(parameters);
    await createFleet(world.client, all, `${parameters.coldSyncPeriodSeconds}s`);
    const byAddress = await addresses(world.client, all);
    const { cardBytes } = parameters;
    await fleet.tell({ kind: 'members', members: [...byAddress], cardBytes });
    say(`${byAddress.size} agents run`);
    const report = await measure({ parameters, world, fleet, members: all, byAddress, say });
    await new Promise((resolve) => process.send?.(report, resolve));
  } finally {
    fleet.stop();
    await world.stop();
  }
  await rm(logs, { recursive: true, force: true });
}

await main();
process.exit(0);
