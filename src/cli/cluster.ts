import { ApiError, KubeClient } from '../kube/client.ts';
import { type ClusterConfig, inClusterConfig, kubeconfigConfig } from '../kube/config.ts';
import { type Invocation, type Option, Trouble } from './command.ts';

/** Options of every command that talks to a cluster. */
export const clusterOptions = {
  kubeconfig: {
    value: '<file>',
    doc: "kubeconfig (default: KUBECONFIG, else ~/.kube/config, else the pod's own account)",
  },
} as const satisfies Readonly<Record<string, Option>>;

export const namespacesOption: Option = { value: '<list>', doc: 'only these namespaces, by commas (default all)' };

/** Runs the work with a client of the chosen cluster. What the cluster refuses is {@link Trouble}, in its own words. */
export async function withCluster<T>(invocation: Invocation, work: (client: KubeClient) => Promise<T>): Promise<T> {
  const client = new KubeClient(await configOf(invocation.option('kubeconfig')));
  try {
    return await work(client);
  } catch (error) {
    if (error instanceof ApiError) throw new Trouble(`the cluster refused: ${error.message}`);
    throw error;
  } finally {
    client.close();
  }
}

export function listOf(text: string | undefined): readonly string[] {
  return (text ?? '').split(',').flatMap((part) => part.trim() || []);
}

async function configOf(path: string | undefined): Promise<ClusterConfig> {
  const { KUBECONFIG, KUBERNETES_SERVICE_HOST } = process.env;
  try {
    const inPod = path === undefined && !KUBECONFIG && KUBERNETES_SERVICE_HOST !== undefined;
    return inPod ? inClusterConfig() : await kubeconfigConfig(path);
  } catch (error) {
    throw new Trouble(`no cluster: ${error instanceof Error ? error.message : error}`);
  }
}
