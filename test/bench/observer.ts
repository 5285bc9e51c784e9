import { customResources } from '../../src/operator/api/resources.ts';
/** Watches the fleet from outside: which agent became Ready when, and what the operator uses over time. */

import type { KubeClient } from '../../src/kube/client/client.ts';
import { type KubeObject, keyOf } from '../../src/kube/objects.ts';
import { Informer } from '../../src/kube/watch/informer.ts';
import type { AgentCard } from '../../src/operator/api/agentcard.ts';
import { processFigures } from './metrics.ts';

/** An AgentCard's conditions by type, as "True ReadyToServe". */
interface Seen extends KubeObject {
  readonly says: Readonly<Record<string, string>>;
  readonly cardId: string | undefined;
  /** The status is about the spec as it is. */
  readonly isCurrent: boolean;
}

export class CardWatch {
  readonly #informer: Informer<Seen>;
  readonly #stop = new AbortController();
  /** Each card's way to Ready, in milliseconds since the epoch; the last one. */
  readonly readyAt = new Map<string, number>();
  /** How often each card lost Ready. */
  readonly lost = new Map<string, number>();

  private constructor(client: KubeClient) {
    this.#informer = new Informer<Seen>({
      client,
      resource: customResources.agentCards,
      transform: (raw) => seen(raw),
    });
    this.#informer.onEvent({
      add: (card) => this.#note(undefined, card),
      update: (old, card) => this.#note(old, card),
      remove: (card) => void this.readyAt.delete(keyOf(card)),
    });
  }

  static async open(client: KubeClient): Promise<CardWatch> {
    const watch = new CardWatch(client);
    void watch.#informer.start(watch.#stop.signal);
    await watch.#informer.synced;
    return watch;
  }

  says(key: string, type: string): string {
    return this.#informer.get(key)?.says[type] ?? 'absent';
  }

  cardId(key: string): string | undefined {
    return this.#informer.get(key)?.cardId;
  }

  count(type: string, wanted: string): number {
    return [...this.#informer.values()].filter(({ says }) => says[type] === wanted).length;
  }

  /** Cards whose Ready says something. */
  get judged(): number {
    return [...this.#informer.values()].filter(({ says }) => says.Ready !== undefined).length;
  }

  get current(): number {
    return [...this.#informer.values()].filter(({ isCurrent }) => isCurrent).length;
  }

  get ready(): number {
    return this.readyAt.size;
  }

  close(): void {
    this.#stop.abort();
  }

  #note(old: Seen | undefined, card: Seen): void {
    const key = keyOf(card);
    const isReady = card.says.Ready?.startsWith('True') ?? false;
    const wasReady = old?.says.Ready?.startsWith('True') ?? false;
    if (isReady && !wasReady) this.readyAt.set(key, Date.now());
    if (!isReady && wasReady) {
      this.readyAt.delete(key);
      this.lost.set(key, (this.lost.get(key) ?? 0) + 1);
    }
  }
}

function seen(raw: KubeObject): Seen {
  const { conditions = [], cardId, observedGeneration } = (raw as unknown as AgentCard).status ?? {};
  const says = Object.fromEntries(conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]));
  return { metadata: raw.metadata, says, cardId, isCurrent: observedGeneration === raw.metadata.generation };
}

export interface Point {
  /** Seconds since the process started. */
  readonly at: number;
  readonly cpuSeconds: number;
  readonly rssMiB: number;
}

/** Samples a process twice a second until stopped. */
export function sampleProcess(pid: number, begin: number): { readonly points: readonly Point[]; stop(): void } {
  const points: Point[] = [];
  const look = async () => {
    const figures = await processFigures(pid).catch(() => undefined);
    if (figures !== undefined) points.push({ at: (Date.now() - begin) / 1000, ...figures });
  };
  const timer = setInterval(() => void look(), 500);
  return { points, stop: () => clearInterval(timer) };
}
