import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeClient } from '../client/client.ts';
import { compareVersions, type Key, type KubeObject, keyOf, type Resource } from '../client/objects.ts';
import { countMissed } from './audit.ts';
import { Reflector, type ReflectorSink, type ReflectorTelemetry, type ReflectorTiming } from './reflector.ts';
import { type Handler, type IndexFunction, Store } from './store.ts';

export type { Handler, IndexFunction } from './store.ts';

export interface InformerTelemetry extends ReflectorTelemetry {
  /** The periodic audit found changes that the watch never delivered. They are repaired by a new list. */
  missed?(count: number): void;
  /** In which version an optional kind is read, of those that are served; it may be served in others alone, or not be defined. */
  follows?(version: string | undefined, served: readonly string[] | undefined): void;
}

export interface InformerOptions<T extends KubeObject> {
  readonly client: KubeClient;
  readonly resource: Resource;
  /** One watch each; none given means the whole cluster. */
  readonly namespaces?: readonly string[];
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
  /** Narrows an object before it is kept; managedFields and last-applied are gone already. */
  readonly transform?: (raw: T) => T;
  readonly telemetry?: InformerTelemetry;
  readonly timing?: Partial<ReflectorTiming>;
  /** Between two audits of a scope, plus up to a quarter; 1 h. */
  readonly auditMs?: number;
  /** How long an audit waits for the watch to catch up; 90 s. */
  readonly auditSettleMs?: number;
  readonly random?: () => number;
  readonly now?: () => number;
}

/** One namespace, or the whole cluster, of an informer. */
interface Scope<T extends KubeObject> {
  readonly namespace?: string;
  readonly reflector: Reflector<T>;
  /** The furthest version seen. */
  version: string;
  /** While an audit runs: what was removed since it began. */
  removed: Set<Key> | undefined;
}

/** A cache of one resource that a watch keeps equal to the API server. Objects are shared: never change them. */
export class Informer<T extends KubeObject> {
  readonly resource: Resource;
  /** Resolves when every scope has been listed once, and else when it was stopped: `hasSynced` tells which. */
  readonly synced: Promise<void>;
  readonly #options: InformerOptions<T>;
  readonly #store: Store<T>;
  readonly #inherits: boolean;
  readonly #scopes: readonly Scope<T>[];
  readonly #unsynced = new Set<string | undefined>();
  readonly #full = Promise.withResolvers<void>();

  /** `inherited`: what another version of the kind left, which stands until the first list and is read anew by it. */
  constructor(options: InformerOptions<T>, inherited?: Store<T>) {
    this.resource = options.resource;
    this.#options = options;
    this.#inherits = inherited !== undefined;
    this.#store = inherited ?? storeOf(options);
    this.synced = this.#full.promise;
    const namespaces = options.namespaces?.length ? [...new Set(options.namespaces)] : [undefined];
    for (const namespace of namespaces) this.#unsynced.add(namespace);
    this.#scopes = namespaces.map((namespace) => this.#scope(namespace));
  }

  get size(): number {
    return this.#store.size;
  }

  get hasSynced(): boolean {
    return this.#unsynced.size === 0;
  }

  get(key: Key): T | undefined {
    return this.#store.get(key);
  }

  values(): IterableIterator<T> {
    return this.#store.values();
  }

  byIndex(name: string, value: string): readonly T[] {
    return this.#store.byIndex(name, value);
  }

  onEvent(handler: Handler<T>): () => void {
    return this.#store.onEvent(handler);
  }

  /** False before the first list, and while changes would go unseen: the cache must not be called ready. */
  healthy(): boolean {
    return this.hasSynced && !this.#scopes.some(({ reflector }) => reflector.isDeaf());
  }

  /**
   * Takes an answer of the API server to one of our writes, so that the next reconcile sees it. The watch may be ahead
   * of it (older is ignored, deleted stays deleted) or behind.
   */
  take(object: T): void {
    const scope = this.#scopes.find(
      ({ namespace }) => namespace === undefined || namespace === object.metadata.namespace,
    );
    if (scope === undefined) return;
    if (this.#store.get(keyOf(object)) === undefined && !this.#mayAppear(object, scope)) return;
    this.#store.put(this.#transform(object));
  }

  /** Watches until the signal; resolves when everything has ended. */
  async start(signal: AbortSignal): Promise<void> {
    const loops = this.#scopes.flatMap((scope) => [scope.reflector.run(signal), this.#auditLoop(scope, signal)]);
    await Promise.all(loops);
    this.#full.resolve();
  }

  /** An unknown object that the watch has passed was deleted; one outside a selector would never be removed again. */
  #mayAppear(object: T, scope: Scope<T>): boolean {
    if (this.#options.labelSelector || this.#options.fieldSelector) return false;
    return compareVersions(object.metadata.resourceVersion, scope.reflector.resourceVersion) > 0;
  }

  #scope(namespace: string | undefined): Scope<T> {
    const { client, resource, labelSelector, fieldSelector, timing, telemetry, random, now } = this.#options;
    const sink = this.#sink(() => scope);
    const reflector = new Reflector<T>({
      client,
      resource,
      sink,
      transform: (raw) => (this.#unsynced.has(namespace) ? undefined : this.#known(raw)) ?? this.#transform(raw),
      ...defined({ namespace, labelSelector, fieldSelector, timing, telemetry, random, now }),
    });
    const scope: Scope<T> = { ...defined({ namespace }), reflector, version: '', removed: undefined };
    return scope;
  }

  #sink(scope: () => Scope<T>): ReflectorSink<T> {
    return {
      replace: (objects, version) => {
        this.#replace(scope(), objects, version);
        this.#unsynced.delete(scope().namespace);
        if (this.hasSynced) this.#full.resolve();
      },
      upsert: (object) => this.#store.put(object),
      remove: (object) => {
        scope().removed?.add(keyOf(object));
        this.#store.delete(object);
      },
      progress: (version) => {
        scope().version = version;
      },
    };
  }

  #replace(scope: Scope<T>, objects: readonly T[], version: string): void {
    const initial = this.#unsynced.has(scope.namespace);
    const rewound = (initial && this.#inherits) || compareVersions(version, scope.version) < 0;
    const listed = new Set(objects.map(keyOf));
    for (const object of [...this.#store.values()]) {
      if (scope.namespace !== undefined && object.metadata.namespace !== scope.namespace) continue;
      // What we wrote ourselves may be younger than the list.
      const young = !rewound && compareVersions(object.metadata.resourceVersion, version) > 0;
      if (listed.has(keyOf(object)) || young) continue;
      scope.removed?.add(keyOf(object));
      this.#store.delete(object);
    }
    for (const object of objects) this.#store.put(object, { initial, rewound });
  }

  /** Our own write's answer was here before its echo. */
  #known(raw: T): T | undefined {
    const known = this.#store.get(keyOf(raw));
    const { uid, resourceVersion } = raw.metadata;
    const same = known?.metadata.uid === uid && known?.metadata.resourceVersion === resourceVersion;
    return same ? known : undefined;
  }

  #transform(raw: T): T {
    const trimmed = trimMetadata(raw);
    return this.#options.transform === undefined ? trimmed : this.#options.transform(trimmed);
  }

  async #auditLoop(scope: Scope<T>, signal: AbortSignal): Promise<void> {
    const { auditMs = 3_600_000, random = Math.random } = this.#options;
    while (!signal.aborted) {
      const waited = await sleep(auditMs * (1 + random() / 4), true, { signal, ref: false }).catch(() => false);
      if (waited && this.healthy()) await this.#audit(scope, signal).catch(() => {});
    }
  }

  async #audit(scope: Scope<T>, signal: AbortSignal): Promise<void> {
    const { client, resource, labelSelector, fieldSelector, auditSettleMs = 90_000 } = this.#options;
    const { namespace, reflector } = scope;
    const removed = new Set<Key>();
    scope.removed = removed;
    try {
      const selector = defined({ namespace, labelSelector, fieldSelector });
      const position = () => reflector.resourceVersion;
      const target = { client, resource, scope: selector, store: this.#store, removed, position };
      const missed = await countMissed({ ...target, settleMs: auditSettleMs }, signal);
      if (!missed) return;
      this.#options.telemetry?.missed?.(missed);
      reflector.relist();
    } finally {
      scope.removed = undefined;
    }
  }
}

export function storeOf<T extends KubeObject>({ indexes = {}, telemetry }: InformerOptions<T>): Store<T> {
  return new Store(indexes, (error) => telemetry?.objectFailed?.(error));
}

/** Without the members that are undefined. */
function defined<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

/** Most of an object's metadata is bookkeeping of other tools. A copy, since deleting would make a slow object. */
function trimMetadata<T extends KubeObject>(raw: T): T {
  const { managedFields: _, annotations, ...metadata } = raw.metadata as T['metadata'] & { managedFields?: unknown };
  if (annotations === undefined) return { ...raw, metadata };
  const { 'kubectl.kubernetes.io/last-applied-configuration': __, ...kept } = annotations;
  return { ...raw, metadata: { ...metadata, annotations: kept } };
}
