import { endpointsBeyond, mostEndpoints } from '../../workload/service.ts';
import { type Answer, type CardQuestion, lacking, type Matter, skipped } from '../question.ts';
import type { ResolvedTarget } from '../snapshot.ts';

const decides = {
  ServiceNotFound: { weight: 'absence', Synced: 'ServiceNotFound', Verified: 'NotVerified' },
  AmbiguousService: { weight: 'absence', Synced: 'AmbiguousService', Verified: 'NotVerified' },
  FetchFailed: { weight: 'absence', Synced: 'FetchFailed', Verified: 'NotVerified' },
  WorkloadNotReady: { weight: 'absence', Synced: 'WorkloadNotReady', Verified: 'NotVerified' },
  strangers: { weight: 'absence', Synced: 'WorkloadNotReady', Verified: 'FetchFailed' },
} as const;

export const endpoint = {
  name: 'endpoint',
  about: 'card',
  asks: 'Does one Service lead to pods of that workload, and to no others?',
  decides,
  ask: (matter) => {
    const { target } = matter;
    if (target.resolved) return behind(target, matter);
    if (target.absent === undefined) return skipped;
    return lacking(target, decides[target.reason]);
  },
} as const satisfies CardQuestion;

/** A pod of something else is named, not asked and not labelled: it is no evidence, negative or positive. */
function behind({ workload, service }: ResolvedTarget, { sights, snapshot }: Matter): Answer {
  const strangers = sights.flatMap(({ endpoint: { podName }, stranger }) =>
    stranger === undefined ? [] : [`pod ${podName} of ${stranger}`],
  );
  const [first] = strangers;
  const chosen = snapshot.services.find(({ metadata }) => metadata.name === service);
  const beyond = chosen === undefined ? 0 : endpointsBeyond(chosen, snapshot.slicesOf(service));
  const unseen = beyond === 0 ? '' : `; ${beyond} endpoints past the first ${mostEndpoints} are not asked, nor trusted`;
  if (first === undefined) return { result: 'pass', observed: `Service ${service}${unseen}` };
  const more = strangers.length > 1 ? ` and ${strangers.length - 1} more` : '';
  const seen = {
    expected: `pods of ${workload.kind} ${workload.name} only`,
    observed: `Service ${service} also leads to ${first}${more}${unseen}`,
    hint: "Narrow the Service's selector.",
  };
  if (strangers.length < sights.length) return { result: 'pass', ...seen };
  const says = `Only other pods stand behind Service ${service}.`;
  return { result: 'fail', ...seen, effect: decides.strangers, says };
}
