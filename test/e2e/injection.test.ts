import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensureEnvoyImage } from '../cluster/base-images.ts';
import { terminalProgress } from '../cluster/progress.ts';
import { Agent, someProcessor } from './kit/agent.ts';
import { servedId } from './kit/certificate.ts';
import { operatorImage } from './kit/images.ts';
import { agentcard } from './kit/plugin.ts';
import { World } from './kit/world.ts';

let world: World;
let namespace: string;
let agent: Agent;
let image: string;
const label = { 'agent.kagenti.dev/inject': 'envoy' };

beforeAll(async () => {
  world = await World.open();
  image = await ensureEnvoyImage(terminalProgress());
  await world.cluster.loadImage(image);
  await world.install({ replicas: 1 });
  namespace = await world.namespace('injection');
  agent = new Agent(world, namespace, 'plain');
  await world.apply(...manifests({}), agent.agentCard({}));
});

afterAll(async () => {
  await world.kubectl('delete', 'namespace', namespace, '--wait=false');
});

/** An agent that knows nothing of SPIFFE: its container has neither socket nor certificate. */
function manifests(labels: object): object[] {
  const container = {
    name: 'agent',
    image: operatorImage,
    imagePullPolicy: 'Never',
    resources: someProcessor,
    command: ['node', '/app/test-tls-agent.mjs'],
    ports: [{ containerPort: 8000 }],
    env: [
      { name: 'AGENT_NAME', value: 'plain' },
      { name: 'HTTP_PORT', value: '8000' },
    ],
  };
  const meta = (more: object = {}) => ({ name: 'plain', namespace, ...more });
  const template = { metadata: { labels: { app: 'plain', ...labels } }, spec: { containers: [container] } };
  const own = { 'kagenti.io/type': 'agent', 'protocol.kagenti.io/a2a': '' };
  const service = { selector: { app: 'plain' }, ports: [{ port: 80, targetPort: 8000 }] };
  const selector = { matchLabels: { app: 'plain' } };
  return [
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: meta({ labels: own }), spec: { selector, template } },
    { apiVersion: 'v1', kind: 'Service', metadata: meta({ labels }), spec: service },
  ];
}

async function started(): Promise<void> {
  await world.kubectl('-n', namespace, 'rollout', 'status', 'deployment/plain', '--timeout=120s');
}

test('without injection the labels change nothing', async () => {
  await started();
  await agent.says({ Ready: 'False NotVerified' });
  await world.apply(...manifests(label));
  await started();
  expect((await agent.pods())[0]?.spec?.initContainers).toBeUndefined();
  await agent.says({ Ready: 'False NotVerified' });
});

test('with it a plain HTTP agent is proven by two labels, and explain names the port that stays open', async () => {
  await world.install({ replicas: 1, injection: { enabled: true, image, pullPolicy: 'Never' } });
  await world.apply(...manifests({}));
  await started();
  await world.apply(...manifests(label));
  await started();
  const { status } = await agent.says({
    Verified: 'True mTLSVerified',
    Bound: 'True Bound',
    Ready: 'True ReadyToServe',
    Enforced: 'True PolicyApplied',
  });
  const address = (await agent.pods())[0]?.status?.podIP ?? '';
  expect(status?.attestedAgentSpiffeId).toBe(`spiffe://example.org/ns/${namespace}/sa/default`);
  expect(await servedId(world, address)).toBe(status?.attestedAgentSpiffeId);
  await agent.wears(true);
  const { out } = await agentcard(world, 'explain', 'plain', '-n', namespace);
  expect(out).toContain('Port 8000 of plain is open beside its proxy');
  const templates = await world.kubectl('-n', namespace, 'get', 'deployment', 'plain', '-o', 'yaml');
  expect(templates).not.toContain('agentcard-envoy');
});

test('the proxy takes no client without an SVID', async () => {
  const address = (await agent.pods())[0]?.status?.podIP ?? '';
  const url = `https://${address}:8443/.well-known/agent-card.json`;
  const said = await world.cluster.exec(['sh', '-c', `curl --insecure --silent --max-time 5 ${url}; echo "exit $?"`]);
  expect(said).toMatch(/^exit [1-9]/);
});

test('the label taken off again takes the proxy and the trust along', async () => {
  await world.apply(...manifests({}));
  await world.kubectl('-n', namespace, 'label', 'service', 'plain', 'agent.kagenti.dev/inject-');
  const ports = JSON.stringify([
    { op: 'replace', path: '/spec/ports', value: [{ name: 'http', port: 80, targetPort: 8000 }] },
  ]);
  await world.kubectl('-n', namespace, 'patch', 'service', 'plain', '--type=json', '--patch', ports);
  await started();
  await agent.says({ Ready: 'False NotVerified' });
  await agent.wears(false);
});
