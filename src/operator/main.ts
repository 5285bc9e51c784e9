#!/usr/bin/env node
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { type ClusterConfig, inClusterConfig, KubeClient, kubeconfigConfig } from '@agentcard-operator/kube';
import {
  createLogger,
  createMetrics,
  EventRecorder,
  LeaderElection,
  type Logger,
  Manager,
  runProcess,
} from '@agentcard-operator/kube/runtime';
import { IdentitySource, workloadApi } from '@agentcard-operator/spiffe/workload-api';
import { parseTrustDomain } from '@agentcard-operator/spiffe/x509';
import { leaseName } from './api/labels.ts';
import type { Dialler } from './inquiry/dialler.ts';
import { registerIdentityMetrics } from './metrics/identity.ts';
import { assemble } from './operator.ts';
import { type Config, readConfig } from './settings/config.ts';
import { flags } from './settings/flag-table.ts';
import { describeFlags } from './settings/flags.ts';
import { everyCache } from './watch/caches.ts';
import { requireServedKind, verificationOf } from './watch/served-kind.ts';
import { type BundleListener, bundleConfigMap, followFile } from './watch/trust-bundle.ts';

const usage = `Proves which workload serves and signs an A2A AgentCard, and acts on the verdict.

Usage: agentcard-operator [flags]

Every flag is also a variable: --trust-domain is AGENTCARD_TRUST_DOMAIN.

Flags:
${describeFlags(flags)}
`;

/** How long nothing is dialled while our own identity is on its way. */
const identityPatienceMs = 10_000;
const now = () => Date.now();

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
  const { config } = read;
  const log = createLogger({ level: config.logLevel, format: config.logFormat });
  await runProcess((stop) => operate(config, env, log, stop), log);
}

/** Makes every part, joins them, and runs until the signal. */
async function operate(config: Config, env: NodeJS.ProcessEnv, log: Logger, stop: AbortSignal): Promise<void> {
  log.info('identity verification', verificationOf(config));
  const metrics = createMetrics();
  const cluster = await clusterConfig(config, env);
  const client = new KubeClient(cluster, { userAgent: 'agentcard-operator', telemetry: metrics.client });
  await requireServedKind(client);
  const identity = identityFor(config);
  registerIdentityMetrics(metrics.registry, identity);
  const instance = config.podName || hostname();
  const controller = 'agent.kagenti.dev/agentcard-operator';
  const events = new EventRecorder({ client, controller, instance, onFate: metrics.event });
  const election = config.leaderElect
    ? elect(config, { client, cluster, instance, log, leads: metrics.leader(leaseName) })
    : undefined;
  if (election !== undefined) client.fence = () => election.isLeader();

  const { caches, controllers, dialler } = assemble(config, {
    client,
    identity,
    log,
    now,
    metrics,
    record: (regarding, note) => events.record({ regarding, ...note }),
  });
  const { metricsBindAddress: metricsAddress, healthProbeBindAddress: probeAddress } = config;
  const leading = election === undefined ? {} : { election };
  const manager = new Manager({ log, metrics, metricsAddress, probeAddress, events, ...leading });
  if (election !== undefined) manager.health.addReadyProbe('lease', () => election.healthy());
  for (const { name, cache } of everyCache(caches)) manager.addCache(name, cache);
  for (const each of controllers) manager.addController(each);
  followTrustBundle(config, { manager, client, identity, log });
  manager.addTask({ name: 'identity', needsLeadership: false, run: (signal) => identity.start(signal) });
  const awaited = asksWorkloadApi(config) ? identity : undefined;
  manager.addTask({ name: 'dialler', needsLeadership: true, run: (signal) => dial(dialler, awaited, signal) });
  await manager.run(stop);
}

function clusterConfig(config: Config, env: NodeJS.ProcessEnv): ClusterConfig | Promise<ClusterConfig> {
  if (config.kubeconfig !== '') return kubeconfigConfig(config.kubeconfig);
  return env.KUBERNETES_SERVICE_HOST === undefined ? kubeconfigConfig() : inClusterConfig();
}

function asksWorkloadApi({ spiffeEndpointSocket, ...config }: Config): boolean {
  return (config.enableVerifiedFetch || config.enableSignatureVerification) && spiffeEndpointSocket !== '';
}

function identityFor(config: Config): IdentitySource {
  const source = asksWorkloadApi(config) ? { workloadApi: workloadApi(config.spiffeEndpointSocket) } : {};
  return new IdentitySource({ clock: now, ...source });
}

interface ElectionParts {
  readonly client: KubeClient;
  readonly cluster: ClusterConfig;
  readonly instance: string;
  readonly log: Logger;
  /** The metric. */
  readonly leads: (now: boolean) => void;
}

function elect(config: Config, { client, cluster, instance, log, leads }: ElectionParts): LeaderElection {
  return new LeaderElection({
    client,
    namespace: config.podNamespace || cluster.namespace || 'default',
    name: leaseName,
    identity: `${instance}_${randomUUID()}`,
    onChange: (now) => {
      leads(now);
      log.info('leadership changed', { leads: now });
    },
    onError: (error) => log.warn('the lease could not be renewed', { error }),
  });
}

interface BundleParts {
  readonly manager: Manager;
  readonly client: KubeClient;
  readonly identity: IdentitySource;
  readonly log: Logger;
}

/** A bundle that the configuration names stands in for the Workload API's. */
function followTrustBundle(config: Config, { manager, client, identity, log }: BundleParts): void {
  const parsed = parseTrustDomain(config.trustDomain);
  if (!parsed.ok) return;
  const trustDomain = parsed.value;
  const listener: BundleListener = {
    loaded: (bundle) => identity.setBundle(trustDomain, bundle),
    refused: (code, message) =>
      log.warn('the trust bundle was refused, the last good one stays', { code, reason: message }),
  };
  const { trustBundleFile: file, trustBundleConfigmap: configMap, trustBundleConfigmapKey: dataKey } = config;
  if (file !== '') {
    const run = (signal: AbortSignal) => followFile(file, trustDomain, listener, signal);
    manager.addTask({ name: 'trust bundle', needsLeadership: false, run });
  } else if (configMap !== '') {
    manager.addCache('trust-bundle', bundleConfigMap(client, { configMap, dataKey, trustDomain }, listener));
  }
}

/** Waits a while for our own identity, if one is to come, so that its coming does not look like agents that are away. */
async function dial(dialler: Dialler, identity: IdentitySource | undefined, signal: AbortSignal): Promise<void> {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(identityPatienceMs)]);
  await identity?.ready(patience).catch(() => {});
  dialler.open();
  if (!signal.aborted) await once(signal, 'abort');
  dialler.stop();
}

await main(process.argv.slice(2), process.env);
