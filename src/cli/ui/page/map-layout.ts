import type { MapView } from '../map-view.ts';

/** Above this many agents, namespaces stand for them. */
export const mostAgents = 60;

/** A place on the map: an agent, the agents of a namespace, or whom a list names otherwise. */
export interface Spot {
  readonly id: string;
  readonly kind: 'agent' | 'namespace' | 'other';
  readonly count: number;
  readonly why: string;
  readonly enforced: boolean;
}

export type Layout = ReturnType<typeof layoutOf>;

type Placed = Pick<MapView['agents'][number], 'key' | 'why' | 'enforced'>;

/** Who stands where: agents, or their namespaces where there are many; those of the chosen namespace one by one. */
export function layoutOf({ agents, lines }: MapView, chosen: string) {
  const grouped = agents.length > mostAgents;
  const place = (key: string) => {
    const namespace = key.slice(0, key.indexOf('/'));
    return grouped && namespace !== chosen ? namespace : key;
  };
  const group = (admits: string) =>
    spots(
      agents.filter((one) => one.admits === admits),
      place,
    );
  const bare = (key: string): Placed => ({ key, why: '', enforced: true });
  const others = new Set(lines.flatMap(({ isAgent, from }) => (isAgent ? [] : [from])));
  const held = new Set(agents.flatMap(({ key, enforced }) => (enforced ? [key] : [])));
  const links = Map.groupBy(lines, ({ from, isAgent, to }) => `${isAgent ? place(from) : from}\n${place(to)}`);
  return {
    grouped,
    groups: { verified: group('verified'), listed: group('listed'), nobody: group('nobody') },
    callers: [
      ...spots(
        lines.filter(({ isAgent }) => isAgent).map(({ from }) => bare(from)),
        place,
      ),
      ...[...others].map((id): Spot => ({ id, kind: 'other', count: 1, why: '', enforced: true })),
    ],
    called: spots(
      lines.map(({ to }) => bare(to)),
      place,
    ),
    links: [...links].map(([ends, some]) => {
      const [from = '', to = ''] = ends.split('\n');
      const kind = kindOf(some, held);
      const words = `${from} ${kind === 'broken' ? 'is listed, and cannot call' : 'may call'} ${to}`;
      return { from, to, count: some.length, kind, words };
    }),
  };
}

/** `broken`: none of these callers can call; `pending`: nothing holds others off yet. */
function kindOf(lines: MapView['lines'], held: ReadonlySet<string>) {
  if (lines.every(({ why }) => why !== '')) return 'broken';
  return lines.every(({ to }) => held.has(to)) ? 'holds' : 'pending';
}

function spots(agents: readonly Placed[], place: (key: string) => string): Spot[] {
  const unique = [...new Map(agents.map((agent) => [agent.key, agent])).values()];
  return [...Map.groupBy(unique, ({ key }) => place(key))].map(([id, some]) => ({
    id,
    kind: id.includes('/') ? ('agent' as const) : ('namespace' as const),
    count: some.length,
    why: [...new Set(some.map(({ why }) => why))].join(', '),
    enforced: some.every(({ enforced }) => enforced),
  }));
}
