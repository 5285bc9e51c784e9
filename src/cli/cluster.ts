import type { AgentCard } from '../api/agentcard.ts';
import { ApiError, KubeClient } from '../kube/client.ts';
import { inClusterConfig, kubeconfigConfig } from '../kube/config.ts';
import { type KubeObject, type Resource, resources } from '../kube/objects.ts';
import { type Invocation, type Option, Trouble } from './command.ts';

const kubeconfig: Option = { value: '<file>', doc: 'kubeconfig to use (default KUBECONFIG, else ~/.kube/config)' };

/** Options of every command that asks a cluster about a card. */
export const clusterOptions: Readonly<Record<string, Option>> = {
  namespace: { value: '<name>', short: 'n', doc: "namespace of the card (default the context's)" },
  kubeconfig,
};

/** Options of every command that goes through a whole cluster. */
export const fleetOptions: Readonly<Record<string, Option>> = {
  namespaces: { value: '<list>', doc: 'only these namespaces, by commas (default all)' },
  kubeconfig,
};

export function namespacesOf(invocation: Invocation): readonly string[] {
  return (invocation.option('namespaces') ?? '').split(',').flatMap((part) => part.trim() || []);
}

export interface Place {
  readonly client: KubeClient;
  readonly namespace: string;
}

/** In a pod, as the uninstall hook runs, its own service account; else the kubeconfig. */
export async function placeOf(invocation: Invocation): Promise<Place> {
  const file = invocation.option('kubeconfig');
  try {
    const inside = file === undefined && process.env.KUBECONFIG === undefined && process.env.KUBERNETES_SERVICE_HOST;
    const config = inside ? inClusterConfig() : await kubeconfigConfig(file);
    const namespace = invocation.option('namespace') ?? config.namespace ?? 'default';
    return { client: new KubeClient(config), namespace };
  } catch (error) {
    throw new Trouble(error instanceof Error ? error.message : String(error));
  }
}

/** Refusals of the API server become the command's one line. */
export async function asking<T>(question: Promise<T>): Promise<T> {
  try {
    return await question;
  } catch (error) {
    throw error instanceof ApiError ? new Trouble(error.message) : error;
  }
}

export async function cardAt({ client, namespace }: Place, name: string): Promise<AgentCard> {
  const card = await asking(client.get<AgentCard>(resources.agentCards, `${namespace}/${name}`));
  if (card === undefined)
    throw new Trouble(`there is no AgentCard ${name} in namespace ${namespace}; name one with -n`);
  return card;
}

/**
 * Every object of a kind that this user may see: of the whole cluster, else of the namespace, else none. Of each page only
 * what `keep` makes of it is held.
 */
export async function visible<T extends KubeObject, U>(
  { client, namespace }: Place,
  resource: Resource,
  keep: (object: T) => U,
  labelSelector?: string,
): Promise<readonly U[]> {
  const selector = labelSelector === undefined ? {} : { labelSelector };
  for (const scope of resource.namespaced ? [{}, { namespace }] : [{}]) {
    try {
      const kept: U[] = [];
      const pages = client.pages<T>(resource, { ...scope, ...selector });
      for await (const { items } of pages) for (const item of items) kept.push(keep(item));
      return kept;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code !== 403 && error.code !== 404) throw new Trouble(error.message);
    }
  }
  return [];
}
