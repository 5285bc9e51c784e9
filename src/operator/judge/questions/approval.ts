import { remedy } from '../../api/conditions.ts';
import { type Answer, type PodQuestion, skipped } from '../question.ts';

const decides = {
  other: { weight: 'guilt', Verified: 'CardNotApproved' },
} as const;

export const approval = {
  name: 'approval',
  about: 'pod',
  asks: 'Is the card that the pod serves the one that was approved?',
  decides,
  ask: ({ shown }, { approvedCardId: expected }) => {
    if (expected === undefined) return skipped;
    if (shown?.kind === 'card') return compare(shown.card.cardId, expected);
    return { result: 'unknown', expected, observed: 'no card' };
  },
  /** Where no pod shows a card now, the one that is kept through absence speaks. */
  recall: ({ approvedCardId, keptCardId }) => {
    if (approvedCardId === undefined || keptCardId === undefined) return undefined;
    return compare(keptCardId, approvedCardId);
  },
} as const satisfies PodQuestion;

function compare(cardId: string, expected: string): Answer {
  if (cardId === expected) return { result: 'pass', expected };
  const says = `The card is ${cardId}, approved is ${expected}.`;
  const hint = remedy('Verified', 'CardNotApproved');
  return { result: 'fail', expected, observed: cardId, hint, effect: decides.other, says };
}
