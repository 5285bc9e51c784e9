import { canonicalize, type JsonObject, sameJson, sha256 } from '@agentcard-operator/agentcard';
import type { LabelSelector, NetworkPolicy } from '@agentcard-operator/kube/objects';
import type { EnforcedReason } from '../api/conditions.ts';
import { fitName, policyName } from '../api/labels.ts';
import { no, type Outcome } from '../judge/conditions.ts';
import type { Judged } from '../judge/verdict.ts';
import { desiredPolicy, owningCard } from '../network/policy.ts';
import { isPositive, labelsOf } from '../workload/selector.ts';
import { type PolicyPlan, towards } from './policy-difference.ts';
import { applied, besides, meaning, onHostNetwork, type Subject, subjectOf, weakeningOf } from './policy-subject.ts';

/**
 * A quarantine outlives its workload, however that is made again: what chooses pods of it goes on choosing them, whatever the
 * workload's selector says by now, until the quarantine ends. Policies are added to, never removed or narrowed.
 */
export function planQuarantine(judged: Judged): PolicyPlan {
  const { ownPolicies, foreignPolicies } = judged.snapshot;
  const subject = subjectOf(judged);
  // One whose selector chooses whatever comes was not made by us.
  const standing = ownPolicies.filter(({ spec }) => isPositive(spec.podSelector));
  const kept = standing.map((own) => ({
    current: own,
    policy: cutOff(own.metadata.name, own.spec.podSelector, judged),
  }));
  const wanted = typeof subject === 'string' ? undefined : subject.selector;
  const isThere = standing.some(({ spec }) => sameJson(spec.podSelector, wanted));
  const added = wanted === undefined || isThere ? [] : [addition(subject as Subject, standing, judged)];
  const all = [...added, ...kept];
  const operations = all.flatMap(({ policy, current }) => towards(policy, current));
  const policies = all.map(({ policy }) => policy);
  const current = policies.find(({ spec }) => sameJson(spec.podSelector, wanted)) ?? policies[0];
  const status = current && { mode: 'quarantine', name: current.metadata.name };
  // What says it is ours, was not made by us and is not written over may let anybody in, as anybody's.
  const others = ownPolicies.filter(({ metadata }) =>
    policies.every((policy) => policy.metadata.name !== metadata.name),
  );
  const snapshot = { ...judged.snapshot, foreignPolicies: [...foreignPolicies, ...others] };
  return { operations, enforced: outcome(subject, policies, { ...judged, snapshot }), status };
}

function cutOff(name: string, selector: LabelSelector, { snapshot, settings }: Judged): NetworkPolicy {
  const subject = { card: snapshot.card.metadata, workload: { kind: '', name: '', selector } };
  const policy = desiredPolicy(subject, 'quarantined', { ...snapshot.cluster, ...settings });
  return { ...policy, metadata: { ...policy.metadata, name } };
}

/** Under the usual name where that is free, or was ours and lost its selector; else beside it. */
function addition(subject: Subject, standing: readonly NetworkPolicy[], judged: Judged) {
  const { namesake, card, ownPolicies } = judged.snapshot;
  const usual = policyName(subject);
  const isForeign = namesake !== undefined && owningCard(namesake)?.uid !== card.metadata.uid;
  const isTaken = isForeign || standing.some(({ metadata }) => metadata.name === usual);
  const digits = sha256(canonicalize(subject.selector as JsonObject)).slice(0, 8);
  const name = isTaken ? fitName(`${usual}-${digits}`) : usual;
  const current = ownPolicies.find(({ metadata }) => metadata.name === name);
  return { current, policy: cutOff(name, subject.selector, judged) };
}

function outcome(
  subject: Subject | string,
  policies: readonly NetworkPolicy[],
  judged: Judged,
): Outcome<EnforcedReason> {
  if (typeof subject === 'string') return no('NotEnforceable', subject);
  if (subject.hostNetwork) return no('NotEnforceable', onHostNetwork(subject));
  // What a policy chose before, by a selector that the workload has no more, runs on with the labels that it chose.
  const chosen = ({ spec: { podSelector } }: NetworkPolicy): Subject =>
    sameJson(podSelector, subject.selector) ? subject : { ...subject, templateLabels: labelsOf(podSelector) };
  const weakening = policies.flatMap((policy) => weakeningOf(judged, policy, chosen(policy)) ?? [])[0];
  if (weakening !== undefined) return no('Weakened', weakening);
  const others = [...new Set(policies.flatMap(({ spec }) => besides(spec.podSelector, judged.snapshot) ?? []))];
  const also = others.length === 0 ? '' : ` It also cuts off ${others.join(' and ')}.`;
  const names = policies.map(({ metadata }) => metadata.name).join(', ');
  return applied(`NetworkPolicy ${names}: ${meaning.quarantined}.${also}`, judged.snapshot);
}
