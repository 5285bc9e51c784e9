import type { Check } from '../api/agentcard.ts';
import { type Answer, type Matter, skipped } from './question.ts';
import { type QuestionName, questions } from './questions.ts';
import type { JudgedPod } from './standing.ts';

/** Each question's answer for the card as a whole, in the order of the ladder. */
export type Answers = ReadonlyMap<QuestionName, Given>;

/** An answer and the pod that gave it. */
export interface Given {
  readonly answer: Answer;
  readonly pod: JudgedPod | undefined;
}

/** `speaker`: the pod whose card is published; it answers for all where no pod is guilty or noted. */
export function answersOf(matter: Matter, pods: readonly JudgedPod[], speaker: JudgedPod | undefined): Answers {
  return new Map(
    questions.map((question): [QuestionName, Given] => {
      if (question.about === 'card') return [question.name, { answer: question.ask(matter), pod: undefined }];
      const told = decisive(question.name, pods, speaker);
      const knows = told !== undefined && told.answer.result !== 'unknown';
      const recalled = knows || !('recall' in question) ? undefined : question.recall(matter);
      if (recalled !== undefined) return [question.name, { answer: recalled, pod: undefined }];
      return [question.name, told ?? { answer: skipped, pod: undefined }];
    }),
  );
}

const byResult = ['fail', 'pass', 'unknown', 'skipped'] as const;

function decisive(name: QuestionName, pods: readonly JudgedPod[], speaker: JudgedPod | undefined): Given | undefined {
  const told = pods.map((pod) => ({ pod, answer: pod.answers.get(name) ?? skipped }));
  const of = (fits: (one: Given) => boolean) => told.find(fits);
  return (
    of(({ answer }) => answer.effect?.weight === 'guilt') ??
    of(({ answer }) => answer.effect?.weight === 'note') ??
    of(({ pod }) => pod === speaker) ??
    byResult.flatMap((result) => of(({ answer }) => answer.result === result) ?? [])[0]
  );
}

/** The status checks: what was asked, expected and seen. */
export function checksOf(answers: Answers): readonly Check[] {
  return [...answers].map(([name, { answer }]) => {
    const { result, expected, observed, hint } = answer;
    const texts = Object.entries({ expected, observed, hint }).filter(([, text]) => text !== undefined);
    return { name, result, ...Object.fromEntries(texts) };
  });
}
