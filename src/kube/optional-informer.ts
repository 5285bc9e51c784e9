import { Informer, type InformerOptions } from './informer.ts';
import type { Key, KubeObject } from './objects.ts';
import { resources } from './objects.ts';
import type { Handler } from './store.ts';

/**
 * An informer of a kind that the cluster may not serve, may come to serve, or may cease to. It watches the kind's
 * CustomResourceDefinition and is empty, synced and healthy while there is none.
 */
export class OptionalInformer<T extends KubeObject> {
  readonly resource: InformerOptions<T>['resource'];
  readonly #options: InformerOptions<T>;
  readonly #definition: Informer<KubeObject>;
  readonly #handlers = new Set<Handler<T>>();
  #current: { readonly informer: Informer<T>; readonly stop: AbortController } | undefined;

  constructor(options: InformerOptions<T>) {
    this.resource = options.resource;
    this.#options = options;
    const { plural, group } = options.resource;
    this.#definition = new Informer<KubeObject>({
      client: options.client,
      resource: resources.customResourceDefinitions,
      fieldSelector: `metadata.name=${plural}.${group}`,
      transform: ({ metadata }) => ({ metadata: { name: metadata.name, uid: metadata.uid ?? '' } }),
      ...(options.timing ? { timing: options.timing } : {}),
    });
  }

  get synced(): Promise<void> {
    return this.#definition.synced.then(() => this.#current?.informer.synced);
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
    const running: Promise<void>[] = [];
    this.#definition.onEvent({
      add: () => void running.push(this.#begin(signal)),
      remove: () => this.#end(),
    });
    await this.#definition.start(signal);
    this.#current?.stop.abort();
    await Promise.all(running);
  }

  #begin(signal: AbortSignal): Promise<void> {
    const stop = new AbortController();
    const informer = new Informer<T>(this.#options);
    for (const handler of this.#handlers) informer.onEvent(handler);
    this.#current = { informer, stop };
    return informer.start(AbortSignal.any([signal, stop.signal]));
  }

  /** The kind is gone, and so is everything of it. */
  #end(): void {
    const gone = this.#current;
    this.#current = undefined;
    gone?.stop.abort();
    for (const object of gone?.informer.values() ?? []) {
      for (const handler of this.#handlers) handler.remove?.(object);
    }
  }
}
