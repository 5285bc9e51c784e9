import type { EventRecord } from '@agentcard-operator/kube/runtime';
import type { Question } from './question.ts';

const minuteMs = 60_000;
const firstHoldMs = minuteMs / 2;
const longestHoldMs = 60 * minuteMs;
/** How long it counts to have been there. */
const memoryMs = 60 * minuteMs;
/** So many of a namespace may be held back one by one, until all of it that is unproven is. */
const patience = 8;
const mostMarks = 8_192;

/** As an Event of the card. */
export const culpritNote: Omit<EventRecord, 'regarding'> = {
  ...{ type: 'Warning', reason: 'AskerEnded', action: 'HoldBack' },
  note: 'Asking this agent ended the process that asks, also when nobody else was asked: it is asked again after a growing pause. No other agent is affected. Update or remove the agent.',
};

interface Mark {
  /** Times that it was under way when the asking process ended; it alone, or with others. */
  readonly present: number;
  readonly alone: number;
  readonly at: number;
}

const clean: Mark = { present: 0, alone: 0, at: 0 };

/**
 * Who may have ended the asking process. Whoever was there twice is asked alone from then on, as is what is unproven of its
 * namespace; who ended it alone is held back, the longer the oftener.
 */
export class Suspicion {
  readonly #now: () => number;
  readonly #marks = new Map<string, Mark>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** It was one of several. */
  witness(question: Question): void {
    for (const key of keysOf(question)) this.#mark(key, { present: 1, alone: 0 });
  }

  /** There was no other. */
  convict(question: Question): void {
    for (const key of keysOf(question)) this.#mark(key, { present: 2, alone: 1 });
  }

  isSuspect(question: Question): boolean {
    const [card, namespace] = keysOf(question);
    return this.#of(card).present > 1 || (!question.proven && this.#of(namespace).present > 1);
  }

  isHeldBack(question: Question): boolean {
    const [card, namespace] = keysOf(question);
    const until = (mark: Mark, free: number) => mark.at + holdMs(mark.alone - free);
    const now = this.#now();
    return now < until(this.#of(card), 0) || (!question.proven && now < until(this.#of(namespace), patience));
  }

  #of(key: string): Mark {
    const mark = this.#marks.get(key) ?? clean;
    return this.#now() - mark.at > memoryMs + holdMs(mark.alone) ? clean : mark;
  }

  #mark(key: string, more: Omit<Mark, 'at'>): void {
    const { present, alone } = this.#of(key);
    this.#marks.delete(key);
    this.#marks.set(key, { present: present + more.present, alone: alone + more.alone, at: this.#now() });
    const [oldest] = this.#marks.size > mostMarks ? this.#marks.keys() : [];
    if (oldest !== undefined) this.#marks.delete(oldest);
  }
}

const holdMs = (times: number): number => (times < 1 ? 0 : Math.min(firstHoldMs * 2 ** (times - 1), longestHoldMs));

const keysOf = ({ card }: Question): [card: string, namespace: string] => [
  card,
  `${card.slice(0, card.indexOf('/'))}/`,
];
