import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensureEnvoyImage } from '../cluster/base-images.ts';
import { terminalProgress } from '../cluster/progress.ts';
import { Agent } from './kit/agent.ts';
import { calmly, restartOperator } from './kit/calm.ts';
import { servedId } from './kit/certificate.ts';
import { operatorImage } from './kit/images.ts';
import { World } from './kit/world.ts';

let world: World;
let namespace: string;
let agent: Agent;

beforeAll(async () => {
  world = await World.open();
  await world.cluster.loadImage(await ensureEnvoyImage(terminalProgress()));
  await world.install({ replicas: 1 });
  namespace = await world.namespace('envoy');
  agent = new Agent(world, namespace, 'plain-agent');
  const manifest = await readFile('demos/envoy/agent-behind-envoy.yaml', 'utf8');
  await world.cluster.kubectl(
    ['-n', namespace, 'apply', '-f', '-'],
    manifest.replace('localhost/agentcard-operator:demo', operatorImage),
  );
});

afterAll(async () => {
  await world.kubectl('delete', 'namespace', namespace, '--wait=false');
});

const address = async () => (await agent.pods())[0]?.status?.podIP ?? '';

test('a plain agent behind Envoy is proven by the SVID that Envoy got from SPIRE', async () => {
  const { status } = await agent.says({
    Verified: 'True mTLSVerified',
    Bound: 'True Bound',
    Ready: 'True ReadyToServe',
    Enforced: 'True PolicyApplied',
  });
  expect(status).toMatchObject({ source: 'mtls', card: { name: 'plain-agent' } });
  expect(status?.attestedAgentSpiffeId).toBe(`spiffe://example.org/ns/${namespace}/sa/plain-agent`);
  expect(status?.attestedAgentSpiffeId).toBe(await servedId(world, await address()));
  await agent.wears(true);
});

test('Envoy takes no client without an SVID', async () => {
  const at = await address();
  // It shows its certificate to everybody, so the port is reached, and answers nobody who shows none.
  expect(await servedId(world, at)).toContain('/sa/plain-agent');
  const url = `https://${at}:8443/.well-known/agent-card.json`;
  const said = await world.cluster.exec(['sh', '-c', `curl --insecure --silent --max-time 5 ${url}; echo "exit $?"`]);
  expect(said).toMatch(/^exit [1-9]/);
});

test('a restart of the operator changes nothing', async () => {
  await calmly(world, () => restartOperator(world, 1));
});

test('an agent that dies behind its Envoy is absent, not guilty, and recovers', async () => {
  const [pod] = await agent.pods();
  if (pod !== undefined) await agent.restartContainer(pod, 'agent');
  // A restarted container is another instance: label and evidence went, and come back with its first answer.
  await agent.says({ Verified: 'True mTLSVerified', Ready: 'True ReadyToServe' });
  await agent.wears(true);
});
