import type { NetworkPolicy, NetworkPolicyRule } from '@agentcard-operator/kube/objects';
import { owningCard } from './policy.ts';

/** A NetworkPolicy as it is cached. */
export interface KeptPolicy extends NetworkPolicy {
  /** Nobody judges so many rules: it is kept as one that allows everything where it allows anything. */
  readonly tooLarge?: true;
}

/** Of a policy's spec as JSON: some two hundred peers. */
const longestForeign = 8_192;
/** Ours are as long as --ingress-allow and --egress-allow, and one that is longer was made so by somebody else. */
const longestOwn = 262_144;

/** What a decision reads of a policy. Another's may be of 1.5 MB, and there may be many of them. */
export function keptPolicy({ metadata, spec }: NetworkPolicy): KeptPolicy {
  const isOwn = owningCard({ metadata }) !== undefined;
  if (JSON.stringify(spec).length <= (isOwn ? longestOwn : longestForeign)) return { metadata, spec };
  // Whoever writes it says whose it is: none of ours chooses by so much.
  const podSelector = JSON.stringify(spec.podSelector).length > longestForeign ? {} : spec.podSelector;
  const rules = { ...loosest('ingress', spec.ingress), ...loosest('egress', spec.egress) };
  const types = spec.policyTypes === undefined ? {} : { policyTypes: spec.policyTypes };
  return { metadata, spec: { podSelector, ...types, ...rules }, tooLarge: true };
}

function loosest(direction: 'ingress' | 'egress', rules: readonly NetworkPolicyRule[] | undefined) {
  return rules === undefined ? {} : { [direction]: rules.length === 0 ? [] : [{}] };
}
