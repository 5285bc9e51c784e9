import { remedy } from '../../api/conditions.ts';
import { type CardQuestion, skipped } from '../question.ts';
import { isReadable, type Sight } from '../sight.ts';

const decides = { disagree: { weight: 'absence', Synced: 'ReplicasDisagree' } } as const;

export const replicas = {
  name: 'replicas',
  about: 'card',
  asks: 'Do all pods of one revision serve the same card?',
  decides,
  ask: ({ target, sights }) => {
    if (!target.resolved) return skipped;
    const says = disagreement(sights.filter(isReadable));
    if (says === undefined) return { result: 'pass' };
    const hint = remedy('Synced', 'ReplicasDisagree');
    return { result: 'fail', observed: says, hint, effect: decides.disagree, says };
  },
} as const satisfies CardQuestion;

/** Within one revision: during a rollout two revisions may differ. */
function disagreement(answered: readonly Sight[]): string | undefined {
  const first = new Map<string, { podName: string; cardId: string }>();
  for (const { endpoint, evidence, shown } of answered) {
    if (shown?.kind !== 'card' || evidence === undefined) continue;
    const { cardId } = shown.card;
    const other = first.get(evidence.facts.revision);
    if (other === undefined) first.set(evidence.facts.revision, { podName: endpoint.podName, cardId });
    else if (other.cardId !== cardId) return `Pods ${other.podName} and ${endpoint.podName} serve different cards.`;
  }
  return undefined;
}
