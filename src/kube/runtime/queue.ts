import { FairLine } from './fair-line.ts';
import { RecentWork } from './recent-work.ts';

/** Work that nobody waits for: the initial list, resyncs. People's changes are 0. */
export const lowPriority = -100;

export interface AddOptions {
  readonly afterMs?: number;
  /** Higher first; 0. */
  readonly priority?: number;
}

export interface Taken {
  readonly key: string;
  readonly priority: number;
}

/** What metrics want to know. Seconds. */
export interface QueueTelemetry {
  added?(): void;
  retried?(): void;
  taken?(waitedSeconds: number): void;
  done?(workedSeconds: number): void;
}

export interface QueueOptions {
  /** Of the first retry, doubled for each further one. */
  readonly baseDelayMs?: number;
  readonly maxDelayMs?: number;
  readonly telemetry?: QueueTelemetry;
  /** Whose share of the turns a key takes; one for all. */
  readonly shareOf?: (key: string) => string;
  readonly random?: () => number;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

interface Item {
  readonly key: string;
  /** Order of arrival. */
  order: number;
  readonly priority: number;
  /** 0 = now. */
  readyAt: number;
  /** Since when it could have been taken. */
  since: number;
}

const maxTimerMs = 2 ** 31 - 1;
const jitter = 0.2;

/**
 * Keys to work on: each at most once, none handed out twice at the same time. Of one share the more important go first; shares
 * take turns, whatever they hold, and of several the one that took least lately. A key added while it is worked on comes again
 * after `done`.
 */
export class WorkQueue {
  readonly #items = new Map<string, Item>();
  readonly #ready = new FairLine<Item>();
  /** Those for later, the last first: moving a few thousand pointers costs less than a heap would in code. */
  readonly #waiting: Item[] = [];
  /** Ready, but the key is being worked on. */
  readonly #parked = new Map<string, Item>();
  readonly #working = new Map<string, number>();
  readonly #failures = new Map<string, number>();
  readonly #took = new RecentWork();
  readonly #takers: ((taken: Taken | undefined) => void)[] = [];
  readonly #options: Required<QueueOptions>;
  #order = 0;
  #timer: { readonly at: number; readonly handle: NodeJS.Timeout } | undefined;
  #closed = false;

  constructor(options: QueueOptions = {}) {
    const defaults = { baseDelayMs: 500, maxDelayMs: 300_000, telemetry: {}, random: Math.random, shareOf: () => '' };
    this.#options = { ...defaults, now: () => performance.now(), ...options };
  }

  /** Keys that could be taken now or after their current work. Delayed ones are not counted. */
  get length(): number {
    return this.#ready.size + this.#parked.size;
  }

  /** The same by priority. */
  depths(): Map<number, number> {
    const depths = new Map<number, number>();
    for (const { priority } of [...this.#ready.values(), ...this.#parked.values()]) {
      depths.set(priority, (depths.get(priority) ?? 0) + 1);
    }
    return depths;
  }

  /** Milliseconds for which each key in work has been worked on. */
  working(): ReadonlyMap<string, number> {
    const now = this.#options.now();
    return new Map([...this.#working].map(([key, since]) => [key, now - since]));
  }

  /** Of two adds of one key the sooner time and the higher priority count. */
  add(key: string, options: AddOptions = {}): void {
    if (this.#closed) return;
    const { afterMs = 0, priority = 0 } = options;
    const readyAt = afterMs > 0 ? this.#options.now() + afterMs : 0;
    this.#options.telemetry.added?.();
    const old = this.#items.get(key) ?? { key, order: 0, priority: -Infinity, readyAt: Infinity, since: 0 };
    if (readyAt >= old.readyAt && priority <= old.priority) return;
    if (this.#items.has(key)) this.#displace(old);
    const since = readyAt < old.readyAt ? this.#options.now() : old.since;
    const sooner = Math.min(readyAt, old.readyAt);
    const higher = Math.max(priority, old.priority);
    this.#place({ key, order: this.#order++, priority: higher, readyAt: sooner, since });
    this.#serve();
  }

  /** After a failure: later each time, until `forget`. */
  addRateLimited(key: string, priority = 0): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.#options.telemetry.retried?.();
    const { baseDelayMs, maxDelayMs, random } = this.#options;
    const delay = Math.min(baseDelayMs * 2 ** failures, maxDelayMs);
    this.add(key, { afterMs: delay * (1 + jitter * (2 * random() - 1)), priority });
  }

  retries(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key, as soon as there is one; undefined after the shutdown. Every taken key needs its `done`. */
  take(): Promise<Taken | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    const { promise, resolve } = Promise.withResolvers<Taken | undefined>();
    this.#takers.push(resolve);
    this.#serve();
    return promise;
  }

  done(key: string): void {
    const since = this.#working.get(key);
    if (since === undefined) return;
    this.#working.delete(key);
    this.#options.telemetry.done?.((this.#options.now() - since) / 1000);
    const item = this.#parked.get(key);
    if (item === undefined) return;
    this.#parked.delete(key);
    this.#line(item);
    this.#serve();
  }

  /** What a key's work took from all others, since one thread does it. */
  charge(key: string, ms: number): void {
    const share = this.#options.shareOf(key);
    this.#took.charge(share, ms, this.#options.now());
  }

  /** Nothing is handed out any more; keys in work may still be reported done. */
  shutDown(): void {
    this.#closed = true;
    clearTimeout(this.#timer?.handle);
    for (const resolve of this.#takers.splice(0)) resolve(undefined);
  }

  #place(item: Item): void {
    this.#items.set(item.key, item);
    if (item.readyAt !== 0) {
      this.#waiting.splice(this.#placeOf(item), 0, item);
      this.#arm();
    } else if (this.#working.has(item.key)) this.#parked.set(item.key, item);
    else this.#line(item);
  }

  #line(item: Item): void {
    this.#ready.add(item.key, item, this.#options.shareOf(item.key), item.priority);
  }

  #displace({ key, order, readyAt }: Item): void {
    if (readyAt !== 0) this.#waiting.splice(this.#placeOf({ order, readyAt }), 1);
    else if (!this.#parked.delete(key)) this.#ready.remove(key, this.#options.shareOf(key));
  }

  /** Among those for later: where it stands or would stand. */
  #placeOf({ readyAt, order }: Pick<Item, 'readyAt' | 'order'>): number {
    let [from, to] = [0, this.#waiting.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      const other = this.#waiting[middle];
      const later = other !== undefined && (other.readyAt - readyAt || other.order - order) > 0;
      if (later) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** One timer, for the first of the waiting. */
  #arm(): void {
    const at = this.#waiting.at(-1)?.readyAt;
    if (at === undefined || (this.#timer !== undefined && this.#timer.at <= at)) return;
    clearTimeout(this.#timer?.handle);
    const delay = Math.min(Math.max(1, Math.ceil(at - this.#options.now())), maxTimerMs);
    this.#timer = { at, handle: setTimeout(() => this.#ripen(), delay) };
  }

  #ripen(): void {
    this.#timer = undefined;
    const now = this.#options.now();
    for (let item = this.#waiting.at(-1); item !== undefined && item.readyAt <= now; item = this.#waiting.at(-1)) {
      this.#waiting.pop();
      item.since = item.readyAt;
      item.readyAt = 0;
      item.order = this.#order++;
      this.#place(item);
    }
    this.#arm();
    this.#serve();
  }

  #serve(): void {
    while (!this.#closed && this.#takers.length > 0) {
      // In whole milliseconds: those who took next to nothing go in turn, and the first of them ends the search.
      const item = this.#ready.take((share) => Math.floor(this.#took.of(share, this.#options.now())));
      if (item === undefined) return;
      this.#items.delete(item.key);
      const now = this.#options.now();
      this.#working.set(item.key, now);
      this.#options.telemetry.taken?.((now - item.since) / 1000);
      this.#takers.shift()?.({ key: item.key, priority: item.priority });
    }
  }
}
