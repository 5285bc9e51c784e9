import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Agent } from './kit/agent.ts';
import { scrapes, settled, sumIn } from './kit/calm.ts';
import { World } from './kit/world.ts';

let world: World;
let namespace: string;
let agents: readonly Agent[];

const periods = 20;

beforeAll(async () => {
  world = await World.open();
  await world.install({ replicas: 2 });
  namespace = await world.namespace('calm');
  const options = { spec: { syncPeriod: '5s' } };
  agents = await Promise.all(['one', 'two', 'three'].map((name) => Agent.deploy(world, namespace, name, options)));
  for (const agent of agents) {
    await agent.says({ Ready: 'True ReadyToServe' });
    await agent.wears(true);
  }
});

afterAll(async () => {
  await world.kubectl('delete', 'namespace', namespace, '--wait=false');
});

interface Scrape {
  readonly cards: number;
  /** Questions that no agent answered in time. */
  readonly silences: number;
  readonly requests: Readonly<Record<string, number>>;
}

/** Of each replica: cards that were fetched, and requests to the API server by method. */
async function scrape(): Promise<readonly Scrape[]> {
  return (await scrapes(world)).map(read);
}

function read(text: string): Scrape {
  const requests: Record<string, number> = { GET: 0, POST: 0, PATCH: 0, PUT: 0, DELETE: 0 };
  for (const [, method = '', value] of text.matchAll(/^rest_client_requests_total\{.*method="(\w+)".*\} (\d+)$/gm)) {
    requests[method] = (requests[method] ?? 0) + Number(value);
  }
  const fetches = (outcome: string) => sumIn(text, { name: 'agentcard_fetches_total', labels: `outcome="${outcome}"` });
  return { cards: fetches('card'), silences: fetches('silence'), requests };
}

const total = (scrapes: readonly Scrape[], method: string) =>
  scrapes.reduce((sum, { requests }) => sum + (requests[method] ?? 0), 0);
const fetched = (scrapes: readonly Scrape[]) => scrapes.reduce((sum, { cards }) => sum + cards, 0);
const missed = (scrapes: readonly Scrape[]) => scrapes.reduce((sum, { silences }) => sum + silences, 0);

/** Once the events of the beginning have been written, which takes a while at their own pace. */
async function quietScrape(): Promise<readonly Scrape[]> {
  let last = await scrape();
  for (;;) {
    await agents[0]?.pods();
    const next = await scrape();
    if (total(next, 'POST') === total(last, 'POST')) return next;
    last = next;
  }
}

/** What was counted before and after twenty periods. */
async function calmTime() {
  await settled(world);
  const before = await quietScrape();
  const written = await world.writes();
  // A look costs three processes, and there are a hundred seconds of them.
  const after = await vi.waitFor(
    async () => {
      const now = await scrape();
      expect(fetched(now)).toBeGreaterThanOrEqual(fetched(before) + periods * agents.length);
      return now;
    },
    { timeout: 280_000, interval: 2_000 },
  );
  return { before, written, after };
}

test('twenty sync periods in which nothing happens cost no read, and no write but the Lease', async () => {
  const calm = await calmTime();
  // An agent that does not come to answer, on a machine with more work than processors, is no calm: then another time counts.
  const { before, written, after } = missed(calm.after) > missed(calm.before) ? await calmTime() : calm;
  expect(await world.writes()).toEqual(written);
  const spent = (method: string) => total(after, method) - total(before, method);
  expect({ POST: spent('POST'), DELETE: spent('DELETE') }).toEqual({ POST: 0, DELETE: 0 });
  // The standby looks at the Lease, the leader renews it. A watch that is renewed meanwhile is a GET as well.
  const leaseReads = total(after, 'GET') - total(before, 'GET');
  const leaseWrites = spent('PATCH') + spent('PUT');
  expect(leaseWrites).toBeGreaterThan(0);
  expect(leaseReads).toBeLessThanOrEqual(leaseWrites * 3 + 20);
}, 600_000);
