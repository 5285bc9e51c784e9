import type { Resource } from '@agentcard-operator/kube/objects';
import { apiGroup } from './labels.ts';

/** Where the kinds live that are not Kubernetes' own. */
export const customResources = {
  agentCards: { group: apiGroup, plural: 'agentcards', kind: 'AgentCard', version: 'v1alpha1', namespaced: true },
  sandboxes: { group: 'agents.x-k8s.io', plural: 'sandboxes', kind: 'Sandbox', version: 'v1beta1', namespaced: true },
} as const satisfies Record<string, Resource>;

/** The versions of Sandboxes that are read, the best first. */
export const sandboxVersions: readonly string[] = [customResources.sandboxes.version, 'v1alpha1'];
