import type { AgentCardSpec } from '../api/agentcard.ts';
import type { StatusFields } from './projection.ts';

/** An event to record about a card. */
export interface Note {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly action: string;
  readonly note: string;
}

const told = ['Synced', 'Verified', 'Bound', 'Enforced'] as const;
/** States in which a card may begin without anybody needing to hear of it. */
const quiet = new Set(['Off', 'Audit']);

/** Events are the difference between two statuses: a transition is told once, a state never. */
export function transitions(before: StatusFields, after: StatusFields, spec: AgentCardSpec): readonly Note[] {
  return [
    ...conditionNotes(before, after),
    ...contentNotes(before, after),
    ...strangerNotes(before, after),
    ...sigstoreNotes(before, after, spec),
  ];
}

function conditionNotes(before: StatusFields, after: StatusFields): Note[] {
  return told.flatMap((type): Note[] => {
    const is = after.conditions?.find((condition) => condition.type === type);
    const was = before.conditions?.find((condition) => condition.type === type);
    if (is === undefined || (was?.status === is.status && was.reason === is.reason)) return [];
    if (was === undefined && quiet.has(is.reason)) return [];
    const calm = is.status === 'True' || quiet.has(is.reason);
    const worry = !calm || is.reason === 'EvidenceHeld';
    return [{ type: worry ? 'Warning' : 'Normal', reason: is.reason, action: `Evaluate${type}`, note: is.message }];
  });
}

function contentNotes(before: StatusFields, after: StatusFields): Note[] {
  const notes: Note[] = [];
  if (before.cardId !== undefined && after.cardId !== undefined && before.cardId !== after.cardId) {
    const note = `The card changed from ${before.cardId} to ${after.cardId}.`;
    notes.push({ type: 'Warning', reason: 'CardContentChanged', action: 'FetchCard', note });
  }
  const downgraded = after.source === 'http' && before.source !== 'http';
  const mechanism = after.conditions?.some(({ type }) => type === 'Verified') ?? false;
  if (downgraded && mechanism) {
    const note = 'The Service has no port named agent-tls: the card is read over plain HTTP, which proves nothing.';
    notes.push({ type: 'Warning', reason: 'FallbackToHTTP', action: 'FetchCard', note });
  }
  return notes;
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

function sigstoreNotes(before: StatusFields, after: StatusFields, spec: AgentCardSpec): Note[] {
  if (spec.sigstoreVerification === undefined || before.observedGeneration === after.observedGeneration) return [];
  const note = 'spec.sigstoreVerification is accepted but not acted on by this version.';
  return [{ type: 'Warning', reason: 'SigstoreNotSupported', action: 'Evaluate', note }];
}
