import { sameJson } from '@agentcard-operator/agentcard';
import type { NetworkPolicy, NetworkPolicyRule } from '@agentcard-operator/kube/objects';
import type { EnforcedReason } from '../api/conditions.ts';
import type { Outcome } from '../judge/conditions.ts';
import { hasPairs } from '../workload/selector.ts';

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

/** What makes the policy that is there the one that should be; nothing when they agree. */
export function towards(policy: NetworkPolicy, current: NetworkPolicy | undefined): readonly PolicyOperation[] {
  if (current === undefined) return [{ kind: 'create', policy }];
  return samePolicy(policy, current) ? [] : [{ kind: 'replace', uid: current.metadata.uid ?? '', policy }];
}

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
