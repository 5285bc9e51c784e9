import { compareVersions, type Key, type KubeObject, keyOf } from '../client/objects.ts';

export interface Handler<T> {
  /** `initial`: the object was there before we started to watch. */
  add?(object: T, initial: boolean): void;
  update?(old: T, object: T): void;
  remove?(object: T): void;
}

/** The values under which an object is found. Pure: it is asked again when the object leaves. */
export type IndexFunction<T> = (object: T) => readonly string[];

/** Most values lead to one object, for which a Set would be a waste: there are many of them. */
type Members = Key | Set<Key>;

interface Index<T> {
  readonly of: IndexFunction<T>;
  readonly keys: Map<string, Members>;
}

/** Objects by key and by index, telling handlers what changed. A throwing handler or index is reported, no more. */
export class Store<T extends KubeObject> {
  readonly #objects = new Map<Key, T>();
  readonly #indexes = new Map<string, Index<T>>();
  readonly #handlers = new Set<Handler<T>>();
  readonly #report: (error: unknown) => void;

  constructor(indexes: Readonly<Record<string, IndexFunction<T>>>, report: (error: unknown) => void) {
    for (const [name, of] of Object.entries(indexes)) this.#indexes.set(name, { of, keys: new Map() });
    this.#report = report;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: Key): T | undefined {
    return this.#objects.get(key);
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  byIndex(name: string, value: string): readonly T[] {
    const index = this.#indexes.get(name);
    if (index === undefined) throw new TypeError(`there is no index "${name}"`);
    const members = index.keys.get(value) ?? [];
    return (typeof members === 'string' ? [members] : [...members]).flatMap((key) => this.#objects.get(key) ?? []);
  }

  /** A late handler is told of everything that is there. Returns how to leave. */
  onEvent(handler: Handler<T>): () => void {
    this.#handlers.add(handler);
    for (const object of this.#objects.values()) this.#guard(() => handler.add?.(object, true));
    return () => this.#handlers.delete(handler);
  }

  /**
   * Keeps the object unless what we have is as new. Another uid under the same key is a removal and an addition.
   * `rewound`: older is newer, since the cluster's history went back (a restored backup), or what we have was read in another version.
   */
  put(object: T, { initial = false, rewound = false } = {}): void {
    const key = keyOf(object);
    const old = this.#objects.get(key);
    if (old !== undefined && !rewound && !isNews(old, object)) return;
    if (old !== undefined && old.metadata.uid !== object.metadata.uid) this.#drop(key, old);
    const updated = this.#objects.get(key);
    if (updated !== undefined) this.#index(key, updated, false);
    this.#objects.set(key, object);
    this.#index(key, object, true);
    if (updated === undefined) this.#notify((handler) => handler.add?.(object, initial));
    else this.#notify((handler) => handler.update?.(updated, object));
  }

  /** Removes what the object describes; an object recreated since then under its key stays. */
  delete(object: T): void {
    const key = keyOf(object);
    const old = this.#objects.get(key);
    if (old !== undefined && old.metadata.uid === object.metadata.uid) this.#drop(key, old);
  }

  /** Forgets everything and tells the handlers so. */
  clear(): void {
    for (const object of [...this.#objects.values()]) this.delete(object);
  }

  #drop(key: Key, old: T): void {
    this.#objects.delete(key);
    this.#index(key, old, false);
    this.#notify((handler) => handler.remove?.(old));
  }

  #index(key: Key, object: T, present: boolean): void {
    for (const { of, keys } of this.#indexes.values()) {
      this.#guard(() => {
        for (const value of of(object)) setMember(keys, value, { key, present });
      });
    }
  }

  #notify(tell: (handler: Handler<T>) => void): void {
    for (const handler of this.#handlers) this.#guard(() => tell(handler));
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#report(error);
    }
  }
}

function isNews<T extends KubeObject>(old: T, object: T): boolean {
  const [had, has] = [old.metadata.resourceVersion, object.metadata.resourceVersion];
  if (had === has && had !== undefined) return old.metadata.uid !== object.metadata.uid;
  return compareVersions(had, has) <= 0;
}

function setMember(index: Map<string, Members>, value: string, entry: { key: Key; present: boolean }): void {
  const { key, present } = entry;
  const members = index.get(value);
  if (typeof members === 'object') {
    if (present) members.add(key);
    else if (members.delete(key) && members.size === 0) index.delete(value);
  } else if (!present) {
    if (members === key) index.delete(value);
  } else if (members !== key) index.set(value, members === undefined ? key : new Set([members, key]));
}
