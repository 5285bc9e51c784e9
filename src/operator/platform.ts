import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type ClusterConfig, inClusterConfig, KubeClient, kubeconfigConfig } from '@agentcard-operator/kube';
import {
  createMetrics,
  EventRecorder,
  LeaderElection,
  type Logger,
  type Metrics,
} from '@agentcard-operator/kube/runtime';
import { IdentitySource, workloadApi } from '@agentcard-operator/spiffe/workload-api';
import { plainText } from './api/budget.ts';
import { apiGroup, leaseName, managedByValue } from './api/labels.ts';
import { Asker, type AskerHooks, type Asking } from './inquiry/asking/asker.ts';
import { askerProgram } from './inquiry/asking/asker-program.ts';
import { registerBuildInfo } from './metrics/build-info.ts';
import { registerIdentityMetrics } from './metrics/identity.ts';
import { asksWorkloadApi, type Config } from './settings/config.ts';
import { version } from './settings/version.ts';

/** What the operator stands on. */
export interface Platform {
  readonly client: KubeClient;
  readonly identity: IdentitySource;
  readonly asker: (hooks: AskerHooks) => Asking;
  readonly log: Logger;
  readonly now: () => number;
  readonly metrics: Metrics;
  readonly record: EventRecorder['record'];
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Client, identity, events, metrics and leadership as the configuration wants them; nothing of it runs yet. Without an election:
 * we lead.
 */
export async function createPlatform(config: Config, env: Env, log: Logger) {
  const metrics = createMetrics();
  registerBuildInfo(metrics.registry, version);
  const now = () => Date.now();
  const cluster = await clusterConfig(config, env);
  const client = new KubeClient(cluster, { telemetry: metrics.client, userAgent: `agentcard-operator/${version}` });
  const source = asksWorkloadApi(config) ? { workloadApi: workloadApi(config.spiffeEndpointSocket) } : {};
  const identity = new IdentitySource({ clock: now, ...source });
  registerIdentityMetrics(metrics.registry, identity);
  const instance = config.podName || hostname();
  const controller = `${apiGroup}/${managedByValue}`;
  const events = new EventRecorder({ client, controller, instance, onFate: metrics.event });
  const namespace = config.podNamespace || cluster.namespace || 'default';
  const candidate = { client, namespace, name: leaseName, identity: `${instance}_${randomUUID()}` };
  const election = config.leaderElect ? new LeaderElection({ ...candidate, ...toldBy(log, metrics) }) : undefined;
  if (election !== undefined) client.fence = () => election.isLeader();
  const asker = (hooks: AskerHooks) =>
    new Asker({ program: askerProgram, identity: () => identity.current(), now, ...hooks });
  const record: Platform['record'] = (told) => events.record({ ...told, note: plainText(told.note) });
  return { client, identity, asker, log, now, metrics, events, record, election };
}

function clusterConfig(config: Config, env: Env): ClusterConfig | Promise<ClusterConfig> {
  if (config.kubeconfig !== '') return kubeconfigConfig(config.kubeconfig);
  return env.KUBERNETES_SERVICE_HOST === undefined ? kubeconfigConfig() : inClusterConfig();
}

function toldBy(log: Logger, metrics: Metrics) {
  const leads = metrics.leader(leaseName);
  return {
    onChange: (now: boolean) => {
      leads(now);
      log.info('leadership changed', { leads: now });
    },
    onError: (error: unknown) => log.warn('the lease could not be renewed', { error }),
  };
}
