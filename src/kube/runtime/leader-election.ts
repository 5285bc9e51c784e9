import { setTimeout as sleep } from 'node:timers/promises';
import { asApiError, hasCode } from '../client/api-error.ts';
import type { KubeClient } from '../client/client.ts';
import { resources } from '../client/kinds.ts';
import { type KubeObject, keyOf, microTime, typeOf } from '../client/objects.ts';
import { resourcePath } from '../client/path.ts';

export interface Lease extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string | null;
    readonly renewTime?: string | null;
    readonly leaseTransitions?: number;
  };
}

export interface ElectionOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  /** Unique for this process, for example `<pod>_<uuid>`. */
  readonly identity: string;
  /** How long others wait after the last renewal they saw; 15 s. */
  readonly leaseMs?: number;
  /** How long we count ourselves leader after our last renewal; 10 s. Must be shorter than the lease. */
  readonly renewMs?: number;
  /** Between two tries, and between two renewals; 2 s. */
  readonly retryMs?: number;
  readonly onChange?: (leads: boolean) => void;
  /** A try that failed; the next follows. */
  readonly onError?: (error: Error) => void;
  readonly random?: () => number;
  readonly clock?: Clock;
}

/** Milliseconds. Monotonic time stands still while a virtual machine is suspended, wall time does not: both must agree. */
export interface Clock {
  monotonic(): number;
  wall(): number;
}

const systemClock: Clock = { monotonic: () => performance.now(), wall: () => Date.now() };

/** Leadership ended without our doing: another replica holds the Lease, or it could not be renewed in time. */
export class LeadershipLost extends Error {
  override readonly name = 'LeadershipLost';
}

/**
 * One leader among replicas by a Lease, as client-go does it: a holder is gone when *we* saw no renewal for as long as
 * its lease lasts, so that clocks are never compared.
 */
export class LeaderElection {
  /** Resolves when leadership is lost; never after a `release`. */
  readonly lost: Promise<LeadershipLost>;
  readonly #options: Required<Omit<ElectionOptions, 'onChange' | 'onError'>> & ElectionOptions;
  readonly #loss = Promise.withResolvers<LeadershipLost>();
  readonly #stop = new AbortController();
  /** Half of the deadline, so that a hanging call leaves time for another. */
  readonly #timeoutMs: number;
  #lease: Lease | undefined;
  /** When the Lease was last read or written with success. */
  #looked = Number.NEGATIVE_INFINITY;
  #seen = { record: '', at: Number.NEGATIVE_INFINITY };
  /** When the last successful renewal was sent. */
  #renewed: { readonly monotonic: number; readonly wall: number } | undefined;
  #renewing: Promise<void> = Promise.resolve();

  constructor(options: ElectionOptions) {
    const defaults = { leaseMs: 15_000, renewMs: 10_000, retryMs: 2_000, random: Math.random, clock: systemClock };
    this.#options = { ...defaults, ...options };
    this.#timeoutMs = this.#options.renewMs / 2;
    if (this.#options.renewMs >= this.#options.leaseMs) throw new RangeError('renewMs must be shorter than leaseMs');
    this.lost = this.#loss.promise;
  }

  /** Safe to ask before every write: no I/O, and false in a process that was paused too long. */
  isLeader(): boolean {
    if (this.#renewed === undefined) return false;
    const { clock, renewMs } = this.#options;
    return clock.monotonic() - this.#renewed.monotonic < renewMs && clock.wall() - this.#renewed.wall < renewMs;
  }

  /** False while this replica could not tell that the Lease is free, and so would not take over. */
  healthy(): boolean {
    return this.#options.clock.monotonic() - this.#looked < this.#options.leaseMs;
  }

  /** Resolves as the leader, or rejects when the signal is aborted. Renews from then on. */
  async acquire(signal: AbortSignal): Promise<void> {
    // Less than the retry time, so that a released Lease is found within it.
    while (!(await this.#try())) await this.#pause(0.5 + 0.4 * this.#options.random(), signal);
    signal.throwIfAborted();
    this.#options.onChange?.(true);
    this.#renewing = this.#renew();
  }

  /** Only when nothing writes any more: frees the Lease, so that a standby takes over within its next try. */
  async release(): Promise<void> {
    this.#stop.abort();
    await this.#renewing;
    const led = this.isLeader();
    this.#renewed = undefined;
    if (!led) return;
    this.#options.onChange?.(false);
    await this.#write({ holderIdentity: '', leaseDurationSeconds: 1 }).catch((error) => this.#options.onError?.(error));
  }

  /** Until released or lost. */
  async #renew(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#pause(1, signal).catch(() => {});
      if (signal.aborted) return;
      // Past the deadline another replica may lead already, and a renewal would only hide that.
      const held = this.isLeader() && (await this.#try());
      if (!held && (!this.isLeader() || this.#heldByOther())) {
        this.#renewed = undefined;
        this.#options.onChange?.(false);
        this.#loss.resolve(new LeadershipLost('the Lease was not renewed in time or is held by another replica'));
        return;
      }
    }
  }

  #heldByOther(): boolean {
    const holder = this.#lease?.spec?.holderIdentity;
    return holder !== undefined && holder !== '' && holder !== this.#options.identity;
  }

  /** One attempt to take or renew the Lease; errors are reported and are "no". */
  async #try(): Promise<boolean> {
    const sent = { monotonic: this.#options.clock.monotonic(), wall: this.#options.clock.wall() };
    try {
      const taken = await this.#takeOrRenew();
      this.#looked = sent.monotonic;
      if (!taken) return false;
      this.#renewed = sent;
      return true;
    } catch (error) {
      if (hasCode(error, 404) || hasCode(error, 409)) this.#lease = undefined;
      this.#options.onError?.(asApiError(error));
      return false;
    }
  }

  async #takeOrRenew(): Promise<boolean> {
    const { client, identity, leaseMs } = this.#options;
    const ours = this.#lease?.spec?.holderIdentity === identity && this.#renewed !== undefined;
    // What we wrote last is still there unless somebody else wrote: the write itself finds out.
    if (!ours)
      this.#saw(await client.get<Lease>(resources.leases, keyOf(this.#blank()), { timeoutMs: this.#timeoutMs }));
    if (this.#heldByOther() && !this.#expired()) return false;
    const now = microTime(this.#options.clock.wall());
    const spec = this.#lease?.spec;
    const kept = spec?.holderIdentity === identity;
    await this.#write({
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseMs / 1000),
      acquireTime: kept ? (spec.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: (spec?.leaseTransitions ?? 0) + (kept || spec === undefined ? 0 : 1),
    });
    return true;
  }

  /** Starts the holder's time anew whenever its record changed. */
  #saw(lease: Lease | undefined): void {
    this.#lease = lease;
    const record = JSON.stringify(lease?.spec ?? {});
    if (record !== this.#seen.record) this.#seen = { record, at: this.#options.clock.monotonic() };
  }

  #expired(): boolean {
    const seconds = this.#lease?.spec?.leaseDurationSeconds ?? this.#options.leaseMs / 1000;
    return this.#options.clock.monotonic() - this.#seen.at >= seconds * 1000;
  }

  async #write(spec: NonNullable<Lease['spec']>): Promise<void> {
    const { client, namespace, name } = this.#options;
    const call = { unfenced: true, timeoutMs: this.#timeoutMs };
    const resourceVersion = this.#lease?.metadata.resourceVersion;
    if (resourceVersion === undefined) {
      const path = resourcePath(resources.leases, namespace);
      this.#lease = await client.json<Lease>({ method: 'POST', path, body: { ...this.#blank(), spec }, ...call });
    } else {
      const path = resourcePath(resources.leases, namespace, name);
      const contentType = 'application/merge-patch+json';
      const body = { metadata: { resourceVersion }, spec };
      this.#lease = await client.json<Lease>({ method: 'PATCH', path, contentType, body, ...call });
    }
  }

  #blank(): Lease {
    const { namespace, name } = this.#options;
    return { ...typeOf(resources.leases), metadata: { name, namespace } };
  }

  async #pause(retries: number, signal: AbortSignal): Promise<void> {
    await sleep(this.#options.retryMs * retries, undefined, { signal });
  }
}
