import type { JsonObject } from '@agentcard-operator/agentcard';
import { type KubeObject, keyOf, type NetworkPolicy, resources } from '@agentcard-operator/kube/objects';
import type { AgentCard } from '../../operator/api/agentcard.ts';
import { apiGroup } from '../../operator/api/labels.ts';
import { customResources } from '../../operator/api/resources.ts';
import type { Place } from '../cluster/connection.ts';
import { type ClusterEvent, eventTime } from './agent-view.ts';
import { type Followed, type Following, follow } from './follow.ts';
import { rowOf } from './rows.ts';
import type { Seeing, Told } from './view.ts';

/** What the watches have seen so far, and the differences as they come. */
export type Live = ReturnType<typeof watchCluster>;

/** Changes within the one time are told together; what was refused is asked for again after the other. */
const usualPace = { gatherMs: 100, patienceMs: 10_000 };

/** By whom the operator's events are reported; of the brake as well as of cards. */
const fieldSelector = `reportingController=${apiGroup}/agentcard-operator`;

export function watchCluster(place: Place, signal: AbortSignal, { gatherMs, patienceMs } = usualPace) {
  const hearers = new Set<(told: Told) => void>();
  const versions = versionsKept();
  const brake = new Map<string, string>();
  const { note, network } = gathering(gatherMs, (news) => {
    const told = toldOf(news, cards, news.seeing ? seeing() : null);
    for (const hear of hearers) hear(told);
  });
  const watch = <T extends KubeObject>(wanted: Following<T>['wanted'], seen: (object: T, gone: boolean) => void) => {
    const add = (object: T) => seen(object, false);
    const handler = { add, update: (_: T, object: T) => add(object), remove: (object: T) => seen(object, true) };
    return follow<T>(place, { wanted, handler, onSight: () => note('seeing'), patienceMs, signal });
  };
  const cards = watch<AgentCard>({ resource: customResources.agentCards }, (card, gone) => {
    versions.keep(card, gone);
    note('cards', keyOf(card));
  });
  const events = watch<ClusterEvent>(
    { resource: resources.events, fieldSelector, indexes: { card: (event) => [subjectOf(event)] } },
    (event) => (noteBrake(brake, event) ? note('seeing') : note('touched', subjectOf(event))),
  );
  const policies = watch<NetworkPolicy>({ resource: resources.networkPolicies }, () => note('network'));
  const seeing = () =>
    seeingOf(place, brake, { cards: cards.sight(), events: events.sight(), policies: policies.sight() });
  return {
    card: (key: string) => cards.current()?.get(key),
    eventsOf: (key: string) => events.current()?.byIndex('card', key) ?? [],
    versionsOf: versions.of,
    everything: (): Told => {
      const rows = [...(cards.current()?.values() ?? [])].map(rowOf);
      return { all: true, rows, gone: [], touched: [], network: network(), seeing: seeing() };
    },
    /** Returns how to unsubscribe. */
    subscribe: (hear: (told: Told) => void) => {
      hearers.add(hear);
      return () => void hearers.delete(hear);
    },
  };
}

/** What came since it was last told: keys of cards, keys of cards with new events, how often policies changed so far. */
interface News {
  readonly cards: Set<string>;
  readonly touched: Set<string>;
  readonly network: number;
  readonly seeing: boolean;
}

/** Gathers what comes within a moment, and hands it over once. */
function gathering(ms: number, hand: (news: News) => void) {
  let network = 0;
  const nothing = () => ({ cards: new Set<string>(), touched: new Set<string>(), seeing: false, waiting: false });
  let news = nothing();
  const note = (what: 'cards' | 'touched' | 'network' | 'seeing', key = '') => {
    if (what === 'network') network += 1;
    else if (what === 'seeing') news.seeing = true;
    else news[what].add(key);
    if (news.waiting) return;
    news.waiting = true;
    setTimeout(() => {
      const told = { ...news, network };
      news = nothing();
      hand(told);
    }, ms).unref();
  };
  return { note, network: () => network };
}

function toldOf({ cards, touched, network }: News, { current }: Followed<AgentCard>, seeing: Told['seeing']): Told {
  const rows = [...cards].flatMap((key) => current()?.get(key) ?? []).map(rowOf);
  const there = new Set(rows.map(({ key }) => key));
  const gone = [...cards].filter((key) => !there.has(key));
  return { all: false, rows, gone, touched: [...touched], network, seeing };
}

function seeingOf({ client, namespace }: Place, brake: ReadonlyMap<string, string>, sights: Sights): Seeing {
  const [on = '', off = ''] = [brake.get('FleetBrakeEngaged'), brake.get('FleetBrakeReleased')];
  return { ...sights, server: client.config.server.host, namespace, brakeSince: on > off ? on : null };
}

type Sights = Pick<Seeing, 'cards' | 'events' | 'policies'>;

const subjectOf = ({ regarding }: ClusterEvent) => `${regarding?.namespace ?? ''}/${regarding?.name ?? ''}`;

/** Keeps when the brake last engaged, and when it last let go. */
function noteBrake(brake: Map<string, string>, event: ClusterEvent): boolean {
  const { reason = '' } = event;
  if (!reason.startsWith('FleetBrake')) return false;
  if (eventTime(event) > (brake.get(reason) ?? '')) brake.set(reason, eventTime(event));
  return true;
}

/** Contents of one card that are kept, to tell what changed. */
const mostVersions = 6;

function versionsKept() {
  const kept = new Map<string, Map<string, JsonObject>>();
  return {
    of: (key: string): ReadonlyMap<string, JsonObject> => kept.get(key) ?? new Map(),
    keep: (card: AgentCard, gone: boolean) => {
      const { card: content, cardId } = card.status ?? {};
      if (gone) kept.delete(keyOf(card));
      if (gone || content === undefined || cardId === undefined) return;
      const own = kept.get(keyOf(card)) ?? new Map<string, JsonObject>();
      own.set(cardId, content as JsonObject);
      // The oldest first.
      for (const old of own.keys()) if (own.size > mostVersions) own.delete(old);
      kept.set(keyOf(card), own);
    },
  };
}
