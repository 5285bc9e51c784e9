import { keyOf } from '@agentcard-operator/kube/objects';
import type { AgentCard } from '../../operator/api/agentcard.ts';
import { modeFor } from '../../operator/network/mode.ts';
import { winnerOf } from '../../operator/workload/winner.ts';
import type { Fleet } from '../explain/fleet.ts';
import { shapeOf } from '../explain/forecast.ts';
import { targetOf } from '../explain/listing.ts';
import { type Summary, summarize } from '../explain/summary.ts';
import { shown } from './rows.ts';

export type MapView = ReturnType<typeof mapView>;
/** Who may call an agent by its verdict, were its namespace enforced. */
export type Admits = 'verified' | 'listed' | 'nobody';

type List = Summary['lists'][number];

/** How a list names the agent of a card. */
const cardPrefix = 'AgentCard ';
const mostCuts = 2_000;

/** Who may call whom: what verdicts, lists and foreign policies say, what packets are held to, and what enforcing would cut. */
export function mapView(fleet: Fleet) {
  const { namespaces, lists, notes } = summarize(fleet);
  const listed = new Map(lists.map((list) => [list.card, list]));
  // Of several cards of one workload the others decide nothing.
  const rivals = Map.groupBy(fleet.cards, (card) => targetOf(card) || keyOf(card));
  const agents = [...rivals.values()].flatMap((cards) => winnerOf(cards) ?? []);
  const cut = (key: string, from: string) => ({ key, namespace: key.slice(0, key.indexOf('/')), from });
  const closed = namespaces.flatMap(({ wouldClose }) => wouldClose.map((key) => cut(key, 'every agent')));
  const lost = lists.flatMap(({ card, wouldLose }) => wouldLose.map((from) => cut(card, from)));
  return {
    agents: agents
      .map((card) => mapAgent(card, fleet, listed.get(keyOf(card))))
      .sort((a, b) => (a.key < b.key ? -1 : 1)),
    lines: lists.flatMap(linesOf),
    namespaces: namespaces.map(({ name, mode }) => ({ name, mode })),
    cuts: [...closed, ...lost].slice(0, mostCuts),
    notes,
  };
}

/** From each caller that a list names: the key of a card, or the entry's own words. `why`: why it cannot call. */
function linesOf({ card: to, callers, unknown }: List) {
  const line = (who: string, why: string) => {
    const isAgent = who.startsWith(cardPrefix);
    return { from: shown(isAgent ? who.slice(cardPrefix.length) : who), isAgent, to, why };
  };
  const broken = unknown.map((text) => {
    const end = text.indexOf(': ');
    return line(text.slice(0, end), shown(text.slice(end + 2)));
  });
  return [...callers.map((who) => line(who, '')), ...broken];
}

function mapAgent(card: AgentCard, { namespaceLabels, settings }: Fleet, list: List | undefined) {
  const { namespace = '' } = card.metadata;
  const shape = shapeOf(card);
  const named = (wanted: string) => card.status?.conditions?.find(({ type }) => type === wanted);
  const { status, reason = '', message } = named('Enforced') ?? {};
  const distrusted = shape === 'verified' ? '' : shown(named('Ready')?.reason ?? 'NotJudgedYet', 64);
  const why = distrusted || (list?.callers.length === 0 ? 'its list names no caller' : '');
  const admits: Admits = why !== '' ? 'nobody' : list === undefined ? 'verified' : 'listed';
  const enforces = modeFor(namespaceLabels(namespace), settings.enforcement) === 'enforce';
  return {
    ...{ key: keyOf(card), namespace, admits, why },
    /** Whether policies hold packets to it now. */
    enforced: status === 'True' && (enforces || shape === 'quarantined'),
    /** Policies of others that let more in, or what keeps ours away. */
    exception: ['Weakened', 'NotEnforceable'].includes(reason) ? shown(message) : '',
  };
}
