import type { KubeClient } from '@agentcard-operator/kube';
import { type Key, type KubeObject, keyOf } from '@agentcard-operator/kube/objects';

export type Verbs = Pick<KubeClient, 'get' | 'create' | 'patch' | 'delete'>;

/** Tells the echoes of our own writes from what others changed, so that they wake nobody. By uid: the version we wrote last. */
export class OwnWrites {
  readonly #versions = new Map<string, string>();
  /** What the watch told of objects while we were writing them: whether it is an echo, the answer says. */
  readonly #held = new Map<Key, (() => void)[]>();

  note({ metadata: { uid, resourceVersion } }: KubeObject): void {
    if (uid !== undefined && resourceVersion !== undefined) this.#versions.set(uid, resourceVersion);
  }

  /** Notes the answer to a write and puts it into the cache. */
  take<T extends KubeObject>(written: T, cache: { take(object: T): void }): void {
    this.note(written);
    cache.take(written);
  }

  /** Once, as each version is told: nothing of it is kept then. */
  isEcho(object: KubeObject): boolean {
    const { uid, resourceVersion } = object.metadata;
    const isIt = uid !== undefined && resourceVersion !== undefined && this.#versions.get(uid) === resourceVersion;
    if (isIt) this.forget(object);
    return isIt;
  }

  /** Tells of a change, if it is not our own; of one that comes while we write the object, once that has been answered. */
  unlessOurs(object: KubeObject, tell: () => void): void {
    const held = this.#held.get(keyOf(object));
    if (held !== undefined) held.push(() => this.unlessOurs(object, tell));
    else if (!this.isEcho(object)) tell();
  }

  /** The client of whoever takes the answers to its writes at once. */
  client(client: Verbs): Verbs {
    return {
      get: (resource, key, options) => client.get(resource, key, options),
      delete: (resource, key, options) => client.delete(resource, key, options),
      create: (resource, object, options) => this.#during(keyOf(object), client.create(resource, object, options)),
      patch: (resource, key, body, options) => this.#during(key, client.patch(resource, key, body, options)),
    };
  }

  async #during<T>(key: Key, write: Promise<T>): Promise<T> {
    const held: (() => void)[] = [];
    this.#held.set(key, held);
    const tell = () => {
      // Another write to it, or to something else of its name, may have begun.
      if (this.#held.get(key) === held) this.#held.delete(key);
      for (const each of held) each();
    };
    // After it has been taken.
    return write.finally(() => setImmediate(tell));
  }

  /** The object is gone. */
  forget({ metadata: { uid } }: KubeObject): void {
    if (uid !== undefined) this.#versions.delete(uid);
  }
}
