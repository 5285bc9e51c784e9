// The program that runs the node, inside the node's namespaces.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from './cache.ts';
import { run } from './command.ts';
import { nodeComponents } from './components.ts';
import { type Insider, runInside } from './insider.ts';
import { isolateFiles, makeCgroups, makeNetwork } from './isolation.ts';
import { until } from './until.ts';
import { workloads } from './workloads.ts';

async function startContainerd({ plan, at, crew, tell }: Insider): Promise<void> {
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

await runInside(async (insider) => {
  const { plan, at, crew, access, tell, start } = insider;
  await Promise.all([isolateFiles(at), makeNetwork(), makeCgroups(at)]);
  await mkdir(join(at.log, 'pods'));
  const kubectl = [plan.tools.kubectl ?? 'kubectl', '--kubeconfig', at.kubeconfig];
  const { apply, ...ready } = workloads(access, kubectl, () => crew.check());

  await Promise.all([startContainerd(insider), insider.startControlPlane()]);
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
});
