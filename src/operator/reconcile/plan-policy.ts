import type { NetworkPolicy } from '@agentcard-operator/kube/objects';
import { type EnforcedReason, isVerified } from '../api/conditions.ts';
import { policyName } from '../api/labels.ts';
import { no, type Outcome } from '../judge/conditions.ts';
import type { Judged } from '../judge/verdict.ts';
import { type EnforcementMode, modeFor } from '../network/mode.ts';
import { desiredPolicy, ownerOf, owningCard } from '../network/policy.ts';
import { planQuarantine } from './plan-quarantine.ts';
import { type PolicyOperation, type PolicyPlan, towards } from './policy-difference.ts';
import { applied, meaningOf, subjectOf, weakeningOf } from './policy-subject.ts';

/** The policy that should be, against those that are: created, replaced, deleted; nothing when they agree. */
export function planPolicy(judged: Judged): PolicyPlan {
  const { ownPolicies } = judged.snapshot;
  if (judged.verdict.quarantine !== undefined && !isLoser(judged)) return planQuarantine(judged);
  const { mode, policy, enforced } = isLoser(judged) ? yielded : wantedPolicy(judged);
  const current = ownPolicies.find(({ metadata }) => metadata.name === policy?.metadata.name);
  const operations = policy === undefined ? [] : [...towards(policy, current)];
  for (const other of ownPolicies) if (other !== current) operations.push(farewell(other, judged));
  const status = policy === undefined ? undefined : { mode, name: policy.metadata.name };
  return { operations, enforced, status };
}

/** Of two cards on one workload the other enforces, and says so. */
export function isLoser({ snapshot }: Judged): boolean {
  return snapshot.winner !== undefined;
}

const yielded = { mode: 'off', policy: undefined, enforced: undefined } as const;

/**
 * Before anything is known of the agent, only policies go that no verdict would keep; and a list of callers waits for no
 * answer, unless it names one of whom nothing is known yet.
 */
export function leftovers(judged: Judged): PolicyPlan {
  const { ownPolicies, card } = judged.snapshot;
  const { policy } = wantedPolicy(judged, isVerified(card.status));
  const none = { enforced: undefined, status: undefined };
  if (policy === undefined) return { operations: ownPolicies.map((other) => farewell(other, judged)), ...none };
  const current = ownPolicies.find(({ metadata }) => metadata.name === policy.metadata.name);
  const lists = judged.verdict.callers?.unknown.length === 0 && current !== undefined;
  return { operations: lists ? towards(policy, current) : [], ...none };
}

/** The card that stands for the workload gets the policy, and of a quarantine all. */
function farewell(policy: NetworkPolicy, { snapshot, verdict }: Judged): PolicyOperation {
  const { card, winner } = snapshot;
  const { targetRef } = card.spec;
  const { name, uid = '' } = policy.metadata;
  const isIts = verdict.quarantine !== undefined || (targetRef !== undefined && name === policyName(targetRef));
  if (winner === undefined || !isIts) return { kind: 'delete', uid, policy };
  const metadata = { ...policy.metadata, ownerReferences: [ownerOf(winner.metadata)] };
  return { kind: 'hand-over', uid, policy: { ...policy, metadata } };
}

interface Wanted {
  readonly mode: EnforcementMode;
  readonly policy: NetworkPolicy | undefined;
  readonly enforced: Outcome<EnforcedReason>;
}

function wantedPolicy(judged: Judged, isTrusted = judged.verdict.verified?.ok === true): Wanted {
  const { snapshot, settings, verdict } = judged;
  const mode = modeFor(snapshot.namespaceLabels, settings.enforcement);
  const none = (reason: EnforcedReason, message: string): Wanted => {
    return { mode, policy: undefined, enforced: no(reason, message) };
  };
  if (mode === 'off') return none('Off', 'Enforcement is off here.');
  const subject = subjectOf(judged);
  if (typeof subject === 'string') return none('NotEnforceable', subject);
  const shape = isTrusted ? 'verified' : 'unverified';
  const { metadata } = snapshot.card;
  const callers = verdict.callers?.ids;
  const policy = desiredPolicy({ card: metadata, workload: subject, callers }, shape, {
    ...snapshot.cluster,
    ...settings,
  });
  const { name } = policy.metadata;
  const obstacle = obstacleOf(snapshot.namesake, metadata.uid ?? '');
  if (obstacle !== undefined) return none('PolicyPending', `NetworkPolicy ${name} ${obstacle}.`);
  const weakening = weakeningOf(judged, policy, subject);
  if (mode === 'audit') {
    const also = weakening === undefined ? '' : ` ${weakening}`;
    return none('Audit', `NetworkPolicy ${name} would be written: ${meaningOf(shape, callers)}.${also}`);
  }
  if (weakening !== undefined) return { mode, policy, enforced: no('Weakened', weakening) };
  return { mode, policy, enforced: applied(`NetworkPolicy ${name}: ${meaningOf(shape, callers)}.`, snapshot) };
}

function obstacleOf(namesake: NetworkPolicy | undefined, cardUid: string): string | undefined {
  const owner = namesake && owningCard(namesake);
  if (namesake === undefined || owner?.uid === cardUid) return undefined;
  return owner === undefined
    ? 'is there and is not ours: rename or delete it'
    : `still belongs to AgentCard ${owner.name}`;
}
