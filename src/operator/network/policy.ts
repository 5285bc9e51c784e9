import type { KubeObject, NetworkPolicy, NetworkPolicyRule, OwnerReference } from '@agentcard-operator/kube/objects';
import { apiGroup, identityLabel, operatorPodLabels, policyLabels, policyName, verifiedLabel } from '../api/labels.ts';
import { identityValue } from '../api/marks.ts';
import { controllerOf } from '../workload/pod.ts';
import type { Workload } from '../workload/workload.ts';
import type { apiServerFacts, dnsFacts } from './facts.ts';

/** What a policy lets through: a verified agent's, an unverified one's, or nothing but us. */
export type PolicyShape = 'verified' | 'unverified' | 'quarantined';

/** What flags and the whole cluster contribute to every policy; our own pods' place among it. */
export interface PolicyPeers {
  readonly operatorNamespace: string;
  readonly apiServer: ReturnType<typeof apiServerFacts>;
  readonly dns: readonly NonNullable<ReturnType<typeof dnsFacts>>[];
  readonly dnsCidr: readonly string[];
  /** Extra rules. */
  readonly ingressAllow: readonly NetworkPolicyRule[];
  readonly egressAllow: readonly NetworkPolicyRule[];
  /** Verified callers are let in from these namespaces; from any where there is none. */
  readonly namespaces: readonly string[];
}

export interface PolicySubject {
  readonly card: KubeObject['metadata'];
  readonly workload: Pick<Workload, 'kind' | 'name' | 'selector'>;
  /** SPIFFE IDs of which a verified caller must have proven one; undefined where any will do. */
  readonly callers?: readonly string[] | undefined;
}

/**
 * The one policy of a card. A verified agent's has no egress part, since an egress rule would open a namespace that
 * denies by default; an unverified agent may reach DNS and the API server and is reached by the operator alone.
 */
export function desiredPolicy(subject: PolicySubject, shape: PolicyShape, peers: PolicyPeers): NetworkPolicy {
  const { card, workload, callers } = subject;
  const metadata = {
    name: policyName(workload),
    namespace: card.namespace ?? '',
    labels: policyLabels(card.name),
    ownerReferences: [ownerOf(card)],
  };
  const fixed = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata };
  return { ...fixed, spec: { podSelector: workload.selector, ...rulesFor(shape, peers, callers) } };
}

export function ownerOf({ name, uid = '' }: { readonly name: string; readonly uid?: string }): OwnerReference {
  const card = { apiVersion: `${apiGroup}/v1alpha1`, kind: 'AgentCard', name, uid };
  return { ...card, controller: true, blockOwnerDeletion: false };
}

/** The AgentCard that controls an object; undefined for a foreign one. */
export function owningCard({ metadata }: KubeObject): OwnerReference | undefined {
  const owner = controllerOf(metadata.ownerReferences);
  return owner?.kind === 'AgentCard' && owner.apiVersion.startsWith(`${apiGroup}/`) ? owner : undefined;
}

function rulesFor(
  shape: PolicyShape,
  peers: PolicyPeers,
  callers: PolicySubject['callers'],
): Omit<NetworkPolicy['spec'], 'podSelector'> {
  const ourNamespace = namespaceNamed(peers.operatorNamespace);
  const operator = { from: [{ namespaceSelector: ourNamespace, podSelector: { matchLabels: operatorPodLabels } }] };
  if (shape === 'verified') {
    // A rule without peers would let everybody in.
    const agents = callers?.length === 0 ? [] : [{ from: verifiedPeers(peers, callers) }];
    return { policyTypes: ['Ingress'], ingress: [...agents, operator, ...peers.ingressAllow] };
  }
  const policyTypes = ['Ingress', 'Egress'];
  if (shape === 'quarantined') return { policyTypes, ingress: [operator] };
  return {
    policyTypes,
    ingress: [operator],
    egress: [...dnsRules(peers), ...apiServerRules(peers), ...peers.egressAllow],
  };
}

function namespaceNamed(name: string) {
  return { matchLabels: { 'kubernetes.io/metadata.name': name } };
}

function namespacesNamed(values: readonly string[]) {
  return { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In' as const, values }] };
}

function verifiedPeers(
  { namespaces }: PolicyPeers,
  callers: PolicySubject['callers'],
): NonNullable<NetworkPolicyRule['from']> {
  const values = [...new Set(callers?.map(identityValue))].sort();
  const named = { matchExpressions: [{ key: identityLabel, operator: 'In' as const, values }] };
  const podSelector = { matchLabels: { [verifiedLabel]: 'true' }, ...(callers === undefined ? {} : named) };
  if (namespaces.length === 0) return [{ namespaceSelector: {}, podSelector }];
  // A list says the same for each namespace: once, or it would fill the policy.
  if (callers !== undefined) return [{ namespaceSelector: namespacesNamed(namespaces), podSelector }];
  return namespaces.map((name) => ({ namespaceSelector: namespaceNamed(name), podSelector }));
}

function dnsRules(peers: PolicyPeers): NetworkPolicyRule[] {
  const services = peers.dns.map(({ namespace, podLabels, ports }): NetworkPolicyRule => {
    const to = [{ namespaceSelector: namespaceNamed(namespace), podSelector: { matchLabels: podLabels } }];
    return { to, ports: ports.map(({ protocol, port }) => ({ protocol, port })) };
  });
  const ports = (['UDP', 'TCP'] as const).map((protocol) => ({ protocol, port: 53 }));
  const ranges = peers.dnsCidr.map((cidr): NetworkPolicyRule => ({ to: [{ ipBlock: { cidr } }], ports }));
  return [...services, ...ranges];
}

function apiServerRules(peers: PolicyPeers): NetworkPolicyRule[] {
  return peers.apiServer
    .filter(({ addresses, ports }) => addresses.length > 0 && ports.length > 0)
    .map(({ addresses, ports }) => ({
      to: [...addresses]
        .sort()
        .map((address) => ({ ipBlock: { cidr: `${address}/${address.includes(':') ? 128 : 32}` } })),
      ports: [...ports].sort((a, b) => a - b).map((port) => ({ protocol: 'TCP', port })),
    }));
}
