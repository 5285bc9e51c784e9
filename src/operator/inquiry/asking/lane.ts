import type { FetchOutcome } from '@agentcard-operator/spiffe/tls';
import type { IdentitySnapshot } from '@agentcard-operator/spiffe/workload-api';
import { type Cause, type End, ExposedProcess, type ExposedProgram } from './exposed-process.ts';
import type { Frame } from './frames.ts';
import { hear, outcomeFrom } from './hearsay.ts';
import { packIdentity, type Question } from './question.ts';

export interface LaneParts {
  readonly program: ExposedProgram;
  readonly identity: () => IdentitySnapshot;
  readonly now: () => number;
  /** An end that nobody asked for. */
  readonly onCrash: (end: End) => void;
}

/** What became of a question; `lost` when the process ended over it, `unready` when there is none that could be asked. */
export type Fate =
  | { readonly kind: 'told'; readonly outcome: FetchOutcome; readonly epoch: number }
  | { readonly kind: 'lost'; readonly cause: Cause }
  | { readonly kind: 'unready' };

interface Pending {
  readonly question: Question;
  readonly settle: (fate: Fate) => void;
  beats: number;
}

/** The longest header with a chain in it. */
const maxHeader = 512 * 1024;
const maxBody = 1024 * 1024;
/** Beats of half a second after the time limit, which is the child's to keep. */
const graceBeats = 6;
const beatsPerMs = 1 / 500;
const firstPauseMs = 200;
const longestPauseMs = 10_000;

/** One child at a time, which is there when it is needed. */
export class Lane {
  readonly #parts: LaneParts;
  readonly #pending = new Map<number, Pending>();
  #child: ExposedProcess | undefined;
  #pushed: number | undefined;
  readonly #cancelled = new Set<number>();
  #lastId = 0;
  /** It ended before it was up, so many times in a row: no agent's doing. */
  #stillborn = 0;
  #pausedUntil = 0;

  constructor(parts: LaneParts) {
    this.#parts = parts;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): ExposedProcess | undefined {
    if (this.#child !== undefined || this.#parts.now() < this.#pausedUntil) return this.#child;
    this.#pushed = undefined;
    try {
      this.#child = new ExposedProcess(this.#parts.program, {
        maxFrame: maxHeader + maxBody,
        onFrame: (frame) => this.#receive(frame),
        isStuck: () => this.#isStuck(),
        onEnd: (end) => this.#ended(end),
      });
    } catch (error) {
      // The kernel has no memory for it, for example.
      this.#ended({ cause: 'exit', wasUp: false, detail: String(error) });
    }
    return this.#child;
  }

  async close(): Promise<void> {
    this.#child?.end('closed');
    await this.#child?.ended;
  }

  ask(question: Question, signal: AbortSignal): Promise<Fate> {
    const child = this.start();
    if (child === undefined) return Promise.resolve({ kind: 'unready' });
    const { request, trustDomains } = question;
    if (trustDomains !== undefined) this.#push(child);
    this.#lastId += 1;
    const id = this.#lastId;
    child.send({ ask: { id, request, trustDomains } });
    return new Promise((resolve) => {
      const settle = (fate: Fate) => {
        this.#pending.delete(id);
        signal.removeEventListener('abort', cancel);
        resolve(fate);
      };
      const cancel = () => {
        child.send({ cancel: id });
        this.#cancelled.add(id);
        settle({ kind: 'lost', cause: 'closed' });
      };
      this.#pending.set(id, { question, settle, beats: 0 });
      signal.addEventListener('abort', cancel);
      if (signal.aborted) cancel();
    });
  }

  #push(child: ExposedProcess): void {
    const identity = this.#parts.identity();
    if (this.#pushed === identity.epoch) return;
    this.#pushed = identity.epoch;
    child.send({ identity: packIdentity(identity) });
  }

  #receive(frame: Frame): void {
    const heard = hear(frame);
    const pending = this.#pending.get(heard.id);
    // What was given up is answered all the same, by its end.
    if (pending === undefined && this.#cancelled.delete(heard.id)) return;
    const outcome = pending && outcomeFrom(heard, pending.question, this.#parts);
    if (outcome === undefined) throw new Error('no honest child says that');
    pending?.settle({ kind: 'told', outcome, epoch: heard.epoch });
  }

  #isStuck(): boolean {
    const late = [...this.#pending.values()].filter((each) => {
      each.beats += 1;
      return each.beats > each.question.request.limits.timeoutMs * beatsPerMs + graceBeats;
    });
    return late.length > 0;
  }

  #ended(end: End): void {
    this.#child = undefined;
    this.#cancelled.clear();
    this.#stillborn = end.wasUp ? 0 : this.#stillborn + 1;
    const pause = end.wasUp ? 0 : Math.min(firstPauseMs * 2 ** this.#stillborn, longestPauseMs);
    this.#pausedUntil = this.#parts.now() + pause;
    if (end.cause !== 'closed') this.#parts.onCrash(end);
    const fate: Fate = end.wasUp ? { kind: 'lost', cause: end.cause } : { kind: 'unready' };
    for (const { settle } of [...this.#pending.values()]) settle(fate);
  }
}
