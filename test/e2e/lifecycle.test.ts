import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Agent } from './kit/agent.ts';
import { asked, calmly } from './kit/calm.ts';
import { marks, plugin } from './kit/remains.ts';
import { operatorNamespace, patience, World } from './kit/world.ts';

let world: World;
let namespace: string;
let agents: readonly Agent[];

const release = 'agentcard-operator';
const one = { replicas: 1 };

beforeAll(async () => {
  world = await World.open();
});
afterAll(async () => {
  await world.kubectl('delete', 'namespace', namespace, '--wait=false', '--ignore-not-found');
});

/** The operator installed, and two agents that are Verified, labelled and protected. */
async function settle(): Promise<void> {
  await world.install(one);
  namespace = await world.namespace('lifecycle');
  agents = await Promise.all(['first', 'second'].map((name) => Agent.deploy(world, namespace, name)));
  for (const agent of agents) {
    await agent.says({ Verified: 'True mTLSVerified', Enforced: 'True PolicyApplied', Ready: 'True ReadyToServe' });
    await agent.wears(true);
  }
}

/** Until the only operator there is has asked every agent. */
async function allAsked(): Promise<void> {
  await vi.waitFor(async () => expect(await asked(world)).toBeGreaterThanOrEqual(agents.length), patience);
}

test('an installed operator verifies, and an upgrade, a rollback and a killed operator change nothing', async () => {
  await settle();
  const config = { 'metrics-bind-address': ':8080', 'fetch-timeout': '4s', 'log-level': 'debug' };
  await calmly(world, async () => {
    await world.install({ ...one, config });
    await world.kubectl('-n', operatorNamespace, 'rollout', 'status', `deployment/${release}`, '--timeout=60s');
    await allAsked();
  });
  await calmly(world, async () => {
    await world.cluster.helm(['rollback', release, '--namespace', operatorNamespace, '--wait', '--timeout', '90s']);
    await allAsked();
  });
  await calmly(world, async () => {
    const pods = ['-l', `app.kubernetes.io/name=${release}`, '--grace-period=0', '--force'];
    await world.kubectl('-n', operatorNamespace, 'delete', 'pod', ...pods);
    await allAsked();
  });
  for (const agent of agents) {
    await agent.says({ Verified: 'True mTLSVerified', Ready: 'True ReadyToServe' });
    await agent.wears(true);
  }
});

test('uninstalling leaves no policy, label or annotation, no rest of the clean-up, and no namespace that cannot go', async () => {
  expect(await marks(world)).not.toEqual([]);
  await world.uninstall();
  expect(await marks(world)).toEqual([]);
  const kinds = 'deployments,jobs,pods,leases,serviceaccounts,roles,rolebindings,configmaps';
  // Pods take a moment to end, of which helm does not wait for all.
  await vi.waitFor(async () => {
    const left = await world.kubectl('-n', operatorNamespace, 'get', kinds, '-o', 'name');
    expect(left.split('\n').filter((name) => /agentcard/.test(name))).toEqual([]);
  }, patience);
  expect(await world.kubectl('get', 'clusterroles,clusterrolebindings', '-o', 'name')).not.toContain(release);
  for (const agent of agents) {
    const { status } = await agent.says({ Ready: 'Unknown NotVerified', Verified: 'Unknown NotVerified' });
    expect(status).toMatchObject({ card: { name: agent.name }, source: 'mtls' });
    expect(status).not.toHaveProperty('policy');
    expect(status).not.toHaveProperty('bindingStatus');
  }
  await world.kubectl('delete', 'namespace', namespace, '--timeout=60s');
});

test('uninstalling leaves nothing either where the operator died first and its Lease still names it', async () => {
  await settle();
  await world.kubectl('-n', operatorNamespace, 'scale', `deployment/${release}`, '--replicas=0');
  await world.kubectl(
    '-n',
    operatorNamespace,
    'wait',
    '--for=delete',
    'pod',
    '-l',
    `app.kubernetes.io/name=${release}`,
  );
  const spec = { holderIdentity: 'a-dead-pod', leaseDurationSeconds: 15, renewTime: new Date().toISOString() };
  const lease = JSON.stringify({ spec: { ...spec, renewTime: spec.renewTime.replace('Z', '000Z') } });
  await world.kubectl('-n', operatorNamespace, 'patch', 'lease', release, '--type=merge', '-p', lease);
  expect(await marks(world)).not.toEqual([]);
  await world.uninstall();
  expect(await marks(world)).toEqual([]);
  await world.kubectl('delete', 'namespace', namespace, '--timeout=60s');
});

test('where the hook could not run, kubectl agentcard cleanup lists what is left and takes it off', async () => {
  await settle();
  await world.cluster.helm(['uninstall', release, '--namespace', operatorNamespace, '--no-hooks', '--wait']);
  const left = await marks(world);
  expect(left).not.toEqual([]);
  const listed = await plugin(world, 'cleanup', '-o', 'json');
  expect(listed).toMatchObject({ status: 0, err: '' });
  const named = (JSON.parse(listed.out) as { namespace: string; name: string }[]).map(
    (one) => `${one.namespace}/${one.name}`,
  );
  const cards = agents.map(({ name }) => `${namespace}/${name}`);
  expect(named.sort()).toEqual([...left, ...cards].sort());
  expect(await marks(world)).toEqual(left);
  const operator = `${operatorNamespace}/${release}`;
  expect(await plugin(world, 'cleanup', '--apply', '--operator', operator)).toMatchObject({ status: 0 });
  expect(await marks(world)).toEqual([]);
  expect(await plugin(world, 'cleanup')).toMatchObject({ status: 0, out: '' });
});
