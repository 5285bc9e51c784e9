/** Who we are right now and whom we can check: the identity that every connection and every verdict is based on. */

import type { TrustDomain } from '../id.ts';
import type { Fault } from '../result.ts';
import type { BundleSet, TrustBundle } from '../x509/bundle.ts';
import type { X509Context, X509Svid } from '../x509/svid.ts';
import { type WorkloadApiOptions, watchX509Contexts } from './stream.ts';

/**
 * `waiting`: no answer from the Workload API so far. `denied`: it has no identity for us. `expired`: our SVID ended and
 * no other came. In these three there is no `svid`, but bundles stay: losing our identity says nothing about others.
 */
export type IdentityState = 'ready' | 'waiting' | 'denied' | 'expired';

export interface IdentitySnapshot {
  /** Grows with every change of state, SVID or bundles; not with `lastError`. */
  readonly epoch: number;
  /** Grows with every change of bundles: stored chains must then be checked again. */
  readonly bundleEpoch: number;
  readonly state: IdentityState;
  readonly svid?: X509Svid;
  /** One per trust domain, never merged. */
  readonly bundles: BundleSet;
  /** Why there is no identity, or what is wrong with the stream that feeds it. */
  readonly lastError?: Fault;
}

export type IdentityListener = (now: IdentitySnapshot, before: IdentitySnapshot) => void;

export interface IdentityOptions {
  /** Absent: bundles come from {@link IdentitySource.setBundle} alone and there is never an SVID. */
  readonly workloadApi?: WorkloadApiOptions;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

/** For metrics; ages count from `notBefore` and from the last time that the source confirmed the bundle. */
export interface IdentityHealth {
  readonly state: IdentityState;
  readonly svid?: { readonly ageSeconds: number; readonly secondsLeft: number };
  readonly bundles: readonly BundleHealth[];
}

export interface BundleHealth {
  readonly trustDomain: TrustDomain;
  readonly authorities: number;
  /** Certificates that came with them and vouch for nobody. */
  readonly skipped: number;
  readonly ageSeconds: number;
  /** Until the last authority ends; zero in an empty bundle. */
  readonly secondsLeft: number;
}

/** The longest delay that a timer can take. */
const maxTimer = 2 ** 31 - 1;

/** Starts without a Workload API and stays up, says so in its state and `lastError`, and recovers by itself. */
export class IdentitySource {
  readonly #options: IdentityOptions;
  readonly #listeners = new Set<IdentityListener>();
  readonly #overrides = new Map<TrustDomain, TrustBundle>();
  readonly #confirmedAt = new Map<TrustDomain, number>();
  #received: BundleSet = new Map();
  #snapshot: IdentitySnapshot;
  #expiry: NodeJS.Timeout | undefined;

  constructor(options: IdentityOptions) {
    this.#options = options;
    const lastError = options.workloadApi
      ? { code: 'WorkloadApiUnavailable', message: `waiting for the Workload API at ${options.workloadApi.address}` }
      : { code: 'WorkloadApiNotConfigured', message: 'no Workload API is configured; set SPIFFE_ENDPOINT_SOCKET' };
    this.#snapshot = { epoch: 0, bundleEpoch: 0, state: 'waiting', bundles: new Map(), lastError };
  }

  /** Follows the Workload API until the signal is aborted, or until it says that it will never serve us. */
  async start(signal: AbortSignal): Promise<void> {
    if (this.#options.workloadApi === undefined) return;
    try {
      for await (const context of watchX509Contexts(this.#options.workloadApi, signal)) {
        if (context.ok) this.#receive(context.value);
        else this.#report(context.error);
      }
    } finally {
      if (signal.aborted) clearTimeout(this.#expiry);
    }
  }

  /** Never hands out an SVID that has ended, even when no timer fired. */
  current(): IdentitySnapshot {
    const { svid } = this.#snapshot;
    if (svid !== undefined && svid.notAfter.getTime() < this.#options.clock()) this.#expire();
    return this.#snapshot;
  }

  /** Called after every change, `lastError` included. Returns the function that ends it. */
  onChange(listener: IdentityListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves once there is an SVID; rejects when the signal is aborted. */
  ready(signal: AbortSignal): Promise<IdentitySnapshot> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        const snapshot = this.current();
        if (!signal.aborted && snapshot.state !== 'ready') return;
        stop();
        signal.removeEventListener('abort', settle);
        if (signal.aborted) reject(signal.reason);
        else resolve(snapshot);
      };
      const stop = this.onChange(settle);
      signal.addEventListener('abort', settle);
      settle();
    });
  }

  /** A bundle from elsewhere (a file, a ConfigMap) that stands in for the Workload API's; `undefined` takes it back. */
  setBundle(trustDomain: TrustDomain, bundle: TrustBundle | undefined): void {
    if (bundle === undefined) this.#overrides.delete(trustDomain);
    else this.#overrides.set(trustDomain, bundle);
    this.#confirmedAt.set(trustDomain, this.#options.clock());
    this.#change({});
  }

  health(): IdentityHealth {
    const { state, svid, bundles } = this.current();
    const now = this.#options.clock();
    const seconds = (from: number, to: number): number => Math.max(0, (to - from) / 1000);
    return {
      state,
      ...(svid && {
        svid: {
          ageSeconds: seconds(svid.notBefore.getTime(), now),
          secondsLeft: seconds(now, svid.notAfter.getTime()),
        },
      }),
      bundles: [...bundles.values()].map(({ trustDomain, authorities, skipped, notAfter }) => ({
        trustDomain,
        authorities: authorities.length,
        skipped: skipped?.length ?? 0,
        ageSeconds: seconds(this.#confirmedAt.get(trustDomain) ?? now, now),
        secondsLeft: seconds(now, notAfter?.last.getTime() ?? now),
      })),
    };
  }

  #receive({ svid, bundles, faults }: X509Context): void {
    const kept = [...this.#received].filter(([trustDomain]) => faults.has(trustDomain));
    this.#received = new Map([...bundles, ...kept]);
    for (const trustDomain of bundles.keys()) this.#confirmedAt.set(trustDomain, this.#options.clock());
    const ended = svid.notAfter.getTime() < this.#options.clock();
    if (ended) this.#change({ state: 'expired', svid: undefined, lastError: expired() });
    else this.#change({ state: 'ready', svid, lastError: [...faults.values()][0] });
    this.#watchExpiry();
  }

  #report(lastError: Fault): void {
    if (lastError.code !== 'WorkloadApiDenied') this.#change({ lastError });
    else this.#change({ state: 'denied', svid: undefined, lastError });
  }

  #expire(): void {
    this.#change({ state: 'expired', svid: undefined, lastError: this.#snapshot.lastError ?? expired() });
  }

  #watchExpiry(): void {
    clearTimeout(this.#expiry);
    const { svid } = this.#snapshot;
    if (svid === undefined) return;
    const left = svid.notAfter.getTime() + 1 - this.#options.clock();
    const check = (): void => {
      if (this.current().state === 'ready') this.#watchExpiry();
    };
    this.#expiry = setTimeout(check, Math.min(Math.max(left, 0), maxTimer)).unref();
  }

  #change(changes: Changes): void {
    const before = this.#snapshot;
    const bundles = this.#nextBundles(before.bundles);
    const next = { state: before.state, svid: before.svid, lastError: before.lastError, ...changes };
    const svid = sameSvid(next.svid, before.svid) ? before.svid : next.svid;
    const bundlesMoved = bundles !== before.bundles;
    const moved = bundlesMoved || svid !== before.svid || next.state !== before.state;
    if (!moved && sameError(next.lastError, before.lastError)) return;
    this.#snapshot = {
      epoch: before.epoch + (moved ? 1 : 0),
      bundleEpoch: before.bundleEpoch + (bundlesMoved ? 1 : 0),
      state: next.state,
      bundles,
      ...(svid ? { svid } : {}),
      ...(next.lastError ? { lastError: next.lastError } : {}),
    };
    for (const listener of this.#listeners) listener(this.#snapshot, before);
  }

  /** The same map, and the same bundle objects, for as long as they say the same: connections are cached by them. */
  #nextBundles(before: BundleSet): BundleSet {
    const bundles = new Map([...this.#received, ...this.#overrides]);
    for (const [trustDomain, bundle] of bundles) {
      const known = before.get(trustDomain);
      if (known?.digest === bundle.digest) bundles.set(trustDomain, known);
    }
    const same = bundles.size === before.size && [...bundles].every(([name, bundle]) => before.get(name) === bundle);
    return same ? before : bundles;
  }
}

interface Changes {
  readonly state?: IdentityState;
  readonly svid?: X509Svid | undefined;
  readonly lastError?: Fault | undefined;
}

const expired = (): Fault => ({
  code: 'SvidExpired',
  message: 'our SVID has expired and the Workload API sent no other: check the SPIRE agent',
});

const sameError = (one: Fault | undefined, other: Fault | undefined): boolean =>
  one?.code === other?.code && one?.message === other?.message;

const sameSvid = (one: X509Svid | undefined, other: X509Svid | undefined): boolean =>
  one?.chainPem === other?.chainPem && one?.keyPem === other?.keyPem && one?.hint === other?.hint;
