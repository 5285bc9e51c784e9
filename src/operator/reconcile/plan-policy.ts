import { sameJson } from '@agentcard-operator/agentcard';
import type { NetworkPolicy, NetworkPolicyRule } from '@agentcard-operator/kube/objects';
import type { EnforcedReason } from '../api/conditions.ts';
import { policyName, verifiedLabel } from '../api/labels.ts';
import { no, type Outcome } from '../judge/conditions.ts';
import { winnerOver } from '../judge/conflict.ts';
import type { Snapshot } from '../judge/snapshot.ts';
import type { Judged } from '../judge/verdict.ts';
import { type EnforcementMode, modeFor } from '../network/mode.ts';
import { desiredPolicy, ownerOf, owningCard, type PolicyShape } from '../network/policy.ts';
import { excessOf } from '../network/rules.ts';
import { hasPairs, maySelect } from '../workload/selector.ts';
import type { Workload } from '../workload/workload.ts';

export type PolicyOperation =
  | { readonly kind: 'create'; readonly policy: NetworkPolicy }
  /** `hand-over` gives a policy of ours to the card that stands for the workload, so that the agent is never without one. */
  | { readonly kind: 'replace' | 'hand-over' | 'delete'; readonly uid: string; readonly policy: NetworkPolicy };

export interface PolicyPlan {
  readonly operations: readonly PolicyOperation[];
  /** What the condition says once the operations have succeeded. */
  readonly enforced: Outcome<EnforcedReason> | undefined;
  readonly status: { readonly mode: string; readonly name: string } | undefined;
}

/** The policy that should be, against those that are: created, replaced, deleted; nothing when they agree. */
export function planPolicy(judged: Judged): PolicyPlan {
  const { ownPolicies } = judged.snapshot;
  const { mode, policy, enforced } = isLoser(judged) ? yielded : wantedPolicy(judged);
  const operations: PolicyOperation[] = [];
  const current = ownPolicies.find(({ metadata }) => metadata.name === policy?.metadata.name);
  if (policy !== undefined && current === undefined) operations.push({ kind: 'create', policy });
  if (policy !== undefined && current !== undefined && !samePolicy(policy, current)) {
    operations.push({ kind: 'replace', uid: current.metadata.uid ?? '', policy });
  }
  for (const other of ownPolicies) if (other !== current) operations.push(farewell(other, judged));
  const status = policy === undefined ? undefined : { mode, name: policy.metadata.name };
  return { operations, enforced, status };
}

/** Of two cards on one workload the other enforces, and says so. */
function isLoser({ target }: Judged): boolean {
  return !target.resolved && target.reason === 'Conflict';
}

const yielded = { mode: 'off', policy: undefined, enforced: undefined } as const;

/** Before anything is known of the agent, only policies go that no verdict would keep. */
export function leftovers(judged: Judged): PolicyPlan {
  const { policy } = wantedPolicy(judged);
  const operations = policy === undefined ? judged.snapshot.ownPolicies.map((other) => farewell(other, judged)) : [];
  return { operations, enforced: undefined, status: undefined };
}

function farewell(policy: NetworkPolicy, { snapshot }: Judged): PolicyOperation {
  const { card, siblings, workload } = snapshot;
  const winner = winnerOver(card, siblings);
  const uid = policy.metadata.uid ?? '';
  if (winner === undefined || workload === undefined || policy.metadata.name !== policyName(workload)) {
    return { kind: 'delete', uid, policy };
  }
  const metadata = { ...policy.metadata, ownerReferences: [ownerOf(winner.metadata)] };
  return { kind: 'hand-over', uid, policy: { ...policy, metadata } };
}

interface Wanted {
  readonly mode: EnforcementMode | 'quarantine';
  readonly policy: NetworkPolicy | undefined;
  readonly enforced: Outcome<EnforcedReason>;
}

function wantedPolicy(judged: Judged): Wanted {
  const { snapshot, settings, verdict } = judged;
  const mode =
    verdict.quarantine === undefined ? modeFor(snapshot.namespaceLabels, settings.enforcement) : 'quarantine';
  const none = (reason: EnforcedReason, message: string): Wanted => {
    return { mode, policy: undefined, enforced: no(reason, message) };
  };
  if (mode === 'off') return none('Off', 'Enforcement is off here.');
  const subject = workloadOf(judged);
  if (typeof subject === 'string') return none('NotEnforceable', subject);
  const shape = shapeOf(judged);
  const { metadata } = snapshot.card;
  const policy = desiredPolicy({ card: metadata, workload: subject }, shape, { ...snapshot.cluster, ...settings });
  const { name } = policy.metadata;
  const obstacle = obstacleOf(snapshot.namesake, metadata.uid ?? '');
  if (obstacle !== undefined) return none('PolicyPending', `NetworkPolicy ${name} ${obstacle}.`);
  const weakening = weakeningOf(judged, policy, subject);
  if (mode === 'audit') {
    const also = weakening === undefined ? '' : ` ${weakening}`;
    return none('Audit', `NetworkPolicy ${name} would be written: ${meaning[shape]}.${also}`);
  }
  if (weakening !== undefined) return { mode, policy, enforced: no('Weakened', weakening) };
  const message = `NetworkPolicy ${name}: ${meaning[shape]}.`;
  return { mode, policy, enforced: { ok: true, reason: 'PolicyApplied', message } };
}

/** What a policy needs to know of a workload. */
type Subject = Pick<Workload, 'kind' | 'name' | 'selector' | 'templateLabels' | 'hostNetwork'>;

/**
 * Whose pods a policy would choose; or why none can. A workload that is no agent any more can be quarantined, and so can
 * the pods that one left behind when it went.
 */
function workloadOf({ snapshot, target, settings, verdict }: Judged): Subject | string {
  const { quarantine } = verdict;
  const cutOff = quarantine === undefined ? undefined : (snapshot.workload ?? leftBehind(snapshot));
  const workload = target.resolved ? target.workload : (target.absent ?? cutOff ?? target.message);
  if (typeof workload === 'string') return workload;
  const { matchLabels = {}, matchExpressions = [] } = workload.selector;
  if (workload.hostNetwork) return `The pods of ${workload.name} use the host's network.`;
  if (Object.keys(matchLabels).length + matchExpressions.length === 0) return `${workload.name} has no pod selector.`;
  if (quarantine !== undefined) return workload;
  if (!settings.mtls && !settings.signature) return 'No mechanism that could verify an agent is on.';
  if (snapshot.cluster.operatorNamespace === '') return "The operator's own namespace is unknown: set POD_NAMESPACE.";
  return workload;
}

/** A workload that is gone is known by its policy, whose selector still chooses the pods that run on. */
function leftBehind({ card, ownPolicies }: Snapshot): Subject | undefined {
  const { targetRef } = card.spec;
  const policy = targetRef && ownPolicies.find(({ metadata }) => metadata.name === policyName(targetRef));
  if (targetRef === undefined || policy === undefined) return undefined;
  const { podSelector: selector } = policy.spec;
  return { ...targetRef, selector, templateLabels: selector.matchLabels ?? {}, hostNetwork: false };
}

function shapeOf({ verdict }: Judged): PolicyShape {
  if (verdict.quarantine !== undefined) return 'quarantined';
  return verdict.verified?.ok === true ? 'verified' : 'unverified';
}

export const meaning: Readonly<Record<PolicyShape, string>> = {
  verified: 'verified agents and the operator may call this agent',
  unverified: 'only the operator may call this agent, which may reach DNS and the API server',
  quarantined: 'only the operator may open connections to this agent, which may open none',
};

function obstacleOf(namesake: NetworkPolicy | undefined, cardUid: string): string | undefined {
  const owner = namesake && owningCard(namesake);
  if (namesake === undefined || owner?.uid === cardUid) return undefined;
  return owner === undefined
    ? 'is there and is not ours: rename or delete it'
    : `still belongs to AgentCard ${owner.name}`;
}

/** Policies add up: names one that allows these pods more than ours does. */
function weakeningOf({ snapshot, verdict }: Judged, policy: NetworkPolicy, workload: Subject): string | undefined {
  const wears = verdict.quarantine === undefined && verdict.verified?.ok === true;
  const labels = { ...workload.templateLabels, ...(wears ? { [verifiedLabel]: 'true' } : {}) };
  const choosing = snapshot.foreignPolicies.filter(({ spec }) => maySelect(spec.podSelector, labels));
  if (choosing.length > mostJudged) {
    return `${choosing.length} other NetworkPolicies choose its pods, too many to judge whether they allow more than ours.`;
  }
  const weakening = choosing
    .map((foreign) => ({ ...foreign, excess: excessOf(foreign, policy) }))
    .filter(({ excess }) => excess.length > 0)
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const [first] = weakening;
  if (first === undefined) return undefined;
  const more = weakening.length > 1 ? ` (and ${weakening.length - 1} more)` : '';
  const what = first.excess.map((direction) => allows[direction]).join(' and ');
  const size = first.tooLarge ? ', which is too large to judge, may be one that' : '';
  return `NetworkPolicy ${first.metadata.name}${more}${size} ${what} than ours.`;
}

/** More policies on the pods of one card cost more than they can mean. */
const mostJudged = 64;
const allows = { ingress: 'lets more callers in', egress: 'lets this agent out to more' } as const;

function samePolicy(wanted: NetworkPolicy, current: NetworkPolicy): boolean {
  const labels = Object.entries(wanted.metadata.labels ?? {});
  return sameJson(normalized(wanted.spec), normalized(current.spec)) && hasPairs(labels, current.metadata.labels);
}

/** As the API server stores it: the default protocol filled in, empty lists left out. */
function normalized({ podSelector, policyTypes, ingress = [], egress = [] }: NetworkPolicy['spec']) {
  return { podSelector, policyTypes, ingress: ingress.map(rule), egress: egress.map(rule) };
}

function rule({ from = [], to = [], ports = [] }: NetworkPolicyRule) {
  return { from, to, ports: ports.map((port) => ({ ...port, protocol: port.protocol ?? 'TCP' })) };
}
