import { setTimeout as sleep } from 'node:timers/promises';
import type { Key, KubeObject } from '../client/objects.ts';
import { Informer, type InformerOptions, storeOf } from './informer.ts';
import { definedVersions, discoveredVersions, type ServedVersions } from './served-versions.ts';
import type { Handler, Store } from './store.ts';
import { defaultTiming } from './watch-plan.ts';

export interface OptionalInformerOptions<T extends KubeObject> extends InformerOptions<T> {
  /** The versions that we read, the best first. */
  readonly versions: readonly string[];
  /** Whoever may not watch the kind's definition asks this often in which versions the kind is served. */
  readonly discoverMs?: number;
}

/**
 * An informer of a kind that the cluster may not serve, may come to serve, or may serve in another version than before. It
 * reads the best version that is served, and is empty while none is. Nobody waits for a kind that cannot be listed.
 */
export class OptionalInformer<T extends KubeObject> {
  readonly resource: InformerOptions<T>['resource'];
  readonly optional = true;
  /** Resolves when the kind was listed, found absent, or waited for in vain, and else when it was stopped. */
  readonly synced: Promise<void>;
  readonly #options: OptionalInformerOptions<T>;
  /** Outlives a change of version. */
  readonly #store: Store<T>;
  readonly #served: ServedVersions;
  readonly #listeners = new Set<() => void>();
  readonly #full = Promise.withResolvers<void>();
  readonly #running: Promise<void>[] = [];
  #current: { readonly informer: Informer<T>; readonly stop: AbortController } | undefined;
  /** Since the kind is there it has been listed in some version. */
  #listed = false;
  #settled = false;
  /** What is served, as it was acted on last. */
  #acted: string | undefined;

  constructor(options: OptionalInformerOptions<T>) {
    this.resource = options.resource;
    this.#options = options;
    this.#store = storeOf(options);
    this.synced = this.#full.promise;
    const { discoverMs } = options;
    this.#served = discoverMs === undefined ? definedVersions(options) : discoveredVersions(options, discoverMs);
  }

  get hasSynced(): boolean {
    return this.#settled;
  }

  get size(): number {
    return this.#store.size;
  }

  /** Why nothing is known of the kind although it may be there, in words. */
  get unread(): string | undefined {
    const { known, served } = this.#served;
    if (!known) return 'the API server has not said yet in which versions it serves it';
    if (this.#listed || served === undefined) return undefined;
    const version = this.#current?.informer.resource.version;
    if (version !== undefined) return `the API server has not listed it in version ${version} yet`;
    const versions = served.length === 0 ? 'no version' : `${served.slice(0, 5).join(', ')} alone`;
    return `the cluster serves it in ${versions}, not in ${this.#options.versions.join(' or ')}`;
  }

  get(key: Key): T | undefined {
    return this.#store.get(key);
  }

  byIndex(name: string, value: string): readonly T[] {
    return this.#store.byIndex(name, value);
  }

  onEvent(handler: Handler<T>): void {
    this.#store.onEvent(handler);
  }

  /** Told when `unread` may say something else. */
  onUnread(listener: () => void): void {
    this.#listeners.add(listener);
  }

  healthy(): boolean {
    return this.#served.healthy() && (this.#current?.informer.healthy() ?? true);
  }

  async start(signal: AbortSignal): Promise<void> {
    const { deafAfterMs } = { ...defaultTiming, ...this.#options.timing };
    void sleep(deafAfterMs, undefined, { signal, ref: false }).then(
      () => this.#arrive(),
      () => {},
    );
    await this.#served.follow(() => this.#choose(signal), signal);
    await Promise.all(this.#running);
    this.#full.resolve();
  }

  #choose(signal: AbortSignal): void {
    const { served } = this.#served;
    const isNews = String(served) !== this.#acted;
    if (!isNews && this.#settled) return;
    const version = this.#options.versions.find((one) => served?.includes(one));
    if (isNews && (served ?? this.#acted) !== undefined) this.#options.telemetry?.follows?.(version, served);
    this.#acted = String(served);
    if (version === undefined) this.#end();
    else if (version !== this.#current?.informer.resource.version) this.#running.push(this.#read(version, signal));
    this.#settle();
  }

  /** What is known stays until the version is listed. */
  #read(version: string, signal: AbortSignal): Promise<void> {
    this.#current?.stop.abort();
    const stop = new AbortController();
    const informer = new Informer<T>({ ...this.#options, resource: { ...this.resource, version } }, this.#store);
    this.#current = { informer, stop };
    void informer.synced.then(() => {
      if (this.#current?.informer !== informer || !informer.hasSynced) return;
      this.#listed = true;
      this.#settle();
    });
    return informer.start(AbortSignal.any([signal, stop.signal]));
  }

  /** Nothing of the kind can be read, or there is none. */
  #end(): void {
    this.#current?.stop.abort();
    this.#current = undefined;
    this.#listed = false;
    this.#store.clear();
  }

  #settle(): void {
    if (this.#served.known && (this.#listed || this.#current === undefined)) this.#arrive();
    for (const listener of this.#listeners) listener();
  }

  #arrive(): void {
    this.#settled = true;
    this.#full.resolve();
  }
}
