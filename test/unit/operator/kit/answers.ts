import { vi } from 'vitest';
import type { Answer, Question } from '../../../../src/operator/judge/question.ts';
import type { Given } from './given.ts';
import { type Told, tell } from './tell.ts';

interface Spied {
  ask(...matter: unknown[]): Answer;
  recall(...matter: unknown[]): Answer | undefined;
}

/** Everything that a question answers while `run` runs, in turn. */
function listen(question: Question, ways: readonly (keyof Spied)[], run: () => unknown): (Answer | undefined)[] {
  const spies = ways.filter((way) => way in question).map((way) => vi.spyOn(question as object as Spied, way));
  try {
    run();
    return spies.flatMap(({ mock }) => mock.results.map(({ value }) => value as Answer | undefined));
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

/** What a question answers of what is given: pod by pod, or of the card as a whole. */
export function answers(question: Question, given: Given, earlier?: Told): readonly Answer[] {
  const said = heard(question, given, earlier, ['ask']);
  // The card is judged twice where a hold is tried, and the pods where evidence is restored.
  const count = question.about === 'card' ? 1 : tell(given, earlier).verdict.pods.length;
  return said.slice(said.length - count);
}

/** The answer for the card where no pod knows one. */
export function recalled(question: Question, given: Given, earlier?: Told): Answer | undefined {
  const said = listen(question, ['recall'], () => tell(given, earlier));
  if (said.length === 0) throw new Error('a pod knew the answer');
  return said.at(-1);
}

/** Everything that a question is heard to say, asked or recalled. */
export function heard(
  question: Question,
  given: Given,
  earlier?: Told,
  ways: readonly (keyof Spied)[] = ['ask', 'recall'],
): readonly Answer[] {
  return listen(question, ways, () => tell(given, earlier)).flatMap((answer) => answer ?? []);
}
