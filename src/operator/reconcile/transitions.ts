import type { EventRecord } from '@agentcard-operator/kube/runtime';
import type { AgentCardSpec } from '../api/agentcard.ts';
import { plainHttp } from '../judge/questions/transport.ts';
import { effects } from '../judge/questions.ts';
import { meshAdviceIn } from '../workload/mesh.ts';
import type { StatusFields } from './status.ts';

/** An event to record about a card. */
export type Note = Omit<EventRecord, 'regarding'>;

type AnnouncedType = 'Synced' | 'Verified' | 'Bound' | 'Enforced' | 'CallersEnforced';

/** Reasons that only follow from Synced, which has told already; they are told when the condition was True before. */
const echoes = new Set(['FetchFailed', 'NoIdentity']);

/** Which reasons of a False condition are news of their own: what the questions decide, and what orders and time do. */
const news: Readonly<Record<AnnouncedType, ReadonlySet<string> | 'every reason'>> = {
  Synced: 'every reason',
  Verified: new Set([...decided('Verified'), 'EvidenceExpired', 'Quarantined']),
  Bound: new Set(decided('Bound')),
  Enforced: new Set(['PolicyPending', 'Weakened']),
  CallersEnforced: new Set(['CallerUnknown']),
};

function decided(type: 'Verified' | 'Bound'): string[] {
  return effects.flatMap((effect) => effect[type] ?? []).filter((reason) => !echoes.has(reason));
}

/** States that people chose. */
const quiet = new Set(['Off', 'Audit']);

/** Events are the difference between two statuses: a transition is told once, a state never. */
export function transitions(before: StatusFields, after: StatusFields, spec: AgentCardSpec): readonly Note[] {
  return [
    ...conditionNotes(before, after),
    ...quarantineNotes(before, after),
    ...contentNotes(before, after),
    ...fallbackNotes(before, after),
    ...strangerNotes(before, after),
    ...meshNotes(before, after),
    ...sigstoreNotes(before, after, spec),
  ];
}

function conditionNotes(before: StatusFields, after: StatusFields): Note[] {
  const readable = after.conditions?.some(({ type, status }) => type === 'Synced' && status === 'True') ?? false;
  const types = Object.keys(news) as AnnouncedType[];
  return types.flatMap((type): Note[] => {
    const is = after.conditions?.find((condition) => condition.type === type);
    const was = before.conditions?.find((condition) => condition.type === type);
    if (is === undefined || (was?.status === is.status && was.reason === is.reason)) return [];
    const listed = news[type];
    const own = listed === 'every reason' || (listed.has(is.reason) && (is.reason !== 'NotVerified' || readable));
    if (is.status !== 'True' && was?.status !== 'True' && !own) return [];
    const calm = (is.status === 'True' && is.reason !== 'EvidenceHeld') || quiet.has(is.reason);
    return [{ type: calm ? 'Normal' : 'Warning', reason: is.reason, action: `Evaluate${type}`, note: is.message }];
  });
}

/** Where no mechanism is on, Verified is absent and cannot tell it. */
function quarantineNotes(before: StatusFields, after: StatusFields): Note[] {
  const ready = ({ conditions }: StatusFields) => conditions?.find(({ type }) => type === 'Ready');
  const is = ready(after);
  const told = is?.reason !== 'Quarantined' || ready(before)?.reason === 'Quarantined';
  if (told || after.conditions?.some(({ type }) => type === 'Verified')) return [];
  return [{ type: 'Warning', reason: 'Quarantined', action: 'EvaluateReady', note: is.message }];
}

function contentNotes(before: StatusFields, after: StatusFields): Note[] {
  if (before.cardId === undefined || after.cardId === undefined || before.cardId === after.cardId) return [];
  const note = `The card changed from ${before.cardId} to ${after.cardId}.`;
  return [{ type: 'Warning', reason: 'CardContentChanged', action: 'FetchCard', note }];
}

/** Mutual TLS is on and the Service has no port for it: told by the check alone, whatever is read instead. */
function fallbackNotes(before: StatusFields, after: StatusFields): Note[] {
  const plain = ({ checks }: StatusFields) =>
    checks?.find(({ name, result, observed }) => name === 'transport' && result === 'fail' && observed === plainHttp);
  const is = plain(after);
  if (is === undefined || plain(before) !== undefined) return [];
  const note = `No ${is.expected}: the card is read without it, which proves nothing of who serves it.`;
  return [{ type: 'Warning', reason: 'FallbackToHTTP', action: 'FetchCard', note }];
}

function strangerNotes(before: StatusFields, after: StatusFields): Note[] {
  const observed = ({ checks }: StatusFields) => {
    const check = checks?.find(({ name }) => name === 'endpoint');
    return check?.expected === undefined ? undefined : check.observed;
  };
  const note = observed(after);
  if (note === undefined || note === observed(before)) return [];
  return [{ type: 'Warning', reason: 'ForeignPod', action: 'ResolveEndpoints', note: `${note}. It is not asked.` }];
}

function meshNotes(before: StatusFields, after: StatusFields): Note[] {
  const advice = ({ checks }: StatusFields) => meshAdviceIn(checks?.find(({ name }) => name === 'transport')?.hint);
  const note = advice(after);
  if (note === undefined || note === advice(before)) return [];
  return [{ type: 'Warning', reason: 'ServiceMesh', action: 'FetchCard', note }];
}

function sigstoreNotes(before: StatusFields, after: StatusFields, spec: AgentCardSpec): Note[] {
  if (spec.sigstoreVerification === undefined || before.observedGeneration === after.observedGeneration) return [];
  const note = 'spec.sigstoreVerification is accepted but not acted on by this version.';
  return [{ type: 'Warning', reason: 'SigstoreNotSupported', action: 'Evaluate', note }];
}
