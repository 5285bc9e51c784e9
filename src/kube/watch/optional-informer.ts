import { setTimeout as sleep } from 'node:timers/promises';
import { resources } from '../client/kinds.ts';
import type { Key, KubeObject } from '../client/objects.ts';
import { Informer, type InformerOptions, storeOf } from './informer.ts';
import type { Handler, Store } from './store.ts';
import { defaultTiming } from './watch-plan.ts';

/** A CustomResourceDefinition, as far as it decides whether there is anything to watch. */
interface Definition extends KubeObject {
  readonly served: readonly string[];
}

interface RawDefinition extends KubeObject {
  readonly spec?: { readonly versions?: readonly { readonly name: string; readonly served?: boolean }[] };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

export interface OptionalInformerOptions<T extends KubeObject> extends InformerOptions<T> {
  /** The versions that we read, the best first. */
  readonly versions: readonly string[];
}

/**
 * An informer of a kind that the cluster may not serve, may come to serve, or may serve in another version than before. It
 * watches the kind's CustomResourceDefinition, reads the best version that is served, and is empty while none is. Nobody
 * waits for a kind that cannot be listed.
 */
export class OptionalInformer<T extends KubeObject> {
  readonly resource: InformerOptions<T>['resource'];
  readonly optional = true;
  /** Resolves when the kind was listed, found absent, or waited for in vain, and else when it was stopped. */
  readonly synced: Promise<void>;
  readonly #options: OptionalInformerOptions<T>;
  /** Outlives a change of version. */
  readonly #store: Store<T>;
  readonly #definition: Informer<Definition>;
  readonly #listeners = new Set<() => void>();
  readonly #full = Promise.withResolvers<void>();
  readonly #running: Promise<void>[] = [];
  #current: { readonly informer: Informer<T>; readonly stop: AbortController } | undefined;
  /** Since the kind is there it has been listed in some version. */
  #listed = false;
  #settled = false;

  constructor(options: OptionalInformerOptions<T>) {
    this.resource = options.resource;
    this.#options = options;
    this.#store = storeOf(options);
    this.synced = this.#full.promise;
    this.#definition = new Informer<Definition>({
      client: options.client,
      resource: resources.customResourceDefinitions,
      fieldSelector: `metadata.name=${this.#name}`,
      transform: trimDefinition,
      telemetry: { failed: (error, delayMs) => options.telemetry?.failed?.(error, delayMs) },
      ...(options.timing ? { timing: options.timing } : {}),
    });
  }

  get hasSynced(): boolean {
    return this.#settled;
  }

  get size(): number {
    return this.#store.size;
  }

  /** Why nothing is known of the kind although it may be there, in words. */
  get unread(): string | undefined {
    if (!this.#definition.hasSynced) return `CustomResourceDefinition ${this.#name} was not read yet`;
    const served = this.#definition.get(this.#name)?.served;
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
    return this.#definition.healthy() && (this.#current?.informer.healthy() ?? true);
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#definition.onEvent({
      add: ({ served }) => this.#choose(served, signal),
      update: (old, { served }) => {
        if (String(old.served) !== String(served)) this.#choose(served, signal);
      },
      remove: () => this.#choose(undefined, signal),
    });
    void this.#definition.synced.then(() => this.#settle());
    const { deafAfterMs } = { ...defaultTiming, ...this.#options.timing };
    void sleep(deafAfterMs, undefined, { signal, ref: false }).then(
      () => this.#arrive(),
      () => {},
    );
    await this.#definition.start(signal);
    await Promise.all(this.#running);
    this.#full.resolve();
  }

  #choose(served: readonly string[] | undefined, signal: AbortSignal): void {
    const version = this.#options.versions.find((one) => served?.includes(one));
    this.#options.telemetry?.follows?.(version, served);
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
    if (this.#definition.hasSynced && (this.#listed || this.#current === undefined)) this.#arrive();
    for (const listener of this.#listeners) listener();
  }

  #arrive(): void {
    this.#settled = true;
    this.#full.resolve();
  }

  get #name(): string {
    return `${this.resource.plural}.${this.resource.group}`;
  }
}

/** Until its names are accepted a kind is not served at all; without that condition the lists will tell. */
function trimDefinition(raw: KubeObject): Definition {
  const { metadata, spec, status } = raw as RawDefinition;
  const { name, uid = '', resourceVersion = '' } = metadata;
  const refused = status?.conditions?.some((one) => one.type === 'Established' && one.status === 'False') ?? false;
  const served = refused ? [] : (spec?.versions ?? []).filter((version) => version.served === true);
  return { metadata: { name, uid, resourceVersion }, served: served.map((version) => version.name) };
}
