import { remedy } from '../../api/conditions.ts';
import { type Answer, type PodQuestion, skipped } from '../question.ts';
import type { Approved } from '../snapshot.ts';

const decides = {
  other: { weight: 'guilt', Verified: 'CardNotApproved' },
} as const;

export const approval = {
  name: 'approval',
  about: 'pod',
  asks: 'Is the card that the pod serves the one that was approved?',
  decides,
  ask: ({ shown }, { target: { approved } }) => {
    if (approved === undefined) return skipped;
    if (shown?.kind === 'card') return compare(shown.card.cardId, approved);
    return { result: 'unknown', expected: approved.words, observed: 'no card' };
  },
  /** Where no pod shows a card now, the one that is kept through absence speaks. */
  recall: ({ target: { approved }, keptCardId }) => {
    return approved === undefined || keptCardId === undefined ? undefined : compare(keptCardId, approved);
  },
} as const satisfies PodQuestion;

function compare(cardId: string, approved: Approved): Answer {
  const { words: expected } = approved;
  if (cardId === approved.cardId) return { result: 'pass', expected };
  const says = `The card is ${cardId}, approved is ${expected}.`;
  const hint = remedy('Verified', 'CardNotApproved');
  return { result: 'fail', expected, observed: cardId, hint, effect: decides.other, says };
}
