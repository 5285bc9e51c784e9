import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { installAgentSandbox, removeAgentSandbox, serveSandboxes } from '../cluster/agent-sandbox.ts';
import { Agent } from './kit/agent.ts';
import { servedId } from './kit/certificate.ts';
import { agentcard } from './kit/plugin.ts';
import { signal } from './kit/signal.ts';
import { operatorNamespace, patience, World } from './kit/world.ts';

let world: World;
let namespace: string;
let agent: Agent;
const discovered = 'weather-sandbox-card';
const proven = { Synced: 'True SyncSucceeded', Verified: 'True mTLSVerified', Ready: 'True ReadyToServe' };

/** As the kind is served since Agent Sandbox 1.0. */
const newest = { v1beta1: true, v1alpha1: false };

/** A Sandbox of puppets that asks for the Service that its controller can make. */
function sandboxOf(agent: Agent): object {
  const deployment = agent.deployment({}, agent.name) as {
    metadata: object;
    spec: { template: { metadata: object; spec: { containers: object[] } } };
  };
  const { metadata, spec } = deployment.spec.template;
  const ports = [
    { name: 'http', containerPort: 8080 },
    { name: 'agent-tls', containerPort: 8443 },
  ];
  const containers = spec.containers.map((container) => ({ ...container, ports }));
  return {
    apiVersion: 'agents.x-k8s.io/v1beta1',
    kind: 'Sandbox',
    metadata: deployment.metadata,
    spec: { service: true, podTemplate: { metadata, spec: { ...spec, containers } } },
  };
}

/** Each time that a replica of the operator turned to a version of the kind. */
async function replicasReading(version: string): Promise<readonly string[]> {
  const pods = ['-n', operatorNamespace, 'logs', '-l', 'app.kubernetes.io/name=agentcard-operator', '--tail=-1'];
  const lines = (await world.kubectl(...pods)).split('\n').filter((line) => line.includes('"resource":"sandboxes"'));
  return lines.filter((line) => line.includes(`"version":"${version}"`));
}

const mode = (operatingMode: 'Running' | 'Suspended') =>
  world.kubectl(
    ...['-n', namespace, 'patch', 'sandboxes.v1beta1.agents.x-k8s.io', 'weather', '--type=merge', '-p'],
    JSON.stringify({ spec: { operatingMode } }),
  );

beforeAll(async () => {
  world = await World.open();
  // The operator first: the kind comes while it runs.
  await world.install();
  await installAgentSandbox(world.cluster, newest);
  namespace = await world.namespace('sandbox');
  // No workload of another kind keeps a Sandbox from being enforced.
  await Agent.deploy(world, namespace, 'neighbour');
  agent = new Agent(world, namespace, 'weather');
  await world.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'weather', namespace } });
  await world.apply(sandboxOf(agent));
});

afterAll(async () => {
  await world.kubectl('delete', 'namespace', namespace, '--ignore-not-found');
  await removeAgentSandbox(world.cluster);
});

describe('a Sandbox, of which the cluster serves v1beta1 alone', () => {
  test('is discovered, and proven over mutual TLS', async () => {
    const wanted = { ...proven, Bound: 'True Bound', Enforced: 'True PolicyApplied' };
    const { spec, status } = await world.cardSays(namespace, discovered, wanted);
    const target = { apiVersion: 'agents.x-k8s.io/v1beta1', kind: 'Sandbox', name: 'weather' };
    expect([spec.targetRef, status?.targetRef]).toEqual([target, target]);
    const [pod] = await agent.pods();
    expect(status?.attestedAgentSpiffeId).toBe(`spiffe://example.org/ns/${namespace}/sa/weather`);
    expect(status?.attestedAgentSpiffeId).toBe(await servedId(world, pod?.status?.podIP ?? ''));
    await agent.wears(true);
  });

  test('is what a card means that names the older version', async () => {
    const targetRef = { apiVersion: 'agents.x-k8s.io/v1alpha1', kind: 'Sandbox', name: 'weather' };
    await world.apply(agent.agentCard({ spec: { targetRef } }));
    await agent.says({ ...proven, Enforced: 'True PolicyApplied' });
    const { out } = await agentcard(world, 'explain', 'weather', '-n', namespace);
    expect(out).toContain('Sandbox weather');
  });

  test('is told to be suspended while it has no pod', async () => {
    await mode('Suspended');
    const { status } = await agent.says({
      Synced: 'False WorkloadNotReady',
      Verified: 'True EvidenceHeld',
      Ready: 'False WorkloadNotReady',
    });
    const synced = status?.conditions?.find(({ type }) => type === 'Synced');
    expect(synced?.message).toMatch(/^Sandbox weather is suspended\./);
  });

  test('is proven anew when it is resumed', async () => {
    const before = (await agent.pods()).map(({ metadata }) => metadata.uid);
    await mode('Running');
    await agent.says({ ...proven, Enforced: 'True PolicyApplied' });
    await agent.wears(true);
    const [pod] = await agent.pods();
    expect(before).not.toContain(pod?.metadata.uid);
  });

  describe('when its kind changes the version', () => {
    // The garbage collector takes an owner for gone whose version is not served, and would delete the pod: it rests meanwhile.
    beforeAll(() => signal(world, 'kube-controller-manager', 'STOP'));
    afterAll(() => signal(world, 'kube-controller-manager', 'CONT'));

    test.each(['v1alpha1', 'v1beta1'])(
      'stays proven while the cluster comes to serve %s alone, and is seen in it',
      async (version) => {
        const since = async () => {
          const { status } = await agent.says(proven);
          return status?.conditions?.find(({ type }) => type === 'Verified')?.lastTransitionTime;
        };
        const before = await since();
        const told = (await replicasReading(version)).length;
        await serveSandboxes(world.cluster, { ...{ v1alpha1: false, v1beta1: false }, [version]: true });
        await expect.poll(async () => (await replicasReading(version)).length, patience).toBeGreaterThan(told);
        expect(await since()).toBe(before);
        await agent.wears(true);
        const label = ['-n', namespace, 'label', `sandboxes.${version}.agents.x-k8s.io`, 'weather'];
        await world.kubectl(...label, 'kagenti.io/type-');
        await agent.says({ Synced: 'False NotAgentWorkload' });
        await world.kubectl(...label, 'kagenti.io/type=agent');
        await agent.says(proven);
      },
    );
  });

  test('leaves nothing of ours when it goes', async () => {
    await world.kubectl('-n', namespace, 'delete', 'agentcard', 'weather');
    await world.cardSays(namespace, discovered, proven);
    await world.kubectl('-n', namespace, 'delete', 'sandboxes.v1beta1.agents.x-k8s.io', 'weather');
    await expect
      .poll(() => world.kubectl('-n', namespace, 'get', 'agentcards,networkpolicies', '-o', 'name'), {
        timeout: 120_000,
      })
      .not.toContain('weather');
  });
});
