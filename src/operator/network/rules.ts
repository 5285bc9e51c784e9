import { isDeepStrictEqual } from 'node:util';
import type {
  LabelSelector,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  NetworkPolicyRule,
} from '@agentcard-operator/kube/objects';
import { hasPairs } from '../workload/selector.ts';
import { holdsRange } from './ranges.ts';

export type Direction = 'ingress' | 'egress';
export const directions = ['ingress', 'egress'] as const satisfies readonly Direction[];

/** Whether a policy isolates its pods in a direction (networking.k8s.io/v1, `policyTypes` and its default). */
export function isolates({ spec }: NetworkPolicy, direction: Direction): boolean {
  const types = spec.policyTypes ?? (spec.egress === undefined ? ['Ingress'] : ['Ingress', 'Egress']);
  return types.includes(direction === 'ingress' ? 'Ingress' : 'Egress');
}

export function rulesOf({ spec }: NetworkPolicy, direction: Direction): readonly NetworkPolicyRule[] {
  return spec[direction] ?? [];
}

export function peersOf(rule: NetworkPolicyRule, direction: Direction): readonly NetworkPolicyPeer[] {
  return (direction === 'ingress' ? rule.from : rule.to) ?? [];
}

/**
 * The directions in which another policy lets these pods do more than ours: policies add up, so what one allows no other
 * forbids. A rule that ours covers, in peers and ports, adds nothing.
 */
export function excessOf(other: NetworkPolicy, ours: NetworkPolicy): readonly Direction[] {
  return directions.filter((direction) => {
    if (!isolates(ours, direction) || !isolates(other, direction)) return false;
    return rulesOf(other, direction).some((rule) => !isCovered(rule, ours, direction));
  });
}

function isCovered(rule: NetworkPolicyRule, ours: NetworkPolicy, direction: Direction): boolean {
  const wider = rulesOf(ours, direction).filter(({ ports }) => portsCover(ports ?? [], rule.ports ?? []));
  const lists = wider.map((candidate) => peersOf(candidate, direction));
  const everyone = lists.some((peers) => peers.length === 0);
  const peers = peersOf(rule, direction);
  if (everyone || peers.length === 0) return everyone;
  // Of both policies: where a pod selector without a namespace selector looks.
  const { namespace = '' } = ours.metadata;
  return peers.every((peer) => lists.flat().some((candidate) => peerCovers(candidate, peer, namespace)));
}

function portsCover(wide: readonly NetworkPolicyPort[], narrow: readonly NetworkPolicyPort[]): boolean {
  if (wide.length === 0 || narrow.length === 0) return wide.length === 0;
  const full = ({ protocol = 'TCP', ...rest }: NetworkPolicyPort) => ({ protocol, ...rest });
  return narrow.every((port) => wide.some((candidate) => isDeepStrictEqual(full(candidate), full(port))));
}

function peerCovers(wide: NetworkPolicyPeer, narrow: NetworkPolicyPeer, namespace: string): boolean {
  if (wide.ipBlock !== undefined || narrow.ipBlock !== undefined) {
    if (wide.ipBlock === undefined || narrow.ipBlock === undefined) return false;
    if (isDeepStrictEqual(wide.ipBlock, narrow.ipBlock)) return true;
    return (wide.ipBlock.except ?? []).length === 0 && holdsRange(wide.ipBlock.cidr, narrow.ipBlock.cidr);
  }
  const own = { matchLabels: { 'kubernetes.io/metadata.name': namespace } };
  return (
    selectorCovers(wide.namespaceSelector ?? own, narrow.namespaceSelector ?? own) &&
    selectorCovers(wide.podSelector ?? {}, narrow.podSelector ?? {})
  );
}

/** A selector that asks for all that the other asks, and perhaps for more, chooses no more. */
function selectorCovers(wide: LabelSelector, narrow: LabelSelector): boolean {
  const asked = new Map(Object.entries(narrow.matchLabels ?? {}));
  const covers = (one: NonNullable<LabelSelector['matchExpressions']>[number]) =>
    narrow.matchExpressions?.some((other) => isDeepStrictEqual(one, other)) ||
    (one.operator === 'In' && asked.has(one.key) && one.values?.includes(asked.get(one.key) as string));
  return (
    hasPairs(Object.entries(wide.matchLabels ?? {}), narrow.matchLabels) && (wide.matchExpressions ?? []).every(covers)
  );
}
