import type { Row, Seeing, Told } from '../view.ts';

/** Everything that the command has told, as of now. Made anew with each change. */
export interface World {
  readonly rows: ReadonlyMap<string, Row>;
  readonly seeing: Seeing | undefined;
  readonly link: 'connecting' | 'live' | 'connecting again' | 'ended';
  readonly network: number;
  /** Counts what came about each card besides its row. */
  readonly touches: ReadonlyMap<string, number>;
}

export const nothingYet: World = {
  ...{ rows: new Map(), seeing: undefined, link: 'connecting', network: 0, touches: new Map() },
};

/** Pure: the world after something was told. */
export function worldAfter(world: World, { all, rows, gone, touched, network, seeing }: Told): World {
  const next = new Map(all ? [] : world.rows);
  for (const row of rows) next.set(row.key, row);
  for (const key of gone) next.delete(key);
  const touches = new Map(world.touches);
  for (const key of touched) touches.set(key, (touches.get(key) ?? 0) + 1);
  return { rows: next, seeing: seeing ?? world.seeing, link: 'live', network, touches };
}

/** Listens until it is told to stop. The browser comes back by itself while the command runs. */
export function listen(hear: (world: World) => void): () => void {
  let world = nothingYet;
  const source = new EventSource('/api/feed');
  const become = (next: World) => {
    world = next;
    hear(world);
  };
  source.onmessage = ({ data }) => become(worldAfter(world, JSON.parse(data) as Told));
  source.onerror = () =>
    become({ ...world, link: source.readyState === EventSource.CLOSED ? 'ended' : 'connecting again' });
  return () => source.close();
}

/** What the command answers; a text says why there is no answer. */
export async function ask<T extends object>(path: string, order?: object): Promise<T | string> {
  const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(order) };
  try {
    const response = await fetch(path, order === undefined ? {} : post);
    const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
    if (!isJson) return await response.text();
    const value = (await response.json()) as T & { readonly message: string };
    return response.ok ? value : value.message;
  } catch {
    return 'The command does not answer: it has ended, or the machine is busy.';
  }
}
