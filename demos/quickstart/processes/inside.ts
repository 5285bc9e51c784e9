// The demonstration's cluster, in namespaces of its own: a real control plane, kwok as the kubelet, and pods that are processes.
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { kubeconfigConfig } from '../../../src/kube/client/kubeconfig.ts';
import { KubeClient } from '../../../src/kube/kube.ts';
import { makeNetwork, placeServiceAccount } from '../../../test/bench/namespace.ts';
import { exists } from '../../../test/cluster/cache.ts';
import { run } from '../../../test/cluster/command.ts';
import { node } from '../../../test/cluster/control-plane.ts';
import { type Insider, runInside } from '../../../test/cluster/insider.ts';
import { until } from '../../../test/cluster/until.ts';
import { programsOf, runPods } from './pods.ts';

const repository = resolve(import.meta.dirname, '../../..');
const stages = [
  ...['node/fast/node-initialize', 'node/heartbeat-with-lease/node-heartbeat-with-lease'],
  ...['pod/fast/pod-ready', 'pod/fast/pod-delete'],
];

async function startKwok({ plan, at, start }: Insider): Promise<void> {
  const folder = plan.tools['kwok-stages'] ?? '';
  const texts = stages.map((file) => readFile(join(folder, `${file}.yaml`), 'utf8'));
  const config = join(at.root, 'stages.yaml');
  await writeFile(config, (await Promise.all(texts)).join('\n---\n'));
  await start({
    name: 'kwok',
    args: [
      ...[`--kubeconfig=${at.kubeconfig}`, `--config=${config}`, '--manage-all-nodes=false'],
      '--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake',
      ...[`--cidr=${node.nodePodCidr}`, `--node-ip=${node.ip}`, '--node-lease-duration-seconds=40'],
    ],
  });
}

await runInside(async (insider) => {
  const { plan, at, access, tell } = insider;
  await makeNetwork(node.podCidr);
  // Sockets have short paths there, and nothing is left of them.
  process.env.TMPDIR = '/run';
  await insider.startControlPlane();
  await startKwok(insider);
  const kubectl = (...args: string[]) =>
    run(plan.tools.kubectl ?? '', ['--kubeconfig', at.kubeconfig, '-n', 'agentcard-system', ...args]);
  const manifests = [
    join(import.meta.dirname, 'operator.yaml'),
    ...['config/crd/agentcards.yaml', 'config/rbac/roles.yaml'].map((file) => join(repository, file)),
  ];
  await kubectl('apply', '--server-side', ...manifests.flatMap((file) => ['-f', file]));
  // Where every pod would have its own, these processes share one.
  const token = await kubectl('create', 'token', 'agentcard-operator', '--duration=8760h');
  await placeServiceAccount(token.trim(), access.caPem);
  tell('a node that kwok keeps, the AgentCard kind and the operator');
  await until({ what: 'the programs', timeoutMs: 60_000 }, async () => (await exists(programsOf(at))) || undefined);
  // From here on whatever ends is started again.
  insider.crew.settle();
  await runPods(new KubeClient(await kubeconfigConfig(at.kubeconfig)), insider);
  await kubectl('rollout', 'status', 'deployment/agentcard-operator', '--timeout=60s');
});
