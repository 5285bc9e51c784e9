#!/usr/bin/env node
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type Config, flags, readConfig } from './config.ts';
import { describeFlags } from './flags.ts';
import { KubeClient } from './kube/client.ts';
import { type ClusterConfig, inClusterConfig, kubeconfigConfig } from './kube/config.ts';
import { EventRecorder } from './kube/event-recorder.ts';
import { LeaderElection } from './kube/leader-election.ts';
import { resources, typeOf } from './kube/objects.ts';
import { assemble } from './operator.ts';
import { createLogger, type Logger } from './runtime/log.ts';
import { Manager } from './runtime/manager.ts';
import { createMetrics } from './runtime/metrics.ts';
import { IdentitySource } from './spiffe/identity.ts';
import { workloadApi } from './spiffe/workload-api.ts';
import { requireServedKind } from './startup.ts';

const usage = `Proves which workload serves and signs an A2A AgentCard, and acts on the verdict.

Usage: agentcard-operator [flags]

Every flag is also a variable: --trust-domain is AGENTCARD_TRUST_DOMAIN.

Flags:
${describeFlags(flags)}
`;

const leaseName = 'agentcard-operator';
/** How long nothing is dialled while our own identity is on its way. */
const identityPatienceMs = 10_000;

async function main(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(usage);
    return;
  }
  const read = readConfig(args, env);
  if ('problems' in read) {
    process.stderr.write(`${read.problems.map((problem) => `agentcard-operator: ${problem}`).join('\n')}\n`);
    process.exitCode = 2;
    return;
  }
  const log = createLogger({ level: read.config.logLevel, format: read.config.logFormat });
  process.on('unhandledRejection', (error) => fail(log, error));
  process.on('uncaughtException', (error) => fail(log, error));
  await run(read.config, env, log).catch((error: unknown) => fail(log, error));
}

async function run(config: Config, env: NodeJS.ProcessEnv, log: Logger): Promise<void> {
  const metrics = createMetrics();
  const cluster = await clusterConfig(config, env);
  const client = new KubeClient(cluster, { observe: metrics.call });
  await requireServedKind(client);
  const now = () => Date.now();
  const spiffe = config.enableVerifiedFetch || config.enableSignatureVerification;
  const identity = new IdentitySource({
    clock: now,
    ...(spiffe ? { workloadApi: workloadApi(config.spiffeEndpointSocket) } : {}),
  });
  const instance = config.podName || hostname();
  const events = new EventRecorder({
    client,
    controller: 'agent.kagenti.dev/agentcard-operator',
    instance,
    onFate: metrics.event,
  });
  const election = config.leaderElect ? elect(config, { client, cluster, instance, log }) : undefined;
  if (election !== undefined) client.fence = () => election.isLeader();

  const { caches, controllers, dialler } = assemble(config, {
    client,
    identity,
    log,
    now,
    record: (card, note) => events.record({ regarding: { ...card, ...typeOf(resources.agentCards) }, ...note }),
    metrics,
  });
  const manager = new Manager({
    log,
    metrics,
    metricsAddress: config.metricsBindAddress,
    probeAddress: config.healthProbeBindAddress,
    events,
    ...(election === undefined ? {} : { election }),
  });
  for (const cache of Object.values(caches)) if (cache !== undefined) manager.addCache(cache.resource.plural, cache);
  for (const controller of controllers) manager.addController(controller);
  manager.addTask({ name: 'identity', needsLeadership: false, run: (signal) => identity.start(signal) });
  manager.addTask({ name: 'dialler', needsLeadership: true, run: (signal) => dial(signal) });
  await manager.run(stopSignal(log));

  async function dial(signal: AbortSignal): Promise<void> {
    if (spiffe)
      await identity.ready(AbortSignal.any([signal, AbortSignal.timeout(identityPatienceMs)])).catch(() => {});
    dialler.open();
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    dialler.stop();
  }
}

function clusterConfig(config: Config, env: NodeJS.ProcessEnv): ClusterConfig | Promise<ClusterConfig> {
  if (config.kubeconfig !== '') return kubeconfigConfig(config.kubeconfig);
  return env.KUBERNETES_SERVICE_HOST === undefined ? kubeconfigConfig() : inClusterConfig();
}

function elect(
  config: Config,
  { client, cluster, instance, log }: { client: KubeClient; cluster: ClusterConfig; instance: string; log: Logger },
): LeaderElection {
  return new LeaderElection({
    client,
    namespace: config.podNamespace || cluster.namespace || 'default',
    name: leaseName,
    identity: `${instance}_${randomUUID()}`,
    onChange: (leads) => log.info('leadership changed', { leads }),
    onError: (error) => log.warn('the lease could not be renewed', { error }),
  });
}

function stopSignal(log: Logger): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info('stopping', { signal });
      stop.abort();
    });
  }
  return stop.signal;
}

function fail(log: Logger, error: unknown): never {
  log.error('the operator cannot go on', { error });
  process.exit(1);
}

await main(process.argv.slice(2), process.env);
