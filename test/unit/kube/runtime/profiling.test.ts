import { Registry } from 'prom-client';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type HttpServer, serveMetrics } from '../../../../src/kube/runtime/health.ts';
import { profiling } from '../../../../src/kube/runtime/profiling.ts';

const plenty = { heapUsed: 1, available: 1e12 };
let server: HttpServer | undefined;
afterEach(() => server?.close());

async function served(more?: ReturnType<typeof profiling>) {
  server = await serveMetrics('127.0.0.1:0', new Registry(), more);
  return (path: string) => fetch(`http://127.0.0.1:${server?.port}${path}`);
}

/** Work to be found in a profile, until it is over. */
async function whileWorking<T>(answer: Promise<T>): Promise<T> {
  const state = { over: false };
  const end = () => {
    state.over = true;
  };
  answer.then(end, end);
  while (!state.over) await new Promise<void>((resolve) => setImmediate(() => resolve(recognizableWork())));
  return answer;
}

function recognizableWork(): void {
  let sum = 0;
  for (let turn = 0; turn < 1e6; turn++) sum += Math.sqrt(turn);
  if (sum < 0) throw new Error('never');
}

describe('profiles', () => {
  test('are not to be had unless they were asked for, and metrics are in any case', async () => {
    const get = await served();
    for (const path of ['/debug/cpu', '/debug/heap']) expect((await get(path)).status).toBe(404);
    expect((await get('/metrics')).status).toBe(200);
  });

  test('of the CPU show what it worked on', async () => {
    const get = await served(profiling());
    // Another one where the machine was too busy to let us work meanwhile.
    await vi.waitFor(async () => {
      const response = await whileWorking(get('/debug/cpu?seconds=0.3'));
      expect(response.status).toBe(200);
      const { nodes, samples } = (await response.json()) as {
        nodes: { callFrame: { functionName: string } }[];
        samples: [];
      };
      expect(samples.length).toBeGreaterThan(0);
      expect(nodes.map(({ callFrame }) => callFrame.functionName)).toContain('recognizableWork');
    }, 60_000);
  }, 90_000);

  test('of the heap come whole', async () => {
    const get = await served(profiling(() => plenty));
    const { snapshot, nodes } = (await (await get('/debug/heap')).json()) as {
      snapshot: { node_count: number; meta: { node_fields: string[] } };
      nodes: number[];
    };
    expect(snapshot.node_count).toBeGreaterThan(1_000);
    expect(nodes).toHaveLength(snapshot.node_count * snapshot.meta.node_fields.length);
  });

  test('are taken one at a time, and again once that one is done', async () => {
    const respond = profiling(() => plenty);
    const cpu = () => respond('/debug/cpu', new URLSearchParams('seconds=0.1'), '127.0.0.1');
    const first = cpu();
    expect(await cpu()).toMatchObject({ status: 429 });
    expect(await respond('/debug/heap', new URLSearchParams(), '::1')).toMatchObject({ status: 429 });
    expect(await first).toMatchObject({ status: 200 });
    expect(await cpu()).toMatchObject({ status: 200 });
  });

  test.each(['10.0.0.1', '::ffff:10.0.0.1', '2001:db8::1', ''])(
    'are for nobody outside of the pod: not for "%s"',
    async (from) => {
      const respond = profiling(() => plenty);
      for (const path of ['/debug/cpu', '/debug/heap']) {
        expect(await respond(path, new URLSearchParams('seconds=0.1'), from)).toMatchObject({ status: 403 });
      }
    },
  );

  test.each(['0', '61', '-1', 'NaN', 'Infinity', 'x'])('of %s seconds are refused', async (seconds) => {
    const respond = profiling();
    const query = new URLSearchParams({ seconds });
    expect(await respond('/debug/cpu', query, '127.0.0.1')).toMatchObject({ status: 400 });
  });

  test('of a heap for whose snapshot there is no room are refused', async () => {
    const respond = profiling(() => ({ heapUsed: 100, available: 1_199 }));
    expect(await respond('/debug/heap', new URLSearchParams(), '127.0.0.1')).toMatchObject({ status: 503 });
  });
});
