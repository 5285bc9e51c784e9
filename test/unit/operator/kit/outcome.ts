import { isoTime } from '../../../../src/operator/api/time.ts';
import type { PolicyOperation } from '../../../../src/operator/reconcile/policy-difference.ts';
import { transitions } from '../../../../src/operator/reconcile/transitions.ts';
import type { Told } from './tell.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonMap = { readonly [key: string]: Json };

/** Everything of one run that a golden plan holds, as JSON. */
export interface Outcome {
  readonly status: 'unchanged' | JsonMap;
  readonly marks: readonly string[];
  /** Created and replaced ones with their spec. */
  readonly policies: readonly (string | JsonMap)[];
  readonly agenda: readonly string[];
  readonly events: readonly string[];
  readonly next: string;
  readonly now: string;
}

export function outcomeOf({ snapshot, plan, at, marks }: Told): Outcome {
  const { status, policy, agenda, next } = plan;
  const before = snapshot.card.status ?? {};
  const notes = status === undefined ? [] : transitions(before, status.fields, snapshot.card.spec);
  const outcome = {
    status: status === undefined ? 'unchanged' : { ...status.fields, card: status.card.kind },
    marks,
    policies: policy.operations.map(policyText),
    agenda: agenda.map(
      ({ endpoint, transport }) => `${endpoint.podName} ${transport} ${endpoint.address}:${endpoint.port}`,
    ),
    events: notes.map(({ type, reason, note }) => `${type} ${reason}: ${note}`),
    next: next === undefined ? 'when something happens' : isoTime(next),
    now: isoTime(at),
  };
  return JSON.parse(JSON.stringify(outcome)) as Outcome;
}

function policyText({ kind, policy }: PolicyOperation) {
  const { name, ownerReferences = [] } = policy.metadata;
  if (kind === 'delete') return `delete ${name}`;
  if (kind === 'hand-over') return `hand ${name} over to ${ownerReferences[0]?.name}`;
  return { [kind]: name, spec: policy.spec };
}
