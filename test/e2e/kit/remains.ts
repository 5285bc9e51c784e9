import { run } from '../../../src/cli/run.ts';
import type { NetworkPolicy, Pod } from '../../../src/kube/objects.ts';
import type { World } from './world.ts';

/** What of the operator's is on the objects of the whole cluster: pods with a mark, and policies. */
export async function marks(world: World): Promise<readonly string[]> {
  const { items: pods } = await world.json<{ items: Pod[] }>('get', 'pods', '--all-namespaces');
  const policies = await world.json<{ items: NetworkPolicy[] }>(
    'get',
    'networkpolicies',
    '--all-namespaces',
    '-l',
    'app.kubernetes.io/managed-by=agentcard-operator',
  );
  const isMarked = ({ metadata: { labels, annotations } }: Pod) =>
    Object.keys({ ...labels, ...annotations }).some((key) => key.startsWith('agent.kagenti.dev/'));
  return [...pods.filter(isMarked), ...policies.items].map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
}

/** Runs a command line of kubectl-agentcard against the world's cluster. */
export async function plugin(world: World, ...args: string[]): Promise<{ status: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const status = await run([...args, '--kubeconfig', world.cluster.kubeconfig], {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    async *stdin() {},
    now: () => new Date(),
  });
  return { status, out, err };
}
