import { setTimeout as sleep } from 'node:timers/promises';
import type { Controller } from './controller.ts';
import type { EventRecorder } from './event-recorder.ts';
import { Health, serveMetrics } from './health.ts';
import type { LeaderElection } from './leader-election.ts';
import type { Logger } from './log.ts';
import type { Metrics } from './metrics.ts';
import { profiling } from './profiling.ts';
import { Undo } from './undo.ts';

/** A cache that others wait for. `Informer` is one. */
export interface Cache {
  /** Settles when the cache is full or was stopped. */
  readonly synced: Promise<void>;
  readonly hasSynced: boolean;
  readonly size: number;
  /** A replica works while it is deaf: it concerns what the cluster may not even have. */
  readonly optional?: boolean;
  healthy(): boolean;
  start(signal: AbortSignal): Promise<void>;
}

/** Something that runs until its signal. A rejection ends the process. */
export interface Task {
  readonly name: string;
  /** Starts with the controllers, on the leader only; else at once, on every replica. */
  readonly needsLeadership: boolean;
  run(signal: AbortSignal): Promise<void>;
}

export interface ManagerOptions {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly metricsAddress: string;
  /** Whether profiles are to be had beside the metrics; default: no. */
  readonly profiles?: boolean;
  readonly probeAddress: string;
  readonly events?: EventRecorder;
  /** None: we lead. */
  readonly election?: LeaderElection;
  /** For runs in flight after the stop. Less than the pod's terminationGracePeriodSeconds; 20 s. */
  readonly graceMs?: number;
}

const flushMs = 2_000;
const abortedMs = 1_000;
const syncWarningMs = 30_000;

/** Starts HTTP, then caches, waits for full caches and for leadership, then works. It stops in the opposite order. */
export class Manager {
  readonly health = new Health();
  readonly #options: ManagerOptions;
  readonly #caches = new Map<string, Cache>();
  readonly #controllers: Controller[] = [];
  readonly #tasks: Task[] = [];
  readonly #failed = Promise.withResolvers<never>();
  /** Why this replica neither works nor stands by. */
  #waits: string | undefined = 'waits for its caches';

  constructor(options: ManagerOptions) {
    this.#options = options;
  }

  addCache(name: string, cache: Cache): void {
    this.#caches.set(name, cache);
    this.#options.metrics.trackInformer(name, cache);
    this.health.addReadyProbe(`watch-${name}`, () => {
      if (!cache.hasSynced) return 'not synced';
      return cache.optional === true || cache.healthy() || 'deaf';
    });
  }

  addController(controller: Controller): void {
    this.#controllers.push(controller);
    this.#options.metrics.trackQueue(controller.name, controller.queue);
    this.health.addHealthProbe(controller.name, () => {
      const stuck = controller.stuck();
      return stuck.length === 0 || `reconciles that never end: ${stuck.slice(0, 3).join(', ')}`;
    });
  }

  addTask(task: Task): void {
    this.#tasks.push(task);
  }

  /** Until `stop`; rejects when leadership was lost or a part failed. Either way everything has ended then. */
  async run(stop: AbortSignal): Promise<void> {
    const { log, election, events } = this.#options;
    this.health.addReadyProbe('work', () => (stop.aborted ? 'stopping' : this.#waits));
    const over = Promise.race([aborted(stop), this.#failed.promise]);
    // A part may fail while nobody waits for it.
    over.catch(() => {});
    // What is started last is undone first.
    await using started = new Undo();
    started.defer(() => log.info('stopped'));
    await this.#serve(started);
    this.#startBackground(started);
    await Promise.race([this.#synced(stop), over]);
    if (stop.aborted) return;
    this.#waits = undefined;
    log.info('caches synced');
    if (election !== undefined) {
      started.defer(() => election.release());
      await Promise.race([election.acquire(stop), over]).catch((error: unknown) => {
        if (!stop.aborted) throw error;
      });
      if (stop.aborted) return;
      log.info('leading');
    }
    if (events !== undefined) started.defer(() => events.flush(flushMs));
    const grace = { ms: this.#options.graceMs ?? 20_000 };
    this.#startWork(started, grace);
    const lost = election?.lost.then((error) => {
      grace.ms = 0;
      throw error;
    });
    await (lost === undefined ? over : Promise.race([over, lost]));
    log.info('stopping');
  }

  async #serve(started: Undo): Promise<void> {
    const { metrics, metricsAddress, profiles, probeAddress } = this.#options;
    const probes = await this.health.serve(probeAddress);
    started.defer(() => probes?.close());
    const scraped = await serveMetrics(metricsAddress, metrics.registry, profiles ? profiling() : undefined);
    started.defer(() => scraped?.close());
  }

  #startBackground(started: Undo): void {
    const end = new AbortController();
    const running = [...this.#caches].map(([name, cache]) => this.#guard(name, cache.start(end.signal)));
    running.push(...this.#startTasks(false, end.signal));
    started.defer(async () => {
      end.abort();
      await within(abortedMs, running);
    });
  }

  #startWork(started: Undo, grace: { readonly ms: number }): void {
    const stop = new AbortController();
    const abort = new AbortController();
    const running = this.#controllers.map((each) => this.#guard(each.name, each.start(stop.signal, abort.signal)));
    running.push(...this.#startTasks(true, stop.signal));
    started.defer(async () => {
      stop.abort();
      await within(grace.ms, running);
      abort.abort();
      await within(abortedMs, running);
    });
  }

  #startTasks(needsLeadership: boolean, signal: AbortSignal): Promise<void>[] {
    const due = this.#tasks.filter((task) => task.needsLeadership === needsLeadership);
    return due.map((task) => this.#guard(task.name, task.run(signal)));
  }

  /** Never rejects: a part that fails ends the run instead. */
  async #guard(name: string, running: Promise<void>): Promise<void> {
    await running.catch((error: unknown) => this.#fail(new Error(`${name} failed`, { cause: error })));
  }

  #fail(error: Error): void {
    this.#failed.reject(error);
  }

  /** Without a limit: a missing API server or right is told to people, and ends by itself. */
  async #synced(stop: AbortSignal): Promise<void> {
    const all = Promise.all([...this.#caches.values()].map(({ synced }) => synced)).then(() => true);
    while (!stop.aborted && !(await Promise.race([all, pause(syncWarningMs, stop)]))) {
      const missing = [...this.#caches].flatMap(([name, { hasSynced }]) => (hasSynced ? [] : [name]));
      if (!stop.aborted) this.#options.log.warn('still waiting for caches', { missing });
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** Always false, after the time or the signal. */
async function pause(ms: number, signal: AbortSignal): Promise<false> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => {});
  return false;
}

/** Waits for the end of all, but not for ever. */
async function within(ms: number, running: readonly Promise<void>[]): Promise<void> {
  const early = new AbortController();
  await Promise.race([Promise.all(running), pause(ms, early.signal)]);
  early.abort();
}
