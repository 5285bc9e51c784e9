import type { World } from './world.ts';

const finalizers = ['agentcard.kagenti.dev/finalizer', 'agentcard.kagenti.dev/network-policy'];
const verified = { 'agent.kagenti.dev/signature-verified': 'true' };

export interface Left {
  readonly namespace: string;
  readonly name: string;
  /** As the Go operator's webhook and its API created them: by hand, or for their workload. */
  readonly auto?: boolean;
}

/** What the Go operator leaves of one agent in whose place it wrote: card, template, workload and NetworkPolicy. */
export async function leaveBehind(world: World, { namespace, name, auto = false }: Left): Promise<void> {
  const targetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name };
  const cardName = auto ? `${name}-deployment-card` : name;
  const { metadata } = await world.json<{ metadata: { uid: string } }>('-n', namespace, 'get', 'deployment', name);
  const owner = { ...targetRef, uid: metadata.uid, controller: true, blockOwnerDeletion: true };
  const autoMetadata = { labels: { 'app.kubernetes.io/managed-by': 'kagenti-operator' }, ownerReferences: [owner] };
  await world.apply({
    apiVersion: 'agent.kagenti.dev/v1alpha1',
    kind: 'AgentCard',
    metadata: { name: cardName, namespace, finalizers, ...(auto ? autoMetadata : {}) },
    spec: { syncPeriod: '30s', targetRef, identityBinding: { strict: false } },
  });
  const annotations = { 'agentcard.kagenti.dev/resign-trigger': '2026-01-01T00:00:00Z' };
  const template = { spec: { template: { metadata: { labels: verified, annotations } } } };
  const own = {
    [`verified-state.agent.kagenti.dev/${cardName}`]: 'true',
    'agentcard.kagenti.dev/bundle-hash': 'abc',
  };
  const patch = JSON.stringify({ metadata: { annotations: own }, ...template });
  await world.kubectl('-n', namespace, 'patch', 'deployment', name, '--type=merge', '-p', patch);
  await world.kubectl('-n', namespace, 'rollout', 'status', `deployment/${name}`, '--timeout=60s');
  await world.apply(policyOf(namespace, name, cardName));
}

/** The permissive policy: every label of the template in its selector, all egress. */
function policyOf(namespace: string, name: string, card: string): object {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: {
      name: `${name}-signature-policy`,
      namespace,
      labels: {
        'app.kubernetes.io/managed-by': 'kagenti-operator',
        'kagenti.dev/agentcard': card,
        'kagenti.dev/policy-type': 'identity-verification',
      },
    },
    spec: {
      podSelector: { matchLabels: { app: name, ...verified } },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ from: [{ podSelector: { matchLabels: verified } }] }],
      egress: [{}],
    },
  };
}
