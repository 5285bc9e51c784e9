import type { Resource } from '@agentcard-operator/kube/objects';

/** Where the kinds live that are not Kubernetes' own. */
export const customResources = {
  agentCards: {
    group: 'agent.kagenti.dev',
    version: 'v1alpha1',
    plural: 'agentcards',
    kind: 'AgentCard',
    namespaced: true,
  },
  sandboxes: {
    group: 'agents.x-k8s.io',
    version: 'v1alpha1',
    plural: 'sandboxes',
    kind: 'Sandbox',
    namespaced: true,
  },
} as const satisfies Record<string, Resource>;
