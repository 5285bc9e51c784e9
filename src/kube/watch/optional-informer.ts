import { resources } from '../client/kinds.ts';
import type { Key, KubeObject } from '../client/objects.ts';
import { Informer, type InformerOptions } from './informer.ts';
import type { Handler } from './store.ts';

/** A CustomResourceDefinition, as far as it decides whether there is anything to watch. */
interface Definition extends KubeObject {
  readonly served: readonly string[];
}

interface RawDefinition extends KubeObject {
  readonly spec?: { readonly versions?: readonly { readonly name: string; readonly served?: boolean }[] };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/**
 * An informer of a kind that the cluster may not serve, may come to serve, or may cease to. It watches the kind's
 * CustomResourceDefinition and is empty, synced and healthy while our version of it is not served.
 */
export class OptionalInformer<T extends KubeObject> {
  readonly resource: InformerOptions<T>['resource'];
  /** Resolves when the kind was listed or found absent, whichever is first, and else when it was stopped. */
  readonly synced: Promise<void>;
  readonly #options: InformerOptions<T>;
  readonly #definition: Informer<Definition>;
  readonly #handlers = new Set<Handler<T>>();
  readonly #full = Promise.withResolvers<void>();
  readonly #running: Promise<void>[] = [];
  #current: { readonly informer: Informer<T>; readonly stop: AbortController } | undefined;

  constructor(options: InformerOptions<T>) {
    this.resource = options.resource;
    this.#options = options;
    this.synced = this.#full.promise;
    const { plural, group } = options.resource;
    this.#definition = new Informer<Definition>({
      client: options.client,
      resource: resources.customResourceDefinitions,
      fieldSelector: `metadata.name=${plural}.${group}`,
      transform: trimDefinition,
      telemetry: { failed: (error, delayMs) => options.telemetry?.failed?.(error, delayMs) },
      ...(options.timing ? { timing: options.timing } : {}),
    });
  }

  get hasSynced(): boolean {
    return this.#definition.hasSynced && (this.#current?.informer.hasSynced ?? true);
  }

  get size(): number {
    return this.#current?.informer.size ?? 0;
  }

  get(key: Key): T | undefined {
    return this.#current?.informer.get(key);
  }

  byIndex(name: string, value: string): readonly T[] {
    return this.#current?.informer.byIndex(name, value) ?? [];
  }

  onEvent(handler: Handler<T>): void {
    this.#handlers.add(handler);
    this.#current?.informer.onEvent(handler);
  }

  healthy(): boolean {
    return this.#definition.healthy() && (this.#current?.informer.healthy() ?? true);
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#definition.onEvent({
      add: (definition) => this.#follow(definition, undefined, signal),
      update: (old, definition) => this.#follow(definition, old, signal),
      remove: () => this.#end(),
    });
    void this.#definition.synced.then(() => this.#settle());
    await this.#definition.start(signal);
    this.#current?.stop.abort();
    await Promise.all(this.#running);
    this.#full.resolve();
  }

  #follow({ served }: Definition, old: Definition | undefined, signal: AbortSignal): void {
    if (!served.includes(this.resource.version)) {
      this.#end();
      if (String(served) !== String(old?.served)) this.#options.telemetry?.absent?.(this.resource.version, served);
    } else if (this.#current === undefined) this.#running.push(this.#begin(signal));
  }

  #begin(signal: AbortSignal): Promise<void> {
    const stop = new AbortController();
    const informer = new Informer<T>(this.#options);
    for (const handler of this.#handlers) informer.onEvent(handler);
    this.#current = { informer, stop };
    void informer.synced.then(() => this.#settle());
    return informer.start(AbortSignal.any([signal, stop.signal]));
  }

  /** The kind is gone, and so is everything of it. */
  #end(): void {
    const gone = this.#current;
    this.#current = undefined;
    gone?.stop.abort();
    gone?.informer.clear();
    this.#settle();
  }

  #settle(): void {
    if (this.hasSynced) this.#full.resolve();
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
