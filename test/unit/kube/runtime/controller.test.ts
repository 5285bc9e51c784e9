import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import {
  Controller,
  type ControllerOptions,
  type Requeue,
  TerminalError,
} from '../../../../src/kube/runtime/controller.ts';
import { createLogger } from '../../../../src/kube/runtime/log.ts';
import { WorkQueue } from '../../../../src/kube/runtime/queue.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const flush = () => vi.advanceTimersByTimeAsync(0);

function run(options: Partial<ControllerOptions> & Pick<ControllerOptions, 'reconcile'>) {
  const lines: Record<string, unknown>[] = [];
  const finished: string[] = [];
  const active: number[] = [];
  let timeouts = 0;
  const controller = new Controller({
    name: 'test',
    log: createLogger({ level: 'debug', write: (line) => lines.push(JSON.parse(line)) }),
    random: () => 0.5,
    queue: new WorkQueue({ random: () => 0.5 }),
    telemetry: {
      finished: (result) => finished.push(result),
      active: (n) => active.push(n),
      timedOut: () => timeouts++,
    },
    ...options,
  });
  const stop = new AbortController();
  const abort = new AbortController();
  let ended = false;
  const done = controller.start(stop.signal, abort.signal).then(() => {
    ended = true;
  });
  onTestFinished(() => {
    stop.abort();
    abort.abort();
    return done;
  });
  return { controller, lines, finished, active, stop, abort, done, ended: () => ended, timeouts: () => timeouts };
}

/** A reconcile that lasts until it is told to end. */
function manual() {
  const open = new Map<string, (outcome?: Requeue) => void>();
  const started: string[] = [];
  const reconcile = ({ key }: { key: string }) => {
    started.push(key);
    return new Promise<Requeue | undefined>((resolve) => open.set(key, resolve));
  };
  return { reconcile, started, finish: (key: string) => open.get(key)?.() };
}

test('as many keys run at once as there are workers, and one key never twice', async () => {
  const { reconcile, started, finish } = manual();
  const { controller, active } = run({ reconcile, workers: 2 });
  for (const key of ['a', 'b', 'c', 'a']) controller.add(key);
  await flush();
  controller.add('a');
  expect(started).toEqual(['a', 'b']);
  finish('b');
  await flush();
  expect(started).toEqual(['a', 'b', 'c']);
  finish('a');
  await flush();
  expect(started).toEqual(['a', 'b', 'c', 'a']);
  expect(Math.max(...active)).toBe(2);
});

test('an error is logged with its id, counted, and tried again later', async () => {
  let attempts = 0;
  const reconcile = async () => {
    attempts++;
    if (attempts < 3) throw new Error('broken');
    return undefined;
  };
  const { controller, lines, finished } = run({ reconcile });
  controller.add('a');
  await flush();
  expect(attempts).toBe(1);
  await vi.advanceTimersByTimeAsync(500);
  expect(attempts).toBe(2);
  await vi.advanceTimersByTimeAsync(999);
  expect(attempts).toBe(2);
  await vi.advanceTimersByTimeAsync(1);
  expect(finished).toEqual(['error', 'error', 'success']);
  expect(controller.queue.retries('a')).toBe(0);
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatchObject({ message: 'reconcile failed', controller: 'test', key: 'a', retries: 1 });
  expect(lines[0]?.reconcileId).not.toBe(lines[1]?.reconcileId);
});

test('a terminal error waits for a change', async () => {
  const { controller, finished } = run({ reconcile: () => Promise.reject(new TerminalError('no use')) });
  controller.add('a');
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(finished).toEqual(['error']);
});

test('a throw before the first await is an error like any other', async () => {
  const reconcile = () => {
    throw new TypeError('bug');
  };
  const { controller, finished } = run({ reconcile });
  controller.add('a');
  await flush();
  expect(finished).toEqual(['error']);
});

test.each([
  [0, 9_000],
  [0.5, 10_000],
  [0.999_999, 11_000],
])('a requeue is spread by a tenth (%f)', async (random, expected) => {
  let runs = 0;
  const reconcile = async () => {
    runs++;
    return { requeueAfterMs: 10_000 };
  };
  const { controller, finished } = run({ reconcile, random: () => random });
  controller.add('a');
  await vi.advanceTimersByTimeAsync(expected - 1);
  expect(runs).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(runs).toBe(2);
  expect(finished).toEqual(['requeue_after', 'requeue_after']);
});

test('a run that ignores its signal loses its worker but keeps its key', async () => {
  const { reconcile, started, finish } = manual();
  const { controller, active, finished, timeouts } = run({ reconcile, workers: 1, timeoutMs: 1_000 });
  controller.add('stuck');
  controller.add('next');
  await vi.advanceTimersByTimeAsync(1_000);
  expect(started).toEqual(['stuck', 'next']);
  expect(finished).toEqual(['error']);
  expect(timeouts()).toBe(1);
  expect(active).toEqual([1, 0, 1]);
  finish('next');
  controller.add('stuck');
  await vi.advanceTimersByTimeAsync(3_000);
  expect(started).toEqual(['stuck', 'next']);
  expect(controller.stuck()).toEqual([]);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(controller.stuck()).toEqual(['stuck']);
  finish('stuck');
  await flush();
  expect(started).toEqual(['stuck', 'next', 'stuck']);
});

test('the signal of a run that takes too long is aborted', async () => {
  let aborted = false;
  const reconcile = ({ signal }: { signal: AbortSignal }) =>
    new Promise<undefined>((_, reject) => {
      signal.addEventListener('abort', () => {
        aborted = true;
        reject(signal.reason);
      });
    });
  const { controller, lines } = run({ reconcile, timeoutMs: 1_000 });
  controller.add('a');
  await vi.advanceTimersByTimeAsync(1_000);
  expect(aborted).toBe(true);
  expect(lines[0]).toMatchObject({ message: 'reconcile failed' });
});

test('a stop lets runs end and takes nothing new; the abort ends those that do not', async () => {
  const { reconcile, started, finish } = manual();
  const { controller, stop, abort, ended } = run({ reconcile, workers: 2 });
  for (const key of ['a', 'b', 'c']) controller.add(key);
  await flush();
  stop.abort();
  await flush();
  finish('a');
  await flush();
  expect(started).toEqual(['a', 'b']);
  expect(ended()).toBe(false);
  abort.abort();
  await flush();
  expect(ended()).toBe(true);
});

test('keys added before the start are worked on after it', async () => {
  const seen: string[] = [];
  const reconcile = async ({ key }: { key: string }) => {
    seen.push(key);
    return undefined;
  };
  const controller = new Controller({ name: 'warm', log: createLogger({ write: () => {} }), reconcile });
  controller.add('a');
  controller.add('a');
  const stop = new AbortController();
  const done = controller.start(stop.signal);
  await flush();
  expect(seen).toEqual(['a']);
  stop.abort();
  await done;
});

test('runs that wait for nothing leave turns to timers and sockets, and are charged to their keys', async () => {
  vi.useRealTimers();
  let clock = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => clock);
  onTestFinished(() => void vi.restoreAllMocks());
  const keys = Array.from({ length: 30 }, (_, index) => `key-${index}`);
  const started: string[] = [];
  const queue = new WorkQueue({ now: () => 0 });
  const charged = vi.spyOn(queue, 'charge');
  const reconcile = async ({ key }: { key: string }) => {
    started.push(key);
    clock += 20;
    return undefined;
  };
  const { controller } = run({ reconcile, queue, workers: 2 });
  for (const key of keys) controller.add(key);
  let turns = 0;
  const turn = () => new Promise<void>((resolve) => setImmediate(() => resolve(void turns++)));
  await turn();
  expect(started.length).toBeLessThan(10);
  while (started.length < keys.length) await turn();
  expect(started).toEqual(keys);
  // One turn accepts one connection: of those who knock meanwhile, many come in.
  expect(turns).toBeGreaterThan(keys.length * 16);
  expect(charged.mock.calls).toEqual(keys.map((key) => [key, 20]));
});
