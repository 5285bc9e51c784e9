import { randomUUID } from 'node:crypto';
import { setImmediate as pause } from 'node:timers/promises';
import type { Logger } from './log.ts';
import { type AddOptions, type Taken, WorkQueue } from './queue.ts';

/** What a reconcile asks for. Nothing means: until something changes. */
export interface Requeue {
  /** Plus or minus a tenth, so that equal periods do not march in step. */
  readonly requeueAfterMs?: number;
  /** Of the requeue; that of this run. */
  readonly priority?: number;
}

export interface ReconcileContext {
  readonly key: string;
  readonly reconcileId: string;
  /** Aborted when the run takes too long or the process must end. */
  readonly signal: AbortSignal;
  readonly log: Logger;
}

export type Reconcile = (context: ReconcileContext) => Promise<Requeue | undefined>;

/** Trying again would not help: the key waits for a change. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}

export type ReconcileResult = 'success' | 'error' | 'requeue_after';

export interface ControllerTelemetry {
  active?(workers: number): void;
  finished?(result: ReconcileResult, seconds: number, error?: unknown): void;
  timedOut?(): void;
}

export interface ControllerOptions {
  readonly name: string;
  readonly reconcile: Reconcile;
  readonly log: Logger;
  readonly queue?: WorkQueue;
  /** Runs at once; they wait for I/O most of the time. 16. */
  readonly workers?: number;
  /** For one run; 60 s. */
  readonly timeoutMs?: number;
  readonly telemetry?: ControllerTelemetry;
  readonly random?: () => number;
}

type Ending = { readonly requeue: Requeue | undefined } | { readonly error: unknown };

const stuckTimeouts = 5;
/**
 * Runs that wait for nothing would keep sockets and timers waiting: after so long it is their turn. One turn of the event loop
 * accepts one connection, and what takes several has to come through as well.
 */
const sliceMs = 5;
const turnsBetween = 32;

/** Takes keys from its queue and reconciles them, several at once, never one key twice at a time. */
export class Controller {
  readonly name: string;
  readonly workers: number;
  readonly queue: WorkQueue;
  readonly #options: ControllerOptions;
  readonly #timeoutMs: number;
  #active = 0;
  #sliceUsedMs = 0;
  #pause: Promise<void> | undefined;

  constructor(options: ControllerOptions) {
    this.name = options.name;
    this.workers = options.workers ?? 16;
    this.queue = options.queue ?? new WorkQueue();
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? 60_000;
  }

  /** Keys may be added before the start: a standby is warm. */
  add(key: string, options?: AddOptions): void {
    this.queue.add(key, options);
  }

  /** Keys whose run ignores its signal; a liveness check should fail on them. */
  stuck(): readonly string[] {
    const limit = stuckTimeouts * this.#timeoutMs;
    return [...this.queue.working()].flatMap(([key, ms]) => (ms > limit ? [key] : []));
  }

  /** After `stop` no key is taken; runs in flight end by themselves or at `abort`. Resolves when all have ended. */
  async start(stop: AbortSignal, abort: AbortSignal = stop): Promise<void> {
    const shutDown = () => this.queue.shutDown();
    stop.addEventListener('abort', shutDown, { once: true });
    if (stop.aborted) shutDown();
    await Promise.all(Array.from({ length: this.workers }, () => this.#work(abort)));
  }

  async #work(abort: AbortSignal): Promise<void> {
    for (let taken = await this.queue.take(); taken !== undefined; taken = await this.queue.take()) {
      while (this.#sliceUsedMs > sliceMs) await this.#nextSlice();
      this.#options.telemetry?.active?.(++this.#active);
      await this.#process(taken, abort);
      this.#options.telemetry?.active?.(--this.#active);
    }
  }

  #nextSlice(): Promise<void> {
    this.#pause ??= turns(turnsBetween).then(() => {
      this.#pause = undefined;
      this.#sliceUsedMs = 0;
    });
    return this.#pause;
  }

  async #process(taken: Taken, abort: AbortSignal): Promise<void> {
    const { key } = taken;
    const reconcileId = randomUUID();
    const log = this.#options.log.with({ controller: this.name, key, reconcileId });
    const started = performance.now();
    const limit = this.#limit(abort);
    const run = this.#run({ key, reconcileId, signal: limit.signal, log });
    // Until it first waited for something, nothing else could happen.
    const usedMs = performance.now() - started;
    this.#sliceUsedMs += usedMs;
    this.queue.charge(key, usedMs);
    const ending = await Promise.race([run, limit.over]);
    limit.clear();
    this.#settle(taken, ending, log);
    // A run that ignores its signal keeps its key, so that the key is never worked on twice, but not its worker.
    void run.then(() => this.queue.done(key));
    const result =
      'error' in ending ? 'error' : ending.requeue?.requeueAfterMs === undefined ? 'success' : 'requeue_after';
    const seconds = (performance.now() - started) / 1000;
    this.#options.telemetry?.finished?.(result, seconds, 'error' in ending ? ending.error : undefined);
  }

  /** Never rejects. */
  async #run(context: ReconcileContext): Promise<Ending> {
    try {
      return { requeue: await this.#options.reconcile(context) };
    } catch (error) {
      return { error };
    }
  }

  #limit(abort: AbortSignal): { signal: AbortSignal; over: Promise<Ending>; clear(): void } {
    const controller = new AbortController();
    const { promise: over, resolve } = Promise.withResolvers<Ending>();
    const end = (error: Error) => {
      controller.abort(error);
      resolve({ error });
    };
    const timer = setTimeout(() => {
      this.#options.telemetry?.timedOut?.();
      end(new Error(`the reconcile took longer than ${this.#timeoutMs} ms`));
    }, this.#timeoutMs);
    const stopped = () => end(new Error('the process is ending'));
    abort.addEventListener('abort', stopped, { once: true });
    const clear = () => {
      clearTimeout(timer);
      abort.removeEventListener('abort', stopped);
    };
    return { signal: controller.signal, over, clear };
  }

  #settle({ key, priority }: Taken, ending: Ending, log: Logger): void {
    if (!('error' in ending)) {
      this.queue.forget(key);
      const { requeueAfterMs, priority: next = priority } = ending.requeue ?? {};
      if (requeueAfterMs === undefined) return;
      const random = this.#options.random ?? Math.random;
      this.queue.add(key, { afterMs: Math.max(1, requeueAfterMs * (0.9 + random() / 5)), priority: next });
    } else if (ending.error instanceof TerminalError) {
      this.queue.forget(key);
      log.error('reconcile failed for good', { error: ending.error });
    } else {
      this.queue.addRateLimited(key, priority);
      log.error('reconcile failed', { error: ending.error, retries: this.queue.retries(key) });
    }
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await pause();
}
