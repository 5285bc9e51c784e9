import { ApiError, inClusterConfig, KubeClient, kubeconfigConfig } from '@agentcard-operator/kube';
import { type KubeObject, type Resource, resources } from '@agentcard-operator/kube/objects';
import type { AgentCard } from '../../operator/api/agentcard.ts';
import { customResources } from '../../operator/api/resources.ts';
import { type Invocation, type Option, Trouble } from '../command.ts';

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
  const given = invocation.option('namespaces');
  const names = (given ?? '').split(',').flatMap((part) => part.trim() || []);
  // Nothing between the commas is not everything.
  return (given !== undefined && names.length === 0 ? [''] : names).map((name) => nameIn(name, '--namespaces'));
}

/** Nothing else may become part of a path. */
export function isName(text: string): boolean {
  return /^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/.test(text);
}

/** An empty one is a variable that was not set. */
function nameIn(text: string, option: string): string {
  if (isName(text)) return text;
  throw new Trouble(
    text === ''
      ? `${option} is empty: fill it in, or leave it out`
      : `${option}: "${text}" is no name; names are of a-z, 0-9 and -`,
  );
}

export interface Place {
  readonly client: KubeClient;
  readonly namespace: string;
}

/** In a pod, as the uninstall hook runs, its own service account; else the kubeconfig. */
export async function placeOf(invocation: Invocation): Promise<Place> {
  const file = invocation.option('kubeconfig');
  const given = invocation.option('namespace');
  if (given !== undefined) nameIn(given, '--namespace');
  try {
    const inside = file === undefined && process.env.KUBECONFIG === undefined && process.env.KUBERNETES_SERVICE_HOST;
    const config = inside ? inClusterConfig() : await kubeconfigConfig(file);
    const namespace = given ?? config.namespace ?? 'default';
    return { client: new KubeClient(config, { userAgent: 'kubectl-agentcard' }), namespace };
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
  const key = `${namespace}/${nameIn(name, 'the name of the card')}`;
  const card = await asking(client.get<AgentCard>(customResources.agentCards, key));
  if (card !== undefined) return card;
  // Who may not read namespaces is told of the card alone.
  const isThere = await client.get(resources.namespaces, namespace).catch(() => true);
  throw new Trouble(
    isThere === undefined
      ? `there is no namespace ${namespace}, so no AgentCard ${name} in it; name another with -n`
      : `there is no AgentCard ${name} in namespace ${namespace}; name one with -n`,
  );
}

/** What a user sees of a kind: of the whole cluster, else of the namespace, else nothing; and why it is not all. */
export interface Sight<U> {
  readonly seen: readonly U[];
  readonly of: 'cluster' | 'namespace' | 'nothing';
  readonly refusal: ApiError | undefined;
}

/** Every object of a kind that this user may see. Of each page only what `keep` makes of it is held. */
export async function sightOf<T extends KubeObject, U>(
  { client, namespace }: Place,
  resource: Resource,
  keep: (object: T) => U,
  labelSelector?: string,
): Promise<Sight<U>> {
  const selector = labelSelector === undefined ? {} : { labelSelector };
  let refusal: ApiError | undefined;
  for (const of of resource.namespaced ? (['cluster', 'namespace'] as const) : (['cluster'] as const)) {
    try {
      const seen: U[] = [];
      const pages = client.pages<T>(resource, { ...(of === 'cluster' ? {} : { namespace }), ...selector });
      for await (const { items } of pages) for (const item of items) seen.push(keep(item));
      return { seen, of, refusal };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code !== 403 && error.code !== 404) throw new Trouble(error.message);
      refusal = error;
    }
  }
  return { seen: [], of: 'nothing', refusal };
}
