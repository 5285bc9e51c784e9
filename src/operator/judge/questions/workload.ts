import type { Workload } from '../../workload/workload.ts';
import { type Answer, type CardQuestion, lacking } from '../question.ts';

const decides = {
  WorkloadNotFound: { weight: 'absence', Synced: 'WorkloadNotFound', Verified: 'NotVerified' },
  NotAgentWorkload: { weight: 'absence', Synced: 'NotAgentWorkload', Verified: 'NotVerified' },
  NoProtocol: { weight: 'absence', Synced: 'NoProtocol', Verified: 'NotVerified' },
  Conflict: { weight: 'absence', Synced: 'Conflict', Verified: 'NotVerified' },
} as const;

export const workload = {
  name: 'workload',
  about: 'card',
  asks: 'Is there one workload that is an agent, and does this card stand for it?',
  decides,
  ask: ({ target }) => {
    if (target.resolved) return found(target.workload);
    if (target.absent !== undefined) return found(target.absent);
    return lacking(target, decides[target.reason]);
  },
} as const satisfies CardQuestion;

function found({ kind, name }: Workload): Answer {
  return { result: 'pass', observed: `${kind} ${name}` };
}
