import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { asApiError } from '../client/api-error.ts';
import type { KubeClient } from '../client/client.ts';
import { resources } from '../client/kinds.ts';
import { type KubeObject, microTime, type ObjectMeta, typeOf } from '../client/objects.ts';
import { FairLine } from './fair-line.ts';

/** What happened to which object, for people. */
export interface EventRecord {
  readonly regarding: KubeObject;
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, stable. */
  readonly reason: string;
  /** What we did or tried, CamelCase. */
  readonly action: string;
  /** Cut to 1 KiB. */
  readonly note: string;
}

export interface RecorderOptions {
  readonly client: KubeClient;
  /** For example `example.com/widget-controller`. */
  readonly controller: string;
  /** The pod's name. */
  readonly instance: string;
  readonly onFate?: (fate: 'written' | 'dropped') => void;
  /** Between two writes; 200 ms. Of a namespace a burst of `maxPending` is kept, more is dropped. */
  readonly paceMs?: number;
  readonly now?: () => number;
}

/** One Event object, which counts its repetitions. */
interface Series {
  readonly event: KubeObject & Record<string, unknown>;
  readonly firstAt: number;
  lastAt: number;
  count: number;
  written: boolean;
  queued: boolean;
  /** What waits first of its object goes before what else waits of any. */
  isFirst: boolean;
}

const maxPending = 512;
/** Once so many wait of all namespaces, each keeps this few. */
const maxSeries = 4_096;
const leastPending = 8;
/** A repetition within this time counts on the same Event. */
const seriesMs = 600_000;
const maxNote = 1_024;
const attempts = 3;
/** Statuses that no second try changes. */
const finalStatus = /^4(?!29)/;

/**
 * Writes events.k8s.io/v1 Events one after the other in the background; namespaces take turns. Nobody waits for it and nothing
 * fails by it.
 */
export class EventRecorder {
  readonly #options: Required<RecorderOptions>;
  readonly #series = new Map<string, Series>();
  readonly #pending = new FairLine<Series>();
  /** Of which something waits, by uid. */
  readonly #objects = new Set<unknown>();
  #sending: Promise<void> | undefined;
  #hurry = new AbortController();

  constructor(options: RecorderOptions) {
    this.#options = { onFate: () => {}, paceMs: 200, now: () => Date.now(), ...options };
  }

  record(record: EventRecord): void {
    const now = this.#options.now();
    const id = seriesId(record);
    const known = this.#series.get(id);
    if (known !== undefined && now - known.lastAt < seriesMs) {
      known.count++;
      known.lastAt = now;
      this.#enqueue(known);
      return;
    }
    const event = this.#event(record, now);
    const series = { event, firstAt: now, lastAt: now, count: 1, written: false, queued: false, isFirst: false };
    this.#series.delete(id);
    this.#series.set(id, series);
    this.#forgetOldest();
    this.#enqueue(series);
  }

  /** Writes what is pending, without pauses, for at most `timeoutMs`. */
  async flush(timeoutMs: number): Promise<void> {
    this.#hurry.abort();
    const late = new AbortController();
    await Promise.race([this.#sending, sleep(timeoutMs, undefined, { signal: late.signal }).catch(() => {})]);
    late.abort();
    this.#hurry = new AbortController();
  }

  #enqueue(series: Series): void {
    if (series.queued) return;
    const { name, namespace = '' } = series.event.metadata;
    const isFirst = !this.#objects.has(objectOf(series));
    const isFull = this.#pending.lengthOf(namespace) >= (this.#pending.size < maxSeries ? maxPending : leastPending);
    if (isFull && !(isFirst && this.#makeRoom(namespace))) {
      this.#options.onFate('dropped');
      return;
    }
    Object.assign(series, { queued: true, isFirst });
    this.#objects.add(objectOf(series));
    this.#pending.add(name, series, namespace, isFirst ? 1 : 0);
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
  }

  /** One goes that is not the first of its object. */
  #makeRoom(namespace: string): boolean {
    const more = this.#pending.values(namespace).find(({ isFirst }) => !isFirst);
    if (more === undefined) return false;
    this.#pending.remove(more.event.metadata.name, namespace);
    more.queued = false;
    this.#options.onFate('dropped');
    return true;
  }

  async #send(): Promise<void> {
    // Repetitions that are recorded in the same turn become one write.
    await Promise.resolve();
    for (let series = this.#pending.take(); series !== undefined; series = this.#pending.take()) {
      series.queued = false;
      if (series.isFirst) this.#objects.delete(objectOf(series));
      this.#options.onFate((await this.#write(series)) ? 'written' : 'dropped');
      await this.#pause(this.#options.paceMs);
    }
  }

  async #write(series: Series): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#createOrCount(series);
        series.written = true;
        return true;
      } catch (error) {
        const { code, reason } = asApiError(error);
        // An Event lives for an hour: a series that outlives it starts again.
        if (code === 404 && series.written) series.written = false;
        else if (attempt >= attempts || reason === 'NotLeader' || finalStatus.test(String(code))) return false;
        await this.#pause(attempt * 1_000);
      }
    }
  }

  #createOrCount({ event, count, lastAt, written }: Series): Promise<KubeObject> {
    const { client } = this.#options;
    const series = { count, lastObservedTime: microTime(lastAt) };
    if (!written) return client.create(resources.events, count > 1 ? { ...event, series } : event);
    const key = `${event.metadata.namespace}/${event.metadata.name}`;
    return client.patch(resources.events, key, { series }, { type: 'merge' });
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#hurry.signal, ref: false }).catch(() => {});
  }

  #event({ regarding, type, reason, action, note }: EventRecord, now: number): KubeObject & Record<string, unknown> {
    const { apiVersion, kind, metadata } = regarding;
    const { name, namespace = 'default', uid, resourceVersion }: ObjectMeta = metadata;
    const suffix = randomBytes(8).toString('hex');
    return {
      ...typeOf(resources.events),
      metadata: { name: `${name.slice(0, 230)}.${suffix}`, namespace },
      eventTime: microTime(now),
      reportingController: this.#options.controller,
      reportingInstance: this.#options.instance,
      regarding: { apiVersion, kind, name, namespace: metadata.namespace, uid, resourceVersion },
      type,
      reason,
      action,
      note: cut(note),
    };
  }

  #forgetOldest(): void {
    const oldest = this.#series.keys().next();
    if (this.#series.size > maxSeries && !oldest.done) this.#series.delete(oldest.value);
  }
}

function objectOf({ event }: Series): unknown {
  return (event.regarding as Partial<ObjectMeta>).uid ?? event.metadata.name;
}

function seriesId({ regarding, type, reason, action, note }: EventRecord): string {
  const { namespace, name, uid } = regarding.metadata;
  return JSON.stringify([regarding.kind, namespace, name, uid, type, reason, action, note]);
}

/** At most 1 KiB of UTF-8, which is what the API accepts. */
function cut(note: string): string {
  if (Buffer.byteLength(note) <= maxNote) return note;
  const bytes = Buffer.from(note).subarray(0, maxNote - 3);
  return `${new TextDecoder().decode(bytes, { stream: true })}…`;
}
