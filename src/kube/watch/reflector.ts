import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, asApiError } from '../client/api-error.ts';
import { type KubeClient, resourcePath } from '../client/client.ts';
import { type KubeObject, type Resource, typeOf } from '../client/objects.ts';
import type { Selector } from '../client/options.ts';
import { defaultTiming, type ReflectorTiming, WatchPlan } from './watch-plan.ts';
import { readEvents } from './watch-stream.ts';

export type { ReflectorTiming } from './watch-plan.ts';

/** Where a reflector puts what it sees. */
export interface ReflectorSink<T> {
  /** Everything there is, as of `resourceVersion`: what is missing was deleted. */
  replace(objects: readonly T[], resourceVersion: string): void;
  upsert(object: T): void;
  remove(object: T): void;
  /** The watch has delivered every change up to `resourceVersion`. */
  progress?(resourceVersion: string): void;
}

/** What a reflector reports about itself, for metrics and logs. */
export interface ReflectorTelemetry {
  listed?(): void;
  watched?(): void;
  failed?(error: ApiError, delayMs: number): void;
  /** A transform, an index or a handler threw. The loop goes on. */
  objectFailed?(error: unknown): void;
}

export interface ReflectorOptions<T extends KubeObject> extends Selector {
  readonly client: KubeClient;
  readonly resource: Resource;
  readonly sink: ReflectorSink<T>;
  /** Runs on every object before it is kept. */
  readonly transform?: (raw: T) => T;
  readonly timing?: Partial<ReflectorTiming>;
  readonly telemetry?: ReflectorTelemetry;
  /** In [0, 1). */
  readonly random?: () => number;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

/** Lists and watches one resource in one scope until it is told to stop. Nothing else ends its loop. */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #timing: ReflectorTiming;
  readonly #plan: WatchPlan;
  readonly #random: () => number;
  readonly #now: () => number;
  #silentSince: number | undefined;
  #relist = new AbortController();

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#timing = { ...defaultTiming, ...options.timing };
    this.#random = options.random ?? Math.random;
    this.#now = options.now ?? (() => performance.now());
    this.#plan = new WatchPlan(this.#timing, this.#random);
    this.#silentSince = this.#now();
  }

  /** How far the watch has come; '' before the first list and while a new one is due. */
  get resourceVersion(): string {
    return this.#plan.resourceVersion;
  }

  /** True while changes would not be seen: no live watch for `deafAfterMs`. */
  isDeaf(): boolean {
    return this.#silentSince !== undefined && this.#now() - this.#silentSince > this.#timing.deafAfterMs;
  }

  /** Drops the current watch and lists again. */
  relist(): void {
    this.#plan.resourceVersion = '';
    this.#relist.abort();
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#relist = new AbortController();
      const started = this.#now();
      const error = await this.#attempt(AbortSignal.any([signal, this.#relist.signal]));
      this.#silentSince ??= this.#now();
      if (signal.aborted) return;
      if (this.#relist.signal.aborted) continue;
      const waitMs = this.#plan.ended(error, this.#now() - started);
      if (error !== undefined) this.#guard(() => this.#options.telemetry?.failed?.(error, waitMs));
      if (waitMs > 0) await sleep(waitMs, undefined, { signal }).catch(() => {});
    }
  }

  /** Undefined when the server closed the watch in good order. */
  async #attempt(signal: AbortSignal): Promise<ApiError | undefined> {
    try {
      if (this.#plan.needsPages) await this.#listPages(signal);
      await this.#watch(signal);
      return undefined;
    } catch (error) {
      return asApiError(error);
    }
  }

  async #listPages(signal: AbortSignal): Promise<void> {
    const { client, resource, namespace } = this.#options;
    const scope = { ...(namespace === undefined ? {} : { namespace }), ...this.#selectors() };
    const type = typeOf(resource);
    const call = { signal, timeoutMs: this.#timing.pageMs };
    const objects: T[] = [];
    for (let next: string | undefined; ; ) {
      const cursor = next === undefined ? {} : { continue: next };
      const page = await client.listPage<T>(resource, { ...scope, ...cursor, limit: this.#plan.pageSize, ...call });
      // Items of a list come without their type, unlike watched objects.
      for (const item of page.items) this.#keep({ ...type, ...item }, (object) => objects.push(object));
      next = page.continue;
      signal.throwIfAborted();
      if (next === undefined) return this.#replace(objects, page.resourceVersion);
    }
  }

  /** From the last resourceVersion or, when there is none, as a streaming list that goes on as a watch. */
  async #watch(signal: AbortSignal): Promise<void> {
    let initial: T[] | undefined = this.#plan.resourceVersion === '' ? [] : undefined;
    const { client, resource, namespace, telemetry, sink } = this.#options;
    const path = resourcePath(resource, namespace);
    const { idleMs, openMs } = this.#timing;
    const call = { method: 'GET', path, query: this.#watchQuery(), signal, timeoutMs: openMs } as const;
    const response = await client.stream(call, idleMs);
    telemetry?.watched?.();
    if (initial === undefined) this.#silentSince = undefined;
    for await (const event of readEvents<T>(response)) {
      // What is buffered already comes after the end, of a kind that is gone perhaps.
      if (signal.aborted) return;
      if (initial === undefined) {
        if (event.type === 'DELETED') this.#keep(event.object, (object) => sink.remove(object));
        else if (event.type !== 'BOOKMARK') this.#keep(event.object, (object) => sink.upsert(object));
        // A handler of this very event may have asked for a list.
        if (signal.aborted) return;
        this.#plan.saw(event.resourceVersion);
        this.#guard(() => sink.progress?.(event.resourceVersion));
      } else if (event.type !== 'BOOKMARK') {
        this.#keep(event.object, (object) => initial?.push(object));
      } else if (event.initialEventsEnd) {
        this.#replace(initial, event.resourceVersion);
        initial = undefined;
        this.#silentSince = undefined;
      }
    }
    if (initial !== undefined) throw ApiError.transport('Truncated', 'the streaming list ended before its end');
  }

  #watchQuery(): Record<string, string | number | boolean> {
    const start =
      this.#plan.resourceVersion === ''
        ? { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }
        : { resourceVersion: this.#plan.resourceVersion };
    const timeoutSeconds = 300 + Math.floor(this.#random() * 300);
    return { watch: 1, allowWatchBookmarks: true, timeoutSeconds, ...start, ...this.#selectors() };
  }

  #selectors(): { labelSelector?: string; fieldSelector?: string } {
    const { labelSelector, fieldSelector } = this.#options;
    return { ...(labelSelector ? { labelSelector } : {}), ...(fieldSelector ? { fieldSelector } : {}) };
  }

  #replace(objects: readonly T[], resourceVersion: string): void {
    this.#guard(() => this.#options.sink.replace(objects, resourceVersion));
    this.#plan.listed(resourceVersion);
    this.#options.telemetry?.listed?.();
    this.#guard(() => this.#options.sink.progress?.(resourceVersion));
  }

  #keep(raw: T, put: (object: T) => void): void {
    this.#guard(() => put(this.#options.transform === undefined ? raw : this.#options.transform(raw)));
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#options.telemetry?.objectFailed?.(error);
    }
  }
}
