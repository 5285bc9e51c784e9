import type { ApiError } from '../client/api-error.ts';

export interface ReflectorTiming {
  readonly pageSize: number;
  /** For one page of a list. */
  readonly pageMs: number;
  /** Until the headers of a watch; the server may queue a request for a quarter of a minute. */
  readonly openMs: number;
  /** Silence that counts as a dead connection; bookmarks come about once a minute. */
  readonly idleMs: number;
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
  /** A watch that lived this long resets the back-off; one that ends sooner is not reopened at once. */
  readonly soundMs: number;
  /** Without a live watch for this long, the reflector is deaf. */
  readonly deafAfterMs: number;
}

export const defaultTiming: ReflectorTiming = {
  pageSize: 500,
  pageMs: 60_000,
  openMs: 20_000,
  idleMs: 120_000,
  baseDelayMs: 800,
  maxDelayMs: 30_000,
  soundMs: 10_000,
  deafAfterMs: 45_000,
};

/** Failed resumes from one resourceVersion, each answered by the server, before a list replaces them. */
const maxResumes = 5;
/** Streaming lists that broke off before pages are tried once. */
const maxBroken = 3;
/** Answers that say nothing about the resourceVersion we resume from. */
const busyOrDenied = new Set([401, 403, 429, 503]);
/** Answers to a streaming list after which it is tried again; after any other the list is taken in pages from then on. */
const retriesStreaming = new Set([401, 429]);
/** Ends of a list that had begun to stream. */
const brokenOff = new Set(['Malformed', 'Silent', 'TooLarge', 'Truncated']);

/** What a reflector does next and how long it waits: the memory that survives from one connection to the next. */
export class WatchPlan {
  /** How far the watch has come; '' while a list is due. */
  resourceVersion = '';
  pageSize: number;
  readonly #timing: ReflectorTiming;
  readonly #random: () => number;
  #refused = false;
  #broken = 0;
  #resumes = 0;
  /** Anything came over the present connection. */
  #heard = false;
  #delayMs = 0;

  constructor(timing: ReflectorTiming, random: () => number) {
    this.#timing = timing;
    this.#random = random;
    this.pageSize = timing.pageSize;
  }

  /** A list is due, and in pages: the server cannot stream them, or they keep breaking off. */
  get needsPages(): boolean {
    return this.resourceVersion === '' && (this.#refused || this.#broken >= maxBroken);
  }

  listed(resourceVersion: string): void {
    this.#broken = 0;
    this.saw(resourceVersion);
  }

  saw(resourceVersion: string): void {
    this.resourceVersion = resourceVersion;
    this.#resumes = 0;
    this.#heard = true;
  }

  /** After a connection that lived `livedMs` and ended with `error` or in good order: milliseconds until the next. */
  ended(error: ApiError | undefined, livedMs: number): number {
    const { baseDelayMs, maxDelayMs, soundMs } = this.#timing;
    if (error !== undefined) this.#learn(error);
    this.#heard = false;
    if (livedMs >= soundMs) {
      this.#delayMs = 0;
      if (error === undefined) return 0;
    }
    this.#delayMs = Math.min(Math.max(this.#delayMs * 2, baseDelayMs), maxDelayMs);
    const jittered = this.#random() * this.#delayMs;
    return Math.max(jittered, (error?.retryAfterMs ?? 0) + this.#random() * baseDelayMs);
  }

  #learn(error: ApiError): void {
    if (error.reason === 'TooLarge') this.pageSize = Math.max(1, Math.floor(this.pageSize / 4));
    if (this.resourceVersion === '') this.#learnFromList(error);
    else this.#learnFromWatch(error);
  }

  #learnFromWatch(error: ApiError): void {
    if (error.code > 0 && !busyOrDenied.has(error.code)) this.#resumes++;
    const garbled = error.reason === 'Malformed' || error.reason === 'TooLarge';
    // A server whose etcd was restored from a backup waits in silence for the version that we already have.
    const rewound = error.reason === 'Silent' && !this.#heard;
    const lost = garbled || rewound || error.code === 410 || error.causes.includes('ResourceVersionTooLarge');
    if (!lost && this.#resumes < maxResumes) return;
    this.resourceVersion = '';
    this.#resumes = 0;
  }

  #learnFromList(error: ApiError): void {
    if (this.needsPages) {
      // The refusal of the streaming list was a missing right, not a missing feature.
      if (error.code === 403) this.#refused = false;
    } else if (error.code > 0 && !retriesStreaming.has(error.code)) this.#refused = true;
    else if (brokenOff.has(error.reason)) this.#broken++;
  }
}
