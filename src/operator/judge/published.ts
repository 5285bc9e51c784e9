import type { ReceivedCard } from '../inquiry/evidence.ts';
import { isReadable } from './sight.ts';
import type { Target } from './snapshot.ts';
import { isTrusted, isUnfit, type JudgedPod, trustedId } from './standing.ts';

/** Which card the status shows: a new one, the last good one (absence is not news), or none. */
export type PublishedCard =
  | { readonly kind: 'received'; readonly card: ReceivedCard }
  | { readonly kind: 'kept' }
  | { readonly kind: 'none' };

/** The newest revision's card; what a pod with a wrong identity or an altered card serves is not published. */
export function publishedCard(target: Target, pods: readonly JudgedPod[], speaker?: JudgedPod): PublishedCard {
  if (!target.resolved) return { kind: target.absent === undefined ? 'none' : 'kept' };
  if (speaker?.shown?.kind === 'card') return { kind: 'received', card: speaker.shown.card };
  return { kind: pods.some(isUnfit) ? 'none' : 'kept' };
}

/** The pod whose card stands for the agent. */
export function speakerOf(target: Target, pods: readonly JudgedPod[]): JudgedPod | undefined {
  if (!target.resolved) return undefined;
  const usable = pods.filter((pod) => isReadable(pod) && !isUnfit(pod));
  const { newestRevision } = target.workload;
  const rank = (pod: JudgedPod) => {
    const { revision = '', revisionNumber = -1 } = pod.evidence?.facts ?? {};
    const newest = revision !== '' && revision === newestRevision;
    const fine = (pod.endpoint.ready ? 0.5 : 0) + (isTrusted(pod.standing) ? 0.25 : 0);
    // A pod that has proven itself speaks before one that has not; then the newest ready revision, of one the approved card.
    return (trustedId(pod) === undefined ? 0 : 4e9) + (newest ? 2e9 : 0) + revisionNumber + fine;
  };
  return usable.sort((a, b) => rank(b) - rank(a))[0];
}
