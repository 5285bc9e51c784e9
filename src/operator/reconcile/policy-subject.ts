import type { NetworkPolicy } from '@agentcard-operator/kube/objects';
import type { EnforcedReason } from '../api/conditions.ts';
import { policyName, verifiedLabel } from '../api/labels.ts';
import { no, type Outcome } from '../judge/conditions.ts';
import type { Snapshot } from '../judge/snapshot.ts';
import type { Judged } from '../judge/verdict.ts';
import type { PolicyShape } from '../network/policy.ts';
import { excessOf } from '../network/rules.ts';
import { isPositive, labelsOf, maySelect, selects } from '../workload/selector.ts';
import type { Workload } from '../workload/workload.ts';

/** What a policy needs to know of a workload. */
export type Subject = Pick<Workload, 'kind' | 'name' | 'selector' | 'templateLabels' | 'hostNetwork'>;

/**
 * Whose pods a policy would choose; or why none can. A workload that is no agent any more can be quarantined, and so can
 * the pods that one left behind when it went.
 */
export function subjectOf(judged: Judged): Subject | string {
  const { snapshot, target, verdict } = judged;
  // Demands that cannot be met together leave the agent unproven, not open.
  const contested = !target.resolved && target.reason === 'Conflict' ? snapshot.workload : undefined;
  const cutOff = verdict.quarantine === undefined ? contested : (snapshot.workload ?? leftBehind(snapshot));
  const workload = target.resolved ? target.workload : (target.absent ?? cutOff ?? target.message);
  if (typeof workload === 'string') return workload;
  return verdict.quarantine === undefined ? enforceable(workload, judged) : quarantinable(workload);
}

function enforceable(workload: Subject, { snapshot, settings }: Judged): Subject | string {
  const { name, selector } = workload;
  if (workload.hostNetwork) return onHostNetwork(workload);
  if (!isPositive(selector)) return `The pod selector of ${name} does not say what its pods have.`;
  const others = besides(selector, snapshot);
  if (others !== undefined) return `The pod selector of ${name} also chooses ${others}.`;
  if (!settings.mtls && !settings.signature) return 'No mechanism that could verify an agent is on.';
  if (snapshot.cluster.operatorNamespace === '') return "The operator's own namespace is unknown: set POD_NAMESPACE.";
  return workload;
}

/** Never with a selector that would choose whatever comes: then the template's labels say what its pods have. */
function quarantinable(workload: Subject): Subject | string {
  const { name, templateLabels, selector } = workload;
  if (isPositive(selector)) return workload;
  if (Object.keys(templateLabels).length > 0)
    return { ...workload, selector: { ...selector, matchLabels: templateLabels } };
  return `Nothing tells the pods of ${name} from others: neither its selector nor its template's labels.`;
}

export function onHostNetwork({ name }: Subject): string {
  return `The pods of ${name} use the host's network.`;
}

/** Whose pods a selector may choose besides the workload's own. */
export function besides(selector: NetworkPolicy['spec']['podSelector'], snapshot: Snapshot): string | undefined {
  const { evidence, chosenBesides } = snapshot;
  const strangers = [...evidence.strangers.values()].filter(({ chosen }) => chosen);
  const told = strangers.map(({ podName, owner }) => `pod ${podName} of ${owner}`).sort();
  const [first, ...more] = [...chosenBesides(selector), ...told];
  return first && (more.length > 0 ? `${first} (and ${more.length} more)` : first);
}

/** A workload that is gone is known by its policy, whose selector still chooses the pods that run on. */
function leftBehind({ card, ownPolicies }: Snapshot): Subject | undefined {
  const { targetRef } = card.spec;
  if (targetRef === undefined) return undefined;
  const left = ownPolicies.find(({ metadata }) => metadata.name === policyName(targetRef)) ?? ownPolicies[0];
  if (left === undefined) return undefined;
  const { podSelector: selector } = left.spec;
  return { ...targetRef, selector, templateLabels: labelsOf(selector), hostNetwork: false };
}

/** A policy that stands is no proof: what it comes to is what probes have shown of the network. */
export function applied(message: string, { network }: Snapshot): Outcome<EnforcedReason> {
  const { state, says } = network;
  if (state === 'proven') return { ok: true, reason: 'PolicyApplied', message };
  if (state === 'unproven') return { ...no('NotProven', `${message} ${says}`), unknown: true };
  return no('NotEnforceable', `${says} ${message}`);
}

export const meaning: Readonly<Record<PolicyShape, string>> = {
  verified: 'verified agents and the operator may call this agent',
  unverified: 'only the operator may call this agent, which may reach DNS and the API server',
  quarantined: 'only the operator may open connections to this agent, which may open none',
};

/** `callers`: the identities that a list leaves. */
export function meaningOf(shape: PolicyShape, callers: readonly string[] | undefined): string {
  if (shape !== 'verified' || callers === undefined) return meaning[shape];
  if (callers.length === 0) return 'only the operator may call this agent';
  return 'the listed callers, while they are verified, and the operator may call this agent';
}

/** Policies add up: names one that allows these pods more than ours does. */
export function weakeningOf(
  { snapshot, verdict }: Judged,
  policy: NetworkPolicy,
  workload: Subject,
): string | undefined {
  const wears = verdict.quarantine === undefined && verdict.verified?.ok === true;
  const labels = { ...workload.templateLabels, ...(wears ? { [verifiedLabel]: 'true' } : {}) };
  const running = (wears ? snapshot.labelledPods : [])
    .slice(0, mostLookedAt)
    .map(({ metadata }) => metadata.labels ?? {});
  const choosing = snapshot.foreignPolicies.filter(
    ({ spec: { podSelector } }) => maySelect(podSelector, labels) || running.some((worn) => selects(podSelector, worn)),
  );
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
/** Pods of one workload differ little: what admission put on one, which no template tells, it put on the others. */
const mostLookedAt = 16;
const allows = { ingress: 'lets more callers in', egress: 'lets this agent out to more' } as const;
