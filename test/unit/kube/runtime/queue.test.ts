import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { lowPriority, type Taken, WorkQueue } from '../../../../src/kube/runtime/queue.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Takes now or says that there was nothing to take. */
class Taker {
  readonly #queue: WorkQueue;
  #pending: Promise<Taken | undefined> | undefined;
  #got: Taken | undefined;

  constructor(queue: WorkQueue) {
    this.#queue = queue;
  }

  async take(): Promise<Taken | undefined> {
    this.#pending ??= this.#queue.take().then((taken) => {
      this.#got = taken;
      return taken;
    });
    await Promise.resolve();
    await Promise.resolve();
    if (this.#got !== undefined) this.#pending = undefined;
    const got = this.#got;
    this.#got = undefined;
    return got;
  }
}

async function drain(queue: WorkQueue): Promise<string[]> {
  const keys: string[] = [];
  while (queue.length > 0) {
    const taken = await queue.take();
    if (taken === undefined) break;
    keys.push(taken.key);
    queue.done(taken.key);
  }
  return keys;
}

test('a key added many times is handed out once', async () => {
  const queue = new WorkQueue();
  for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
  expect(await drain(queue)).toEqual(['a', 'b']);
});

test("people's changes overtake the initial list, and keep their order", async () => {
  const queue = new WorkQueue();
  for (const key of ['l1', 'l2', 'both']) queue.add(key, { priority: lowPriority });
  for (const key of ['p1', 'p2', 'both']) queue.add(key);
  expect(await drain(queue)).toEqual(['p1', 'p2', 'both', 'l1', 'l2']);
});

test('a key added while it is worked on comes again, and not before it is done', async () => {
  const queue = new WorkQueue();
  const taker = new Taker(queue);
  queue.add('a');
  await taker.take();
  queue.add('a');
  queue.add('a');
  expect(await taker.take()).toBeUndefined();
  expect(queue.length).toBe(1);
  queue.done('a');
  expect(await taker.take()).toEqual({ key: 'a', priority: 0 });
  queue.done('a');
  expect(queue.length).toBe(0);
});

test('of two times for one key the sooner counts', async () => {
  const queue = new WorkQueue();
  const taker = new Taker(queue);
  queue.add('a', { afterMs: 5_000 });
  queue.add('a', { afterMs: 100 });
  queue.add('a', { afterMs: 9_000 });
  vi.advanceTimersByTime(99);
  expect(await taker.take()).toBeUndefined();
  vi.advanceTimersByTime(1);
  expect((await taker.take())?.key).toBe('a');
  queue.done('a');
  vi.advanceTimersByTime(20_000);
  expect(queue.length).toBe(0);
});

test('a delay longer than a timer can hold is kept', async () => {
  const queue = new WorkQueue();
  queue.add('a', { afterMs: 40 * 86_400_000 });
  vi.advanceTimersByTime(39 * 86_400_000);
  expect(queue.length).toBe(0);
  vi.advanceTimersByTime(86_400_000);
  expect(queue.length).toBe(1);
});

test('failures back off from half a second to five minutes, and a success forgets them', () => {
  const at: number[] = [];
  const queue = new WorkQueue({ random: () => 0.5 });
  for (let failure = 0; failure < 12; failure++) {
    const started = performance.now();
    queue.addRateLimited('a');
    while (queue.length === 0) vi.advanceTimersToNextTimer();
    at.push(performance.now() - started);
    void queue.take();
    queue.done('a');
  }
  expect(at.slice(0, 4)).toEqual([500, 1_000, 2_000, 4_000]);
  expect(at.slice(-2)).toEqual([300_000, 300_000]);
  expect(queue.retries('a')).toBe(12);
  queue.forget('a');
  expect(queue.retries('a')).toBe(0);
});

test.each([
  [0, 400],
  [0.999_999, 600],
])('retries are spread by a fifth (%f)', (random, expected) => {
  const queue = new WorkQueue({ random: () => random });
  queue.addRateLimited('a');
  vi.advanceTimersByTime(expected - 1);
  expect(queue.length).toBe(0);
  vi.advanceTimersByTime(1);
  expect(queue.length).toBe(1);
});

test('after the shutdown takers leave and adds are ignored', async () => {
  const queue = new WorkQueue();
  const waiting = queue.take();
  queue.add('later', { afterMs: 10 });
  queue.shutDown();
  queue.add('a');
  expect(await waiting).toBeUndefined();
  expect(await queue.take()).toBeUndefined();
  expect(vi.getTimerCount()).toBe(0);
});

test('waiting counts from when the key could have been taken, work until done', async () => {
  const waited: number[] = [];
  const worked: number[] = [];
  const queue = new WorkQueue({ telemetry: { taken: (s) => waited.push(s), done: (s) => worked.push(s) } });
  queue.add('a', { afterMs: 3_000 });
  vi.advanceTimersByTime(3_000);
  vi.advanceTimersByTime(250);
  await queue.take();
  vi.advanceTimersByTime(1_000);
  expect(queue.working().get('a')).toBe(1_000);
  queue.done('a');
  expect(waited).toEqual([0.25]);
  expect(worked).toEqual([1]);
});

/** The same rules, said naively: a list that is sorted at each question. */
class Model {
  #order = 0;
  readonly items = new Map<string, { order: number; priority: number; readyAt: number }>();
  readonly working = new Set<string>();

  add(key: string, now: number, { afterMs, priority }: { afterMs: number; priority: number }): void {
    const readyAt = afterMs > 0 ? now + afterMs : 0;
    const old = this.items.get(key);
    if (old !== undefined && old.readyAt <= readyAt && old.priority >= priority) return;
    this.items.set(key, {
      order: this.#order++,
      readyAt: Math.min(readyAt, old?.readyAt ?? readyAt),
      priority: Math.max(priority, old?.priority ?? priority),
    });
  }

  ripen(now: number): void {
    const ripe = [...this.items.values()].filter(({ readyAt }) => readyAt !== 0 && readyAt <= now);
    for (const item of ripe.sort((a, b) => a.readyAt - b.readyAt || a.order - b.order)) {
      item.readyAt = 0;
      item.order = this.#order++;
    }
  }

  take(): string | undefined {
    const ready = [...this.items].filter(([key, { readyAt }]) => readyAt === 0 && !this.working.has(key));
    const key = ready.sort(([, a], [, b]) => b.priority - a.priority || a.order - b.order)[0]?.[0];
    if (key === undefined) return undefined;
    this.items.delete(key);
    this.working.add(key);
    return key;
  }

  /** What was added meanwhile comes after what was ready before. */
  done(key: string): void {
    const again = this.working.delete(key) ? this.items.get(key) : undefined;
    if (again?.readyAt === 0) again.order = this.#order++;
  }

  /** Priorities of what could be taken now or after the current work. */
  get ready(): number[] {
    const ready = [...this.items.values()].filter(({ readyAt }) => readyAt === 0);
    return ready.map(({ priority }) => priority).sort();
  }
}

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g');
const step = fc.oneof(
  fc.record({
    is: fc.constant('add' as const),
    key,
    afterMs: fc.constantFrom(0, 0, 1, 5, 20),
    priority: fc.constantFrom(lowPriority, 0, 7),
  }),
  fc.record({ is: fc.constant('take' as const) }),
  fc.record({ is: fc.constant('done' as const), key }),
  fc.record({ is: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 12 }) }),
);

test('it behaves like the model under every sequence of operations', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const queue = new WorkQueue();
      const model = new Model();
      for (const operation of steps) {
        if (operation.is === 'add') {
          queue.add(operation.key, operation);
          model.add(operation.key, performance.now(), operation);
        } else if (operation.is === 'done') {
          queue.done(operation.key);
          model.done(operation.key);
        } else if (operation.is === 'wait') {
          for (let ms = 0; ms < operation.ms; ms++) {
            vi.advanceTimersByTime(1);
            model.ripen(performance.now());
          }
        } else {
          const expected = model.take();
          if (expected !== undefined) expect((await queue.take())?.key).toBe(expected);
        }
        const ready = [...queue.depths()].flatMap(([priority, keys]) => Array<number>(keys).fill(priority));
        expect(ready.sort()).toEqual(model.ready);
        expect(queue.length).toBe(ready.length);
        expect([...queue.working().keys()].sort()).toEqual([...model.working].sort());
      }
      queue.shutDown();
    }),
    { numRuns: 500 },
  );
});

test('a taker who waits gets the next ready key, in the order the takers came', async () => {
  const queue = new WorkQueue();
  const [first, second] = [queue.take(), queue.take()];
  queue.add('a');
  queue.add('b', { afterMs: 5 });
  vi.advanceTimersByTime(5);
  expect([(await first)?.key, (await second)?.key]).toEqual(['a', 'b']);
});

test('a share whose keys are added again all the time, at the highest priority, starves no other', async () => {
  const queue = new WorkQueue({ shareOf: (key) => key.slice(0, 1) });
  for (const key of ['b/1', 'b/2', 'b/3']) queue.add(key, { priority: lowPriority });
  const order: string[] = [];
  for (let i = 0; i < 8; i++) {
    for (let n = 0; n < 50; n++) queue.add(`a/${n}`);
    const key = (await queue.take())?.key ?? '';
    order.push(key.slice(0, 1));
    queue.done(key);
  }
  expect(order).toEqual(['a', 'b', 'a', 'b', 'a', 'b', 'a', 'a']);
});

test('of several shares the one whose work took least lately goes first, and what is long past weighs nothing', async () => {
  const queue = new WorkQueue({ shareOf: (key) => key.slice(0, 1) });
  const rounds = async (count: number) => {
    const taken: string[] = [];
    for (let i = 0; i < count; i++) {
      for (const key of ['a/1', 'a/2', 'b/1', 'b/2']) queue.add(key);
      const key = (await queue.take())?.key ?? '';
      taken.push(key.slice(0, 1));
      queue.charge(key, key.startsWith('a') ? 30 : 10);
      queue.done(key);
    }
    return taken.filter((share) => share === 'a').length;
  };
  expect(await rounds(40)).toBe(10);
  queue.charge('a/1', 1_000_000);
  expect(await rounds(10)).toBe(0);
  vi.advanceTimersByTime(60_000);
  expect(await rounds(40)).toBe(10);
});

test('shares whose work takes next to nothing have turns of equal number', async () => {
  const queue = new WorkQueue({ shareOf: (key) => key.slice(0, 1) });
  const taken: string[] = [];
  for (let i = 0; i < 8; i++) {
    for (const share of ['a', 'b']) for (let n = 0; n < 5; n++) queue.add(`${share}/${n}`);
    const key = (await queue.take())?.key ?? '';
    taken.push(key.slice(0, 1));
    queue.charge(key, key.startsWith('a') ? 0.2 : 0.01);
    queue.done(key);
  }
  expect(taken.join('')).toBe('abababab');
});
