import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { KubeObject, Pod } from '../../src/kube/objects.ts';
import { Agent } from './kit/agent.ts';
import { operatorNamespace, patience, World } from './kit/world.ts';

let world: World;
let namespace: string;

interface Lease extends KubeObject {
  readonly spec: { readonly holderIdentity?: string };
}

beforeAll(async () => {
  world = await World.open();
  await world.install({ replicas: 2 });
  namespace = await world.namespace('replicas');
});

afterAll(async () => {
  await world.kubectl('delete', 'namespace', namespace, '--wait=false');
});

const operators = async () =>
  (
    await world.json<{ items: Pod[] }>(
      '-n',
      operatorNamespace,
      'get',
      'pods',
      '-l',
      'app.kubernetes.io/name=agentcard-operator',
    )
  ).items;

async function leader(): Promise<string> {
  const lease = await world.json<Lease>('-n', operatorNamespace, 'get', 'lease', 'agentcard-operator');
  return lease.spec.holderIdentity?.split('_')[0] ?? '';
}

test('two replicas are ready, and one of them leads', async () => {
  const pods = await operators();
  expect(pods).toHaveLength(2);
  for (const { status } of pods) expect(status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True');
  expect(pods.map(({ metadata }) => metadata.name)).toContain(await leader());
});

test('a leader that is told to stop is followed by the standby, which goes on where it was', async () => {
  const agent = await Agent.deploy(world, namespace, 'first');
  await agent.says({ Ready: 'True ReadyToServe' });
  const before = await world.writes();
  const old = await leader();
  await world.kubectl('-n', operatorNamespace, 'delete', 'pod', old, '--wait=false');
  await vi.waitFor(async () => {
    const now = await leader();
    if (now === '' || now === old) throw new Error(`the lease is held by ${now}`);
  }, patience);
  await agent.refresh();
  await Agent.deploy(world, namespace, 'second').then((second) => second.says({ Ready: 'True ReadyToServe' }));
  const { status } = await agent.says({ Ready: 'True ReadyToServe', Verified: 'True mTLSVerified' });
  expect(status?.heldSince).toBeUndefined();
  await agent.wears(true);
  // What the second agent cost is all that was written: the change of leader itself wrote nothing about the first.
  const first = await world.json<KubeObject & { metadata: { managedFields?: { time?: string }[] } }>(
    '-n',
    namespace,
    'get',
    'agentcard',
    'first',
    '--show-managed-fields',
  );
  const after = await world.writes();
  expect((after['agentcards/status'] ?? 0) - (before['agentcards/status'] ?? 0)).toBeGreaterThan(0);
  expect(first.metadata.generation).toBe(1);
});

test('a killed leader is followed within its lease', async () => {
  const old = await leader();
  await world.kubectl('-n', operatorNamespace, 'delete', 'pod', old, '--grace-period=0', '--force', '--wait=false');
  await vi.waitFor(async () => {
    const now = await leader();
    if (now === '' || now === old) throw new Error(`the lease is held by ${now}`);
  }, patience);
  const third = await Agent.deploy(world, namespace, 'third');
  await third.says({ Ready: 'True ReadyToServe' });
});

test('a labelled workload gets a card, keeps it when it is deleted, and loses it to a hand-written one', async () => {
  const agent = new Agent(world, namespace, 'found');
  const [account, card, deployment, service] = agent.manifests({});
  await world.apply(...[account, deployment, service].flatMap((object) => object ?? []));
  await world.cardSays(namespace, 'found-deployment-card', { Ready: 'True ReadyToServe' });
  await world.kubectl('-n', namespace, 'delete', 'agentcard', 'found-deployment-card');
  const enforced = { Ready: 'True ReadyToServe', Enforced: 'True PolicyApplied' };
  await world.cardSays(namespace, 'found-deployment-card', enforced);
  const policy = () => world.json<KubeObject>('-n', namespace, 'get', 'networkpolicy', 'found-signature-policy');
  const { uid } = (await policy()).metadata;
  await world.apply(card ?? {});
  await agent.says(enforced);
  await world.kubectl('-n', namespace, 'wait', '--for=delete', 'agentcard/found-deployment-card', '--timeout=60s');
  // The same policy, in other hands: the agent was never without it.
  const { metadata } = await policy();
  expect(metadata.ownerReferences?.map(({ name }) => name)).toEqual(['found']);
  expect(metadata.uid).toBe(uid);
  await world.kubectl('-n', namespace, 'delete', 'agentcard', 'found');
  await world.cardSays(namespace, 'found-deployment-card', { Ready: 'True ReadyToServe' });
  await world.kubectl('-n', namespace, 'annotate', 'deployment', 'found', 'agent.kagenti.dev/auto-card=false');
  await vi.waitFor(async () => {
    expect(await world.kubectl('-n', namespace, 'get', 'agentcards', '-o', 'name')).not.toContain('found');
  }, patience);
  await agent.wears(false);
});
