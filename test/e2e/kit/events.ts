import type { World } from './world.ts';

interface ToldEvent {
  readonly reason: string;
  readonly note: string;
  readonly regarding: { readonly name: string };
  readonly series?: { readonly count: number };
}

/** The notes of the events of one reason about one card, repetitions included. */
export async function told(world: World, namespace: string, card: string, reason: string): Promise<readonly string[]> {
  const { items } = await world.json<{ items: ToldEvent[] }>('-n', namespace, 'get', 'events.events.k8s.io');
  return items
    .filter((event) => event.reason === reason && event.regarding.name === card)
    .flatMap(({ note, series }) => Array.from({ length: series?.count ?? 1 }, () => note));
}
