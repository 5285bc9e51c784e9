#!/usr/bin/env node
import { createLogger, type Logger, Manager, runProcess } from '@agentcard-operator/kube/runtime';
import { assemble } from './operator.ts';
import { createPlatform } from './platform.ts';
import { type Config, readConfig } from './settings/config.ts';
import { flags } from './settings/flag-table.ts';
import { describeFlags } from './settings/flags.ts';
import { versionLine } from './settings/version.ts';
import { everyCache } from './watch/caches.ts';
import { requireServedKind, verificationOf } from './watch/served-kind.ts';
import { trustBundle } from './watch/trust-bundle.ts';

const usage = `Proves which workload serves and signs an A2A AgentCard, and acts on the verdict.

Usage: agentcard-operator [flags]

Every flag is also a variable: --trust-domain is AGENTCARD_TRUST_DOMAIN.

Flags:
${describeFlags(flags)}
`;

async function main(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(usage);
    return;
  }
  if (args.includes('--version')) return void process.stdout.write(versionLine('agentcard-operator'));
  const read = readConfig(args, env);
  if ('problems' in read) {
    process.stderr.write(`${read.problems.map((problem) => `agentcard-operator: ${problem}`).join('\n')}\n`);
    process.exitCode = 2;
    return;
  }
  const { config } = read;
  const log = createLogger({ level: config.logLevel, format: config.logFormat });
  await runProcess((stop) => operate(config, env, log, stop), log);
}

/** Makes every part, joins them, and runs until the signal. */
async function operate(config: Config, env: NodeJS.ProcessEnv, log: Logger, stop: AbortSignal): Promise<void> {
  log.info('identity verification', verificationOf(config));
  const platform = await createPlatform(config, env, log);
  const { client, identity, metrics, events, election } = platform;
  await requireServedKind(client);
  const { caches, controllers, inquiry } = assemble(config, platform);
  const { metricsBindAddress: metricsAddress, healthProbeBindAddress: probeAddress, profiling: profiles } = config;
  const leading = election === undefined ? {} : { election };
  const manager = new Manager({ log, metrics, metricsAddress, profiles, probeAddress, events, ...leading });
  if (election !== undefined) manager.health.addReadyProbe('lease', () => election.healthy());
  for (const { name, cache } of everyCache(caches)) manager.addCache(name, cache);
  for (const each of controllers) manager.addController(each);
  const bundle = trustBundle(config, platform);
  if (bundle !== undefined && 'run' in bundle) manager.addTask(bundle);
  else if (bundle !== undefined) manager.addCache('trust-bundle', bundle);
  manager.addTask({ name: 'identity', needsLeadership: false, run: (signal) => identity.start(signal) });
  manager.addTask({ name: 'inquiry', needsLeadership: true, run: (signal) => inquiry.run(signal) });
  await manager.run(stop);
}

await main(process.argv.slice(2), process.env);
