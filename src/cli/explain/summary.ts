import { keyOf } from '@agentcard-operator/kube/objects';
import { remedy } from '../../operator/api/conditions.ts';
import { modeFor } from '../../operator/network/mode.ts';
import { winnerOf } from '../../operator/workload/winner.ts';
import { type Branch, drawTree } from '../tree.ts';
import type { Fleet } from './fleet.ts';
import { shapeOf, workloadOf } from './forecast.ts';
import { listings, targetOf } from './listing.ts';

export interface Summary {
  readonly cards: number;
  readonly notReady: readonly { readonly reason: string; readonly cards: readonly string[] }[];
  readonly namespaces: readonly {
    readonly name: string;
    readonly cards: number;
    readonly mode: string;
    /** Agents that only the operator could call if this namespace enforced. */
    readonly wouldClose: readonly string[];
  }[];
  /** Agents with a list of callers. */
  readonly lists: readonly {
    readonly card: string;
    readonly callers: readonly string[];
    /** Those that cannot call, and why. */
    readonly unknown: readonly string[];
    /** Verified agents that could call it no more if its namespace enforced. */
    readonly wouldLose: readonly string[];
  }[];
  readonly notes: readonly string[];
}

export function summarize(fleet: Fleet): Summary {
  const { cards, namespaceLabels, settings, notes } = fleet;
  const readyOf = (card: (typeof cards)[number]) => card.status?.conditions?.find(({ type }) => type === 'Ready');
  const waiting = cards.filter((card) => readyOf(card)?.status !== 'True');
  const byReason = Map.groupBy(waiting, (card) => readyOf(card)?.reason ?? 'NotJudgedYet');
  const byNamespace = Map.groupBy(cards, ({ metadata }) => metadata.namespace ?? '');
  return {
    cards: cards.length,
    notReady: sorted(
      [...byReason].map(([reason, some]) => ({ reason, cards: some.map(keyOf).sort() })),
      'reason',
    ),
    namespaces: sorted(
      [...byNamespace].map(([name, some]) => {
        const mode = modeFor(namespaceLabels(name), settings.enforcement);
        const would = (card: (typeof some)[number]) =>
          shapeOf(card) === 'unverified' && workloadOf(card, fleet) !== undefined;
        const open = mode === 'enforce' ? [] : some.filter(would);
        return { name, cards: some.length, mode, wouldClose: open.map(keyOf).sort() };
      }),
      'name',
    ),
    lists: sorted(listsOf(fleet), 'card'),
    notes,
  };
}

function listsOf(fleet: Fleet): Summary['lists'][number][] {
  const listed = listings(fleet);
  const verified = fleet.cards.filter((card) => shapeOf(card) === 'verified');
  const targets = Map.groupBy(fleet.cards, targetOf);
  return [...targets].flatMap(([target, rivals]) => {
    const callers = listed(target);
    const card = winnerOf(rivals);
    if (callers === undefined || card === undefined) return [];
    const enforces =
      modeFor(fleet.namespaceLabels(card.metadata.namespace ?? ''), fleet.settings.enforcement) === 'enforce';
    const may = new Set(callers.ids);
    const loses = ({ status }: typeof card) =>
      !may.has(status?.attestedAgentSpiffeId ?? status?.signatureSpiffeId ?? '');
    const lost = enforces ? [] : verified.filter((other) => targetOf(other) !== target && loses(other));
    const named = (unknown: boolean) => callers.listed.filter(({ why }) => (why !== undefined) === unknown);
    return [
      {
        card: keyOf(card),
        callers: named(false).map(({ who }) => who),
        unknown: named(true).map(({ who, why }) => `${who}: ${why}`),
        wouldLose: lost.map(keyOf).sort(),
      },
    ];
  });
}

function sorted<K extends string, T extends Readonly<Record<K, string>>>(items: readonly T[], key: K): T[] {
  return [...items].sort((a, b) => (a[key] < b[key] ? -1 : 1));
}

/** `tlsPort`: what the operator calls the Service port for mutual TLS. */
export function summaryText(summary: Summary, width?: number, tlsPort?: string): string {
  const { cards, notReady, namespaces, lists, notes } = summary;
  const waiting = notReady.reduce((sum, each) => sum + each.cards.length, 0);
  const reasons = notReady.map(({ reason, cards: some }): Branch => {
    const todo = remedy('Ready', reason, tlsPort);
    const text = `${reason}: ${some.length}${todo === '' ? '' : `. ${todo}`}`;
    return { text, below: listed(some) };
  });
  const places = namespaces.map(({ name, cards: count, mode, wouldClose }): Branch => {
    const text = `${name}: ${counted(count, 'card')}, ${mode}`;
    if (wouldClose.length === 0) return { text };
    return { text, below: [{ text: 'enforcing would close to all but the operator', below: listed(wouldClose) }] };
  });
  const below = [
    ...(reasons.length === 0 ? [] : [{ text: 'not Ready', below: reasons }]),
    { text: 'namespaces', below: places },
    ...(lists.length === 0 ? [] : [{ text: 'who may call', below: lists.map(listBranch) }]),
    ...notes.map((text) => ({ text: `note: ${text}` })),
  ];
  return `${drawTree({ text: `${counted(cards, 'AgentCard')}, ${cards - waiting} Ready`, below }, width)}\n`;
}

function listBranch({ card, callers, unknown, wouldLose }: Summary['lists'][number]): Branch {
  const parts = [
    { text: callers.length === 0 ? 'no agent' : 'callers', below: listed(callers) },
    { text: 'cannot call', below: listed(unknown) },
    { text: 'enforcing would keep out', below: listed(wouldLose) },
  ];
  return { text: card, below: parts.filter(({ text, below }) => below.length > 0 || text === 'no agent') };
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function listed(keys: readonly string[]): Branch[] {
  const shown = keys.slice(0, 20).map((text) => ({ text }));
  return keys.length > shown.length ? [...shown, { text: `and ${keys.length - shown.length} more` }] : shown;
}
