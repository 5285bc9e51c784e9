import { once } from 'node:events';
import { type FetchOutcome, failed } from '@agentcard-operator/spiffe/tls';
import { earliest } from '../moments.ts';
import type { End } from './exposed-process.ts';
import { type Fate, Lane, type LaneParts } from './lane.ts';
import type { Question } from './question.ts';
import { Suspicion } from './suspicion.ts';

/** Puts one question. Never rejects for anything that an agent does. */
export interface Asking {
  ask(question: Question, signal: AbortSignal): Promise<FetchOutcome>;
  /** Until the signal; everything has ended then. */
  run(signal: AbortSignal): Promise<void>;
}

export interface AskerParts extends Omit<LaneParts, 'onCrash'>, AskerHooks {}

export interface AskerHooks {
  readonly onCrash: (lane: 'main' | 'suspect', end: End) => void;
  /** It ended the process twice, the second time alone. */
  readonly onCulprit: (question: Question) => void;
}

const idleMs = 10_000;
/** Of one namespace, so that those who wait here leave places to others. */
const mostWaiting = 4;

/**
 * Asks agents in a child process. When that ends or hangs, whoever was asked at that time is asked once more by a second
 * one, which exists while it is needed and asks one after the other: so nobody but the culprit misses a turn.
 */
export class Asker implements Asking {
  readonly #parts: AskerParts;
  readonly #main: Lane;
  readonly #alone: Lane;
  readonly #suspicion: Suspicion;
  readonly #line: { readonly question: Question; readonly go: () => void }[] = [];
  #asked: Question | undefined;
  #idle: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(parts: AskerParts) {
    this.#parts = parts;
    this.#suspicion = new Suspicion(parts.now);
    const onCrash = (end: End) => {
      parts.onCrash('main', end);
      if (end.wasUp && !this.#stopped) this.#main.start();
    };
    this.#main = new Lane({ ...parts, onCrash });
    this.#alone = new Lane({ ...parts, onCrash: (end) => parts.onCrash('suspect', end) });
  }

  get pids() {
    return { main: this.#main.pid, suspect: this.#alone.pid };
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#main.start();
    if (!signal.aborted) await once(signal, 'abort');
    this.#stopped = true;
    await Promise.all([this.#main.close(), this.#alone.close()]);
  }

  async ask(question: Question, signal: AbortSignal): Promise<FetchOutcome> {
    if (this.#suspicion.isHeldBack(question)) return heldBack();
    if (this.#suspicion.isSuspect(question))
      return this.#isCrowded(question) ? crowded() : this.#askAlone(question, signal);
    const outcome = await this.#through(this.#main, question, signal);
    if (outcome !== undefined) return outcome;
    this.#suspicion.witness(question);
    return this.#askAlone(question, signal);
  }

  async #askAlone(question: Question, signal: AbortSignal): Promise<FetchOutcome> {
    clearTimeout(this.#idle);
    if (this.#asked === undefined) this.#asked = question;
    else await new Promise<void>((go) => this.#line.push({ question, go }));
    try {
      if (this.#suspicion.isHeldBack(question)) return heldBack();
      const outcome = await this.#through(this.#alone, question, signal);
      if (outcome !== undefined) return outcome;
      this.#suspicion.convict(question);
      this.#parts.onCulprit(question);
      return heldBack();
    } finally {
      this.#letNextGo(namespaceOf(question));
    }
  }

  /** Undefined when the process ended over it. What an older identity answered is asked again, once. */
  async #through(lane: Lane, question: Question, signal: AbortSignal): Promise<FetchOutcome | undefined> {
    const overTls = question.trustDomains !== undefined;
    /** By an older identity, or to a process that was about to end for want of questions. */
    const isStale = (fate: Fate) =>
      fate.kind === 'told'
        ? overTls && fate.epoch !== this.#parts.identity().epoch
        : fate.kind === 'lost' && fate.cause === 'closed' && !this.#stopped && !signal.aborted;
    let fate = this.#stopped ? gone : await lane.ask(question, signal);
    if (isStale(fate)) fate = await lane.ask(question, signal);
    if (fate.kind === 'told') return fate.outcome;
    if (fate.kind === 'unready') return notStarted();
    return fate.cause === 'closed' ? failed('Aborted', 'the request was given up') : undefined;
  }

  /** Those who have proven themselves first, and namespaces in turn. */
  #letNextGo(lastNamespace: string): void {
    const ranks = this.#line.map(({ question }) => {
      return (question.proven ? 0 : 2) + (namespaceOf(question) === lastNamespace ? 1 : 0);
    });
    const [next] = this.#line.splice(ranks.indexOf(earliest(ranks) ?? 0), ranks.length === 0 ? 0 : 1);
    this.#asked = next?.question;
    next?.go();
    if (next === undefined && !this.#stopped) this.#idle = setTimeout(() => void this.#alone.close(), idleMs).unref();
  }

  #isCrowded(question: Question): boolean {
    const namespace = namespaceOf(question);
    const there = [this.#asked, ...this.#line.map((each) => each.question)];
    return there.filter((each) => each !== undefined && namespaceOf(each) === namespace).length >= mostWaiting;
  }
}

const gone = { kind: 'lost', cause: 'closed' } as const;

const namespaceOf = ({ card }: Question): string => card.slice(0, card.indexOf('/'));

const interrupted = (why: string) => () => failed('Interrupted', why);
const heldBack = interrupted(
  'Asking this agent, alone, ended the process that asks: it is held back for a growing while. Update or remove the agent.',
);
const crowded = interrupted(
  'The process that asks agents ended while this one was asked: it is asked alone, and its namespace has too many of those. Look for events AskerEnded in it.',
);
const notStarted = interrupted("The process that asks agents does not start: see the operator's log for the reason.");
