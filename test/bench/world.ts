/** A real API server with real controllers and one fake node, whose pods run as soon as they exist. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { KubeClient } from '../../src/kube/client/client.ts';
import type { ClusterConfig } from '../../src/kube/client/config.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { customResources } from '../../src/operator/api/resources.ts';
import { type ApiServer, startApiServer } from '../cluster/api-server.ts';
import { type Daemon, startDaemon } from '../cluster/daemon.ts';
import { silent } from '../cluster/progress.ts';
import { ensureTools } from '../cluster/tools.ts';
import { until } from '../cluster/until.ts';
import { nodeIp, placeServiceAccount, podCidr, worldTools } from './namespace.ts';

export interface BenchWorld {
  readonly api: ApiServer;
  /** An administrator, who is not the operator. */
  readonly client: KubeClient;
  /** Where everything that is started writes its log. */
  readonly logs: string;
  stop(): Promise<void>;
}

/** For an answer to whoever arranges things: beside other work one takes its time, and nothing is judged by it. */
const patienceMs = 120_000;
const fakeNode = 'kwok1';
const crds = 'config/crd/agentcards.yaml';
const controllers = ['deployment-controller', 'replicaset-controller', 'endpointslice-controller'];
/** With the defaults a thousand Deployments take many minutes. */
const hurry = [
  ...['--kube-api-qps=1000', '--kube-api-burst=2000', '--leader-elect=false', '--concurrent-deployment-syncs=16'],
  ...['--concurrent-replicaset-syncs=16', '--concurrent-service-endpoint-syncs=16'],
];

export async function startWorld(logs: string): Promise<BenchWorld> {
  const tools = await ensureTools(worldTools, silent);
  await mkdir(logs, { recursive: true });
  const quiet = ['--max-requests-inflight=2000', '--max-mutating-requests-inflight=1000', '--v=0'];
  const api = await startApiServer({ extraArgs: quiet });
  await placeServiceAccount(api.adminToken, api.caPem);
  const client = new KubeClient(clusterConfig(api), { timeoutMs: patienceMs });
  await createAll(
    client,
    parseAllDocuments(await readFile(crds, 'utf8')).map((document) => document.toJS()),
  );
  await createAll(client, [namespaceOf('agentcard-system')]);
  const stages = join(logs, 'stages.yaml');
  await writeFile(stages, await readStages(tools['kwok-stages']));
  const admin = `--kubeconfig=${api.kubeconfig}`;
  const start = (name: string, command: string, args: string[]) =>
    startDaemon({ name, command, args: [admin, ...args], logs });
  const manager = await start('kube-controller-manager', tools['kube-controller-manager'], [
    ...hurry,
    `--controllers=${controllers.join(',')}`,
    `--cert-dir=${join(logs, 'certificates')}`,
  ]);
  const kwok = await start('kwok', tools.kwok, [
    '--manage-all-nodes=false',
    '--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake',
    `--cidr=${podCidr}`,
    `--node-ip=${nodeIp}`,
    '--node-lease-duration-seconds=600',
    `--config=${stages}`,
  ]);
  await createAll(client, [nodeObject()]);
  return { api, client, logs, stop: () => stopAll(api, client, [manager, kwok]) };
}

async function stopAll(api: ApiServer, client: KubeClient, daemons: readonly Daemon[]): Promise<void> {
  client.close();
  await Promise.all(daemons.map((daemon) => daemon.kill()));
  await api.stop();
}

export function clusterConfig({
  url,
  caPem,
  adminToken,
}: Pick<ApiServer, 'url' | 'caPem' | 'adminToken'>): ClusterConfig {
  const [ca, headers] = [{ ca: caPem }, { authorization: `Bearer ${adminToken}` }];
  return { server: new URL(url), headers: () => headers, tls: () => ca, invalidate: () => {} };
}

async function readStages(folder: string): Promise<string> {
  const files = ['node/fast/node-initialize', 'pod/fast/pod-ready', 'pod/fast/pod-delete'];
  const texts = files.map((file) => readFile(join(folder, `${file}.yaml`), 'utf8'));
  return (await Promise.all(texts)).join('\n---\n');
}

function nodeObject(): KubeObject {
  const room = { cpu: '1000', memory: '10000Gi', pods: '20000' };
  const metadata = { name: fakeNode, annotations: { 'kwok.x-k8s.io/node': 'fake' }, labels: { type: 'kwok' } };
  return { apiVersion: 'v1', kind: 'Node', metadata, status: { allocatable: room, capacity: room } } as KubeObject;
}

export const namespaceOf = (name: string): KubeObject => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

/** Pods are placed by name: there is no scheduler. */
export const placement = { nodeName: fakeNode };

const paths: Readonly<Record<string, string>> = {
  CustomResourceDefinition: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
  Namespace: '/api/v1/namespaces',
  Node: '/api/v1/nodes',
};

async function createAll(client: KubeClient, objects: readonly KubeObject[]): Promise<void> {
  for (const body of objects) {
    await client.json({ method: 'POST', path: paths[body.kind ?? ''] ?? '', body });
  }
  const isServed = () =>
    client.listPage(customResources.agentCards, { limit: 1 }).then(
      () => true as const,
      () => undefined,
    );
  await until({ what: 'the AgentCard kind to be served', timeoutMs: 60_000 }, isServed);
}
