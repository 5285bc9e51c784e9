// The process that runs the node, inside the node's namespaces. The supervisor starts it and holds the other end of its IPC channel.
import { mkdir, readFile } from 'node:fs/promises';
import { connect, Server } from 'node:net';
import { join } from 'node:path';
import { type ApiAccess, apiReady } from './api-client.ts';
import { exists } from './cache.ts';
import { run } from './command.ts';
import { type Component, controllers, controlPlane, nodeComponents } from './components.ts';
import { Crew } from './crew.ts';
import { isolateFiles, makeCgroups, makeNetwork } from './isolation.ts';
import { seconds } from './progress.ts';
import { type Message, places, receivePlan } from './state.ts';
import { until } from './until.ts';
import { workloads } from './workloads.ts';

const plan = await receivePlan();
const at = places(plan.root);
const { port } = plan;
const crew = new Crew();
const begin = Date.now();

const send = (message: Message) => process.send?.(message);
const tell = (what: string) => send({ kind: 'progress', line: `${what} (${seconds(Date.now() - begin)})` });

/** The listening socket belongs to the network outside, and so do its connections: this is the one way in. */
function forwardOutsideConnections(): void {
  process.on('message', (_message, listener) => {
    if (!(listener instanceof Server)) return;
    listener.on('connection', (outside) => {
      const apiServer = connect(port, '127.0.0.1');
      outside.on('error', () => apiServer.destroy());
      apiServer.on('error', () => outside.destroy());
      outside.on('close', () => apiServer.destroy());
      apiServer.on('close', () => outside.destroy());
      outside.pipe(apiServer).pipe(outside);
    });
  });
  send({ kind: 'listener-wanted' });
}

function start({ name, args }: Component): Promise<void> {
  const command = plan.tools[name];
  if (command === undefined) throw new Error(`the plan lacks ${name}`);
  return crew.start({ name, command, args, logs: at.log });
}

async function startContainerd(): Promise<void> {
  const args = ['--config', join(at.root, 'containerd.toml')];
  await crew.start({ name: 'containerd', command: 'containerd', args, logs: at.log });
  const ctr = (...rest: string[]) => run('ctr', ['--namespace', 'k8s.io', ...rest]);
  await until({ what: 'containerd to answer', timeoutMs: 30_000 }, async () => {
    await crew.check();
    if (!(await exists('/run/containerd/containerd.sock'))) return undefined;
    return ctr('version').catch(() => undefined);
  });
  for (const image of plan.images) await ctr('images', 'import', image);
  tell(`${plan.images.length} images imported`);
}

async function startControlPlane(access: ApiAccess): Promise<void> {
  const { etcd, apiServer } = controlPlane(at, port);
  await start(etcd);
  await start(apiServer);
  await until({ what: 'the API server to be ready', timeoutMs: 60_000 }, async () => {
    await crew.check();
    return apiReady(access);
  });
  await Promise.all(controllers(at).map(start));
  tell('API server ready');
}

async function main(): Promise<void> {
  await Promise.all([isolateFiles(at), makeNetwork(), makeCgroups(at)]);
  await mkdir(join(at.log, 'pods'));
  forwardOutsideConnections();
  const read = (name: string) => readFile(join(at.pki, name), 'utf8');
  const access: ApiAccess = {
    server: `https://127.0.0.1:${port}`,
    ...{ caPem: await read('ca.crt'), certPem: await read('admin.crt'), keyPem: await read('admin.key') },
  };
  const kubectl = [plan.tools.kubectl ?? 'kubectl', '--kubeconfig', at.kubeconfig];
  const { apply, ...ready } = workloads(access, kubectl, () => crew.check());

  await Promise.all([startContainerd(), startControlPlane(access)]);
  const { policies, ...node } = nodeComponents(at);
  await Promise.all(Object.values(node).map(start));
  await apply([plan.tools['spire-crds'] ?? '', 'coredns.yaml'], ['spire-server']);
  await Promise.all([
    ready
      .nodeReady()
      .then(() => start(policies))
      .then(() => tell('node ready')),
    ready.dnsReady().then(() => tell('DNS ready')),
    ready
      .bundlePublished()
      .then(() => apply([], ['spire-agent', 'identities']))
      .then(ready.agentReady)
      .then(() => tell('SPIRE ready')),
  ]);
  crew.settle();
  send({ kind: 'ready' });
}

main().catch((error: unknown) => {
  send({ kind: 'failed', why: error instanceof Error ? error.message : String(error) });
  // Leaving ends PID 1, and with it everything inside.
  process.disconnect?.();
  process.exitCode = 1;
  setImmediate(() => process.exit(1));
});
