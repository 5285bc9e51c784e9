import type { KubeObject } from '@agentcard-operator/kube/objects';
import { RecentWork } from '@agentcard-operator/kube/runtime';

/** Milliseconds, monotonic, and those for which this thread has had a processor. */
export interface Clock {
  readonly now: () => number;
  readonly used: () => number;
}

const clock: Clock = {
  now: () => performance.now(),
  used: () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  },
};

/** Of the last second or so, for one namespace. A rollout of a hundred agents takes some milliseconds. */
const shareMs = 100;
const pauseMs = 100;

/**
 * Finds out whom a change concerns, at once. Where that takes more than a namespace's share of the thread, whatever changed in
 * it concerns everything in it, a while later: a tenant chooses how many objects a label leads to, and how often something
 * behind it changes.
 */
export class FairLook {
  readonly #wakeAll: (namespace: string) => void;
  readonly #clock: Clock;
  readonly #took = new RecentWork();
  /** Namespaces that wait for their share. */
  readonly #due = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  /** `wakeAll` costs little for each thing in the namespace. */
  constructor(wakeAll: (namespace: string) => void, given = clock) {
    this.#wakeAll = wakeAll;
    this.#clock = given;
  }

  /** For handlers: `find` is called with what an object is after a change and what it was before, or `wakeAll` comes instead. */
  looking<T extends KubeObject>(find: (object: T) => void) {
    return (now: T, before = now): void => {
      const { namespace = '' } = now.metadata;
      if (this.#due.has(namespace)) return;
      if (!this.#isSpent(namespace)) {
        this.#charged(namespace, () => {
          for (const each of new Set([before, now])) find(each);
        });
        return;
      }
      this.#due.add(namespace);
      this.#arm();
    };
  }

  #isSpent(namespace: string): boolean {
    return this.#took.of(namespace, this.#clock.now()) >= shareMs;
  }

  #charged(namespace: string, work: () => void): void {
    const before = this.#clock.used();
    try {
      work();
    } finally {
      this.#took.charge(namespace, this.#clock.used() - before, this.#clock.now());
    }
  }

  #arm(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      for (const namespace of this.#due) {
        if (this.#isSpent(namespace)) continue;
        this.#due.delete(namespace);
        this.#charged(namespace, () => this.#wakeAll(namespace));
      }
      if (this.#due.size > 0) this.#arm();
    }, pauseMs).unref();
  }
}
