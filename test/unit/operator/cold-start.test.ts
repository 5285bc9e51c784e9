import { once } from 'node:events';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import type { KubeClient } from '../../../src/kube/client/client.ts';
import type { KubeObject, OwnerReference } from '../../../src/kube/objects.ts';
import { createLogger } from '../../../src/kube/runtime/log.ts';
import { createMetrics } from '../../../src/kube/runtime/metrics.ts';
import type { Asking } from '../../../src/operator/inquiry/asking/asker.ts';
import { assemble } from '../../../src/operator/operator.ts';
import { readConfig } from '../../../src/operator/settings/config.ts';
import type { SpiffeId } from '../../../src/spiffe/id.ts';
import { trustDomainOf } from '../../../src/spiffe/id.ts';
import { IdentitySource } from '../../../src/spiffe/workload-api/identity.ts';
import { running } from './kit/running.ts';
import { smallCluster } from './kit/small-cluster.ts';

const hour = 3_600_000;
const [agents, namespaces] = [60, 3];

function owned(kind: string, uid: string): OwnerReference[] {
  return [{ apiVersion: 'apps/v1', kind, name: uid, uid, controller: true }];
}

/** One agent, as a Deployment and its controllers make it. */
function agentOf(index: number): Record<string, KubeObject> {
  const name = `agent-${index}`;
  const meta = (kind: string, more: object = {}) => {
    return {
      name,
      namespace: `team-${index % namespaces}`,
      uid: `${name}-${kind}`,
      resourceVersion: '1',
      generation: 1,
      ...more,
    };
  };
  const agent = { 'kagenti.io/type': 'agent', 'protocol.kagenti.io/a2a': '' };
  const labels = { app: name, 'pod-template-hash': `hash-${index}` };
  const template = { metadata: { labels: { app: name } }, spec: { serviceAccountName: name } };
  const address = `198.19.0.${index + 1}`;
  const targetRef = { kind: 'Pod', name, uid: `${name}-pod` };
  return {
    agentcards: { metadata: meta('card'), spec: { targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name } } },
    deployments: {
      metadata: meta('deployment', { labels: agent }),
      spec: { selector: { matchLabels: { app: name } }, template },
    },
    replicasets: {
      metadata: meta('set', {
        name: `${name}-set`,
        labels,
        ownerReferences: owned('Deployment', `${name}-deployment`),
      }),
    },
    pods: {
      metadata: meta('pod', { labels, ownerReferences: owned('ReplicaSet', `${name}-set`) }),
      spec: { serviceAccountName: name },
      status: { podIP: address, containerStatuses: [{ name: 'agent', containerID: `containerd://${index}` }] },
    },
    services: {
      metadata: meta('service'),
      spec: { selector: { app: name }, ports: [{ name: 'agent-tls', port: 443 }] },
    },
    endpointslices: {
      metadata: meta('slice', { labels: { 'kubernetes.io/service-name': name } }),
      addressType: 'IPv4',
      ports: [{ name: 'agent-tls', port: 8443 }],
      endpoints: [{ addresses: [address], conditions: { ready: true }, targetRef }],
    },
  } as Record<string, KubeObject>;
}

function fleet(): Record<string, KubeObject[]> {
  const all = Array.from({ length: agents }, (_, index) => Object.entries(agentOf(index))).flat();
  const byPlural = Map.groupBy(all, ([plural]) => plural);
  return Object.fromEntries([...byPlural].map(([plural, each]) => [plural, each.map(([, object]) => object)]));
}

/** Each agent proves its own identity. */
const asker: Asking = {
  ask: async ({ card }) => {
    const [namespace, name] = card.split('/');
    const uri = `spiffe://example.org/ns/${namespace}/sa/${name}`;
    const times = { notBefore: new Date(Date.now() - hour), notAfter: new Date(Date.now() + hour) };
    const peer = { id: { uri, trustDomain: trustDomainOf(uri) } as SpiffeId, chain: [], ...times };
    const body = Buffer.from(JSON.stringify({ name, version: '1', url: 'https://agent.test' }));
    return { kind: 'answer', status: 200, body, peer };
  },
  run: async (signal) => {
    if (!signal.aborted) await once(signal, 'abort');
  },
};

/** The operator on that cluster, running: it asks nobody until its own identity is there. Counts its reconciles. */
async function operate(client: KubeClient) {
  const { promise, resolve: identify } = Promise.withResolvers<void>();
  const flags = ['--trust-domain=example.org', '--enable-verified-fetch', '--enforcement=enforce'];
  const read = readConfig([...flags, '--fetch-concurrency=4'], {
    POD_NAMESPACE: 'agents',
    SPIFFE_ENDPOINT_SOCKET: 'unix:///none',
  });
  if ('problems' in read) throw new Error(read.problems.join());
  const identity = Object.assign(new IdentitySource({ clock: () => Date.now() }), { ready: () => promise });
  const metrics = createMetrics(new Registry());
  const log = createLogger({ write: () => {} });
  const operator = assemble(read.config, {
    ...{ client, identity, metrics, log, asker: () => asker, now: () => Date.now(), record: () => {} },
  } as Parameters<typeof assemble>[1]);
  await running(operator);
  const reconciles = async () => {
    const { values } = (await metrics.registry.getSingleMetric('controller_runtime_reconcile_total')?.get()) ?? {
      values: [],
    };
    return values.filter(({ labels }) => labels.controller === 'agentcard').reduce((sum, { value }) => sum + value, 0);
  };
  return { reconciles, identify };
}

/** What was called, and how often. */
const counted = (calls: readonly string[]) =>
  Object.fromEntries([...Map.groupBy(calls, (call) => call)].map(([what, all]) => [what, all.length]));

test('pods whose questions come one by one, since namespaces take turns, are read by two lists for each namespace', async () => {
  const { client, calls } = await smallCluster(fleet());
  const { identify } = await operate(client);
  identify();
  await expect.poll(() => counted(calls)['PATCH agentcards/status']).toBe(agents);
  const reads = Object.entries(counted(calls)).filter(([what]) => /^(GET|LIST)/.test(what));
  expect(Object.fromEntries(reads)).toEqual({ 'LIST pods': namespaces, 'LIST replicasets': namespaces });
});

test('a cold start costs each agent three writes and two reconciles, and each namespace two lists', async () => {
  const { client, calls } = await smallCluster(fleet());
  const { reconciles, identify } = await operate(client);
  await expect.poll(() => reconciles()).toBe(agents);
  identify();
  await expect.poll(() => counted(calls)['PATCH agentcards/status']).toBe(agents);
  await expect.poll(() => reconciles()).toBe(2 * agents);
  const perAgent = ['POST networkpolicies', 'PATCH pods', 'PATCH agentcards/status'].map((what) => [what, agents]);
  const perNamespace = ['LIST pods', 'LIST replicasets'].map((what) => [what, namespaces]);
  expect(counted(calls)).toEqual(Object.fromEntries([...perAgent, ...perNamespace]));
});
