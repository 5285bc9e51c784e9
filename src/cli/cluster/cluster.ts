import { ApiError } from '@agentcard-operator/kube';
import { type KubeObject, type Resource, resources } from '@agentcard-operator/kube/objects';
import type { AgentCard } from '../../operator/api/agentcard.ts';
import { kindNames } from '../../operator/api/kind.ts';
import { customResources } from '../../operator/api/resources.ts';
import { type Invocation, type Option, Trouble } from '../command.ts';
import { connectionOptions, nameIn, type Place } from './connection.ts';

const namespace: Option = {
  value: '<name>',
  short: 'n',
  from: 'namespaces',
  doc: "namespace of the card (default the context's)",
};

/** Options of every command that asks a cluster about a card. */
export const clusterOptions: Readonly<Record<string, Option>> = { namespace, ...connectionOptions };

export const everywhere: Option = { short: 'A', doc: 'in every namespace' };

/** Options of every command that goes through a whole cluster. */
export const fleetOptions: Readonly<Record<string, Option>> = {
  namespace: { ...namespace, doc: 'only this namespace' },
  namespaces: { value: '<list>', from: 'namespaces', doc: 'only these namespaces, by commas' },
  'all-namespaces': { ...everywhere, doc: 'every namespace (the default)' },
  ...connectionOptions,
};

export function namespacesOf({ option }: Invocation): readonly string[] {
  const given = ['namespace', 'namespaces', 'all-namespaces'].filter((name) => option(name) !== undefined);
  // Of two answers to where, one would be dropped in silence.
  if (given.length > 1) throw new Trouble(`--${given.join(' and --')} say different things, decide for one`);
  const list = option('namespace') ?? option('namespaces');
  const names = (list ?? '').split(',').flatMap((part) => part.trim() || []);
  // Nothing between the commas is not everything.
  return (list !== undefined && names.length === 0 ? [''] : names).map((name) => nameIn(name, `--${given[0]}`));
}

/** The name alone, or behind the kind as kubectl writes it: agentcard/weather, cards/weather, agentcards.agent.kagenti.dev/weather. */
function cardName(text: string): string {
  const [, kind, name = text] = /^([^/]*)\/(.*)$/s.exec(text) ?? [];
  const { plural, singular, shortNames, group } = kindNames;
  const isCard = [plural, singular, ...shortNames].some((one) => kind === one || kind === `${one}.${group}`);
  if (kind !== undefined && !isCard)
    throw new Trouble(`"${text}" is no AgentCard: write its name, or ${singular}/<name>`);
  return nameIn(name, 'the name of the card');
}

export async function cardAt({ client, namespace, origin }: Place, operand: string | undefined): Promise<AgentCard> {
  const name = cardName(operand ?? '');
  const card = await client.get<AgentCard>(customResources.agentCards, `${namespace}/${name}`);
  // One that was stored under another version of the kind may lack it.
  if (card !== undefined) return { ...card, spec: card.spec ?? {} };
  // Who may not read namespaces is told of the card alone.
  const isThere = await client.get(resources.namespaces, namespace).catch(() => true);
  throw new Trouble(
    isThere === undefined
      ? `there is no namespace ${namespace}, so no AgentCard ${name} in it; name another with -n (${origin})`
      : `there is no AgentCard ${name} in namespace ${namespace}; name another with -n (${origin})`,
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
      if (!(error instanceof ApiError) || (error.code !== 403 && error.code !== 404)) throw error;
      refusal = error;
    }
  }
  return { seen: [], of: 'nothing', refusal };
}
