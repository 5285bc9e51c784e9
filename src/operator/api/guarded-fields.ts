import { hash } from 'node:crypto';
import type { KubeObject } from '@agentcard-operator/kube/objects';
import type { AgentCard, AgentCardSpec } from './agentcard.ts';
import type { CallerReference } from './callers.ts';

/** On agentcards, besides the verbs of Kubernetes; the chart's role for security has them. */
export type GuardVerb = 'trust' | 'quarantine';

/**
 * When a new value needs the verb: at any change, when it is unset, by all but `true`, or when a list is unset or gains an
 * entry. A deleted card has no values.
 */
export type Loosening = 'changed' | 'unset' | 'unlessTrue' | 'widened';

/** What several cards demand together, and whose demand that is; no value where theirs cannot be met together. */
export interface Demand<T> {
  readonly value: T | undefined;
  readonly by: readonly string[];
}

interface GuardedField<T> {
  /** Below spec. */
  readonly path: string;
  readonly verb: GuardVerb;
  readonly loosened: Loosening;
  /** What a card demands by it. */
  readonly read: (spec: AgentCardSpec) => T | undefined;
  /** Of two cards; no order of cards changes what comes of it. */
  readonly fold: (one: Demand<T>, other: Demand<T>) => Demand<T>;
}

const field = <T>(row: GuardedField<T>) => row;

/**
 * What cards demand of a workload. An admission policy sees one object, so it keeps the objects; the workload is kept by
 * judging it by what all of its cards demand together. Both are made of this table, a row a field.
 */
export const guardedFields = {
  strict: field({
    path: 'identityBinding.strict',
    verb: 'trust',
    loosened: 'unlessTrue',
    read: ({ identityBinding }) => identityBinding?.strict,
    fold: (one, other) => (other.value && !one.value ? other : one),
  }),
  allowedSpiffeIDs: field<readonly string[]>({
    path: 'identityBinding.allowedSpiffeIDs',
    verb: 'trust',
    loosened: 'changed',
    read: ({ identityBinding: { allowedSpiffeIDs: ids = [] } = {} }) => (ids.length > 0 ? ids : undefined),
    fold: intersection,
  }),
  trustDomain: field({
    path: 'identityBinding.trustDomain',
    verb: 'trust',
    loosened: 'changed',
    read: ({ identityBinding }) => identityBinding?.trustDomain?.toLowerCase(),
    fold: agreement,
  }),
  approvedCardId: field({
    path: 'approvedCardId',
    verb: 'trust',
    loosened: 'changed',
    read: ({ approvedCardId }) => approvedCardId,
    fold: agreement,
  }),
  callers: field<readonly (readonly CallerReference[])[]>({
    path: 'callers',
    verb: 'trust',
    loosened: 'widened',
    read: ({ callers }) => callers && [callers],
    fold: everyList,
  }),
  quarantine: field({
    path: 'quarantine',
    verb: 'quarantine',
    loosened: 'unset',
    read: ({ quarantine }) => quarantine,
    fold: (one) => one,
  }),
};

function agreement<T>(one: Demand<T>, other: Demand<T>): Demand<T> {
  if (one.value === undefined || one.value === other.value) return one;
  return { value: undefined, by: [...one.by, ...other.by] };
}

function intersection<T>(one: Demand<readonly T[]>, other: Demand<readonly T[]>): Demand<readonly T[]> {
  if (one.value === undefined) return one;
  const others = new Set(other.value?.map((item) => JSON.stringify(item)));
  const both = one.value.filter((item) => others.has(JSON.stringify(item)));
  if (both.length === one.value.length) return one;
  return { value: both.length === 0 ? undefined : both, by: [...one.by, ...other.by] };
}

/** More different lists than people mean, of which a tenant can make thousands, let in nobody. */
const mostLists = 16;

/** Several ways lead to one identity, so that lists cannot be compared entry by entry: each must hold. */
function everyList<T>(one: Lists<T>, other: Lists<T>): Lists<T> {
  const lists = new Map([...(one.value ?? []), ...(other.value ?? [])].map((list) => [textOf(list), list]));
  const by = one.value?.length === lists.size ? one.by : [...one.by, ...other.by];
  const nobody = lists.size > mostLists || [...lists.values()].some((list) => list.length === 0);
  return { value: nobody ? [[]] : [...lists.values()], by };
}

const texts = new WeakMap<object, string>();

function textOf(list: object): string {
  const text = texts.get(list) ?? hash('sha256', JSON.stringify(list), 'base64');
  texts.set(list, text);
  return text;
}

type Lists<T> = Demand<readonly (readonly T[])[]>;

/** What all cards of a workload demand together, by field; a field is absent where no card demands anything by it. */
export type FoldedDemands = {
  readonly [Field in keyof typeof guardedFields]?: ReturnType<(typeof guardedFields)[Field]['fold']>;
};

type Demanding = KubeObject & Pick<AgentCard, 'spec'>;

/** Of what several demand alike it is the card's own demand, else that of the first by name. */
export function foldDemands(card: Demanding, siblings: readonly Demanding[]): FoldedDemands {
  const demanding = siblings.filter(({ spec }) => rows.some(({ read }) => read(spec) !== undefined));
  const inOrder = [card, ...demanding.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))];
  return Object.fromEntries(
    Object.entries(guardedFields).flatMap(([name, row]) => {
      const { read, fold } = row as GuardedField<unknown>;
      const demands = inOrder
        .map(({ metadata, spec }): Demand<unknown> => ({ value: read(spec), by: [metadata.name] }))
        .filter(({ value }) => value !== undefined);
      return demands.length === 0 ? [] : [[name, demands.reduce(fold)]];
    }),
  );
}

const rows: readonly GuardedField<unknown>[] = Object.values(guardedFields as Record<string, GuardedField<unknown>>);

/** Whether deleting such a card would loosen something: then only people with the verb may. */
export function isProtected(spec: AgentCardSpec): boolean {
  return rows.some(({ path, loosened }) => {
    const value = valueAt(spec, path);
    return loosened === 'unlessTrue' ? value === true : value !== undefined;
  });
}

function valueAt(spec: AgentCardSpec, path: string): unknown {
  return path.split('.').reduce<unknown>((part, key) => (part as Record<string, unknown> | undefined)?.[key], spec);
}
