import type { EndpointSlice, KubeObject, NetworkPolicy, Service } from '@agentcard-operator/kube/objects';
import { policyName } from '../api/labels.ts';
import { owningCard } from '../network/policy.ts';
import { serviceNameLabel } from '../workload/service.ts';
import { workloadKey } from '../workload/workload.ts';
import type { CachedCard, CachedWorkload } from './cached.ts';

/** An index entry for one label pair in one namespace. */
export function pairKey(namespace: string | undefined, key: string, value: string): string {
  return `${namespace ?? ''}/${key}=${value}`;
}

export function inNamespace({ metadata }: KubeObject): readonly string[] {
  return [metadata.namespace ?? ''];
}

export function targetOf({ metadata, spec }: CachedCard): readonly string[] {
  return spec.targetRef === undefined ? [] : [workloadKey(metadata.namespace ?? '', spec.targetRef)];
}

/** The Services that lead to the card by name: the one it names, and the one named like its workload. */
export function servicesNamed({ metadata, spec }: CachedCard): readonly string[] {
  const names = [spec.endpoint?.service, spec.targetRef?.name].filter((name) => name !== undefined);
  return [...new Set(names)].map((name) => `${metadata.namespace}/${name}`);
}

export function templatePairs({ metadata, workload }: CachedWorkload): readonly string[] {
  const labels = Object.entries(workload?.templateLabels ?? {});
  return labels.map(([key, value]) => pairKey(metadata.namespace, key, value));
}

export function labelPairs({ metadata }: KubeObject): readonly string[] {
  return Object.entries(metadata.labels ?? {}).map(([key, value]) => pairKey(metadata.namespace, key, value));
}

export function firstSelectorPair({ metadata, spec }: Service): readonly string[] {
  const [first] = Object.entries(spec?.selector ?? {}).sort();
  return first === undefined ? [] : [pairKey(metadata.namespace, ...first)];
}

export function serviceOf({ metadata }: EndpointSlice): readonly string[] {
  const name = metadata.labels?.[serviceNameLabel];
  return name === undefined ? [] : [`${metadata.namespace}/${name}`];
}

export function ownerUid(policy: NetworkPolicy): readonly string[] {
  const owner = owningCard(policy);
  return owner === undefined ? [] : [owner.uid];
}

/** Policies that are not ours, by the namespace where they may weaken ours. */
export function foreignIn(policy: NetworkPolicy): readonly string[] {
  return owningCard(policy) === undefined ? [policy.metadata.namespace ?? ''] : [];
}

/** The policy of a card, by the name that it has or would have. */
export function policyOf({ metadata, spec }: CachedCard): readonly string[] {
  return spec.targetRef === undefined ? [] : [`${metadata.namespace}/${policyName(spec.targetRef)}`];
}
