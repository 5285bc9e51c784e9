import { isDeepStrictEqual } from 'node:util';
import type { EnforcedReason } from '../api/conditions.ts';
import { policyName } from '../api/labels.ts';
import type { NetworkPolicy, NetworkPolicyRule } from '../kube/objects.ts';
import { modeFor } from '../network/mode.ts';
import { desiredPolicy, type PolicyShape } from '../network/policy.ts';
import type { Judged } from './plan.ts';
import type { Outcome } from './verdict.ts';

export type PolicyOperation =
  | { readonly kind: 'create'; readonly policy: NetworkPolicy }
  | { readonly kind: 'replace'; readonly uid: string; readonly policy: NetworkPolicy }
  | { readonly kind: 'delete'; readonly uid: string; readonly name: string };

export interface PolicyPlan {
  readonly operations: readonly PolicyOperation[];
  /** What the condition says once the operations have succeeded. */
  readonly enforced: Outcome<EnforcedReason> | undefined;
  readonly status: { readonly mode: string; readonly name: string } | undefined;
}

/** The policy that should be, against those that are: created, replaced, deleted; nothing when they agree. */
export function planPolicy(judged: Judged): PolicyPlan {
  const { snapshot } = judged;
  const wanted = wantedPolicy(judged);
  const name = wanted.policy?.metadata.name;
  const operations: PolicyOperation[] = [];
  const current = snapshot.ownPolicies.find(({ metadata }) => metadata.name === name);
  if (wanted.policy !== undefined && current === undefined) operations.push({ kind: 'create', policy: wanted.policy });
  if (wanted.policy !== undefined && current !== undefined && !samePolicy(wanted.policy, current)) {
    operations.push({ kind: 'replace', uid: current.metadata.uid ?? '', policy: wanted.policy });
  }
  for (const { metadata } of snapshot.ownPolicies) {
    if (metadata.name !== name) operations.push({ kind: 'delete', uid: metadata.uid ?? '', name: metadata.name });
  }
  const status = name === undefined ? undefined : { mode: wanted.mode, name };
  return { operations, enforced: wanted.enforced, status };
}

interface Wanted {
  readonly mode: string;
  readonly policy: NetworkPolicy | undefined;
  readonly enforced: Outcome<EnforcedReason>;
}

function wantedPolicy(judged: Judged): Wanted {
  const { snapshot, target, settings } = judged;
  const workload = target.resolved ? target.workload : (target.absent ?? guiltyWorkload(judged));
  const mode = modeFor(snapshot.namespaceLabels, settings.enforcement);
  const quarantined = snapshot.card.spec.quarantine !== undefined;
  const none = (reason: EnforcedReason, message: string): Wanted => {
    return { mode, policy: undefined, enforced: { ok: false, reason, message } };
  };
  if (workload === undefined) return none('NotEnforceable', 'There is no workload to enforce on.');
  if (workload.hostNetwork) return none('NotEnforceable', `The pods of ${workload.name} use the host's network.`);
  if (mode === 'off' && !quarantined) return none('Off', 'Enforcement is off here.');
  if (!settings.mtls && !quarantined) return none('NotEnforceable', 'No mechanism that could verify an agent is on.');
  const shape = shapeOf(judged);
  const name = policyName(workload);
  if (mode === 'audit' && !quarantined)
    return none('Audit', `NetworkPolicy ${name} would be written: ${meaning[shape]}.`);
  const { name: cardName, namespace = '', uid = '' } = snapshot.card.metadata;
  const subject = { card: { name: cardName, namespace, uid }, workload };
  const peers = { ...snapshot.cluster, ...settings.policy };
  const policy = desiredPolicy(subject, shape, peers);
  const message = `NetworkPolicy ${name}: ${meaning[shape]}.`;
  return { mode: quarantined ? 'quarantine' : mode, policy, enforced: { ok: true, reason: 'PolicyApplied', message } };
}

/** A workload that may not be an agent any more is still cut off while its card is quarantined. */
function guiltyWorkload({ snapshot, target }: Judged) {
  const kept = !target.resolved && target.reason !== 'Conflict' && snapshot.card.spec.quarantine !== undefined;
  return kept ? snapshot.workload : undefined;
}

function shapeOf({ snapshot, verdict }: Judged): PolicyShape {
  if (snapshot.card.spec.quarantine !== undefined) return 'quarantined';
  return verdict.verified?.ok === true ? 'verified' : 'unverified';
}

const meaning: Readonly<Record<PolicyShape, string>> = {
  verified: 'verified agents and the operator may call this agent',
  unverified: 'only the operator may call this agent, which may reach DNS and the API server',
  quarantined: 'only the operator may call this agent, which may reach nothing',
};

function samePolicy(wanted: NetworkPolicy, current: NetworkPolicy): boolean {
  const labels = Object.entries(wanted.metadata.labels ?? {});
  return (
    isDeepStrictEqual(normalized(wanted.spec), normalized(current.spec)) &&
    labels.every(([key, value]) => current.metadata.labels?.[key] === value)
  );
}

/** As the API server stores it: the default protocol filled in, empty lists left out. */
function normalized({ podSelector, policyTypes, ingress = [], egress = [] }: NetworkPolicy['spec']) {
  return plain({ podSelector, policyTypes, ingress: ingress.map(rule), egress: egress.map(rule) });
}

function rule({ from = [], to = [], ports = [] }: NetworkPolicyRule) {
  return { from, to, ports: ports.map((port) => ({ ...port, protocol: port.protocol ?? 'TCP' })) };
}

/** Cached objects may differ from ours in prototype or in fields set to undefined. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
