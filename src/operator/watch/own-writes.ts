import type { KubeObject } from '@agentcard-operator/kube/objects';

/** Tells the echoes of our own writes from what others changed, so that they wake nobody. By uid: the version we wrote last. */
export class OwnWrites {
  readonly #versions = new Map<string, string>();

  note({ metadata: { uid, resourceVersion } }: KubeObject): void {
    if (uid !== undefined && resourceVersion !== undefined) this.#versions.set(uid, resourceVersion);
  }

  /** Notes the answer to a write and puts it into the cache. */
  take<T extends KubeObject>(written: T, cache: { take(object: T): void }): void {
    this.note(written);
    cache.take(written);
  }

  isEcho({ metadata: { uid, resourceVersion } }: KubeObject): boolean {
    return uid !== undefined && resourceVersion !== undefined && this.#versions.get(uid) === resourceVersion;
  }

  /** The object is gone. */
  forget({ metadata: { uid } }: KubeObject): void {
    if (uid !== undefined) this.#versions.delete(uid);
  }
}
