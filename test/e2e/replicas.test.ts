import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { KubeObject, Pod } from '../../src/kube/objects.ts';
import type { AgentCard } from '../../src/operator/api/agentcard.ts';
import { Agent } from './kit/agent.ts';
import { askedBy, calmly } from './kit/calm.ts';
import { type Held, killOperator, leaseOf } from './kit/replicas.ts';
import { operatorNamespace, patience, World } from './kit/world.ts';

let world: World;
let namespace: string;

/** By the figures of the election: the Lease is released, and the standby looks within 1.8 s. */
const handoverMs = 2_000;

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

const lease = () => leaseOf(world);

const untilHeldBy = (pod: string) => untilHeld((holder) => holder === pod);

function untilHeld(asWanted: (holder: string) => boolean): Promise<Held> {
  return vi.waitFor(async () => {
    const now = await lease();
    if (!asWanted(now.holder)) throw new Error(`the lease is held by ${now.holder}`);
    return now;
  }, patience);
}

/** The replica that does not lead and stays. */
async function other(pod: string): Promise<string> {
  const staying = (await operators()).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const [found, ...more] = staying.map(({ metadata }) => metadata.name).filter((name) => name !== pod);
  if (found === undefined || more.length > 0) throw new Error(`replicas besides ${pod}: ${[found, ...more].join()}`);
  return found;
}

/** Until both replicas are ready, and nothing is left of others. */
async function rollout(): Promise<void> {
  await vi.waitFor(async () => {
    const ready = (await operators()).map(isReady);
    expect(ready).toEqual([true, true]);
  }, patience);
}

const isReady = ({ status }: Pod) =>
  status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True');

/** As kubectl drain does it. */
async function evict(pod: string): Promise<void> {
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: pod, namespace: operatorNamespace } };
  const path = `/api/v1/namespaces/${operatorNamespace}/pods/${pod}/eviction`;
  await world.cluster.kubectl(['create', '--raw', path, '-f', '-'], JSON.stringify(eviction));
}

/** Drops what the pod sends to the API server, while answers still come; returns how to end that. */
async function cutOff(pod: string): Promise<() => Promise<void>> {
  const { status } = await world.json<Pod>('-n', operatorNamespace, 'get', 'pod', pod);
  const { spec } = await world.json<{ spec: { clusterIP: string } }>('-n', 'default', 'get', 'service', 'kubernetes');
  const rule = ['PREROUTING', '-s', status?.podIPs?.[0]?.ip ?? '', '-d', spec.clusterIP, '-j', 'DROP'];
  // Before addresses are translated, so that open connections are cut as well.
  const change = (how: '-I' | '-D') => world.cluster.exec(['iptables', '-w', '-t', 'mangle', how, ...rule]);
  await change('-I');
  return async () => void (await change('-D'));
}

const logsOf = (pod: string, ...more: string[]) => world.kubectl('-n', operatorNamespace, 'logs', pod, ...more);

/** When a process said last whether it leads, which must be so. */
function ledAt(log: string, leads: boolean): number {
  const lines = log.split('\n').filter((line) => line.startsWith('{'));
  const said = lines.map((line) => JSON.parse(line) as { time: string; message: string; leads?: boolean });
  const last = said.findLast(({ message }) => message === 'leadership changed');
  if (last?.leads !== leads) throw new Error(`it leads: ${last?.leads}; it ended with\n${lines.slice(-3).join('\n')}`);
  return Date.parse(last.time);
}

async function servedBy(agent: Agent): Promise<object> {
  const { status } = await agent.says({});
  return status?.card ?? {};
}

test('two replicas are ready, and one of them leads', async () => {
  // Those of an earlier installation take a moment to end.
  await rollout();
  const names = (await operators()).map(({ metadata }) => metadata.name);
  await untilHeld((holder) => names.includes(holder));
});

test('a leader that is drained is followed at once; nothing is written, and no second one may go meanwhile', async () => {
  const agent = await Agent.deploy(world, namespace, 'first');
  await agent.says({ Ready: 'True ReadyToServe' });
  await agent.wears(true);
  await rollout();
  const before = await lease();
  const standby = await other(before.holder);
  let after = before;
  await calmly(world, async () => {
    const asked = Date.now();
    await evict(before.holder);
    await expect(evict(standby)).rejects.toThrow('disruption budget');
    // On a slow machine the pod that comes in place of the drained one may be as quick as the standby.
    after = await untilHeld((holder) => holder !== '' && holder !== before.holder);
    expect(after.transitions).toBe(before.transitions + 1);
    expect(after.acquired - asked).toBeLessThan(10 * handoverMs);
    await vi.waitFor(async () => expect(await askedBy(world, after.holder)).toBeGreaterThan(0), patience);
  });
  await rollout();
  expect(await lease()).toMatchObject({ holder: after.holder, transitions: before.transitions + 1 });
  // Both are ready again, so the next one may go.
  await vi.waitFor(async () => evict(await other(after.holder)), patience);
  await rollout();
});

test('a leader cut off from the API server stops before the standby follows, and comes back as the standby', async () => {
  const agent = await Agent.deploy(world, namespace, 'second', { spec: { syncPeriod: '5s' } });
  const { status: first } = await agent.says({ Ready: 'True ReadyToServe' });
  const readySince = first?.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime;
  await agent.wears(true);
  await rollout();
  const before = await lease();
  const standby = await other(before.holder);
  // To the end of its process: while it is cut off, those that come after it end too, and soon nothing of it can be read.
  const said = logsOf(before.holder, '--follow');
  const heal = await cutOff(before.holder);
  let told: AgentCard;
  try {
    // Something to write for both of them.
    await agent.play('good', { ...(await servedBy(agent)), description: 'Changed while the leader was cut off.' });
    const stopped = ledAt(await said, false);
    const after = await untilHeldBy(standby);
    expect(after.transitions).toBe(before.transitions + 1);
    const followed = await vi.waitFor(async () => ledAt(await logsOf(standby), true), patience);
    expect(stopped).toBeLessThan(followed);
    told = await vi.waitFor(async () => {
      const card = await agent.says({ Ready: 'True ReadyToServe', Verified: 'True mTLSVerified' });
      expect(card).toMatchObject(changed);
      return card;
    }, patience);
  } finally {
    await heal();
  }
  await rollout();
  expect(await lease()).toMatchObject({ holder: standby, transitions: before.transitions + 1 });
  // Nothing of the old leader's arrived late, and the change was told by one write.
  const { metadata, status } = await world.card(namespace, 'second');
  expect(metadata.resourceVersion).toBe(told.metadata.resourceVersion);
  expect(status?.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime).toBe(readySince);
  await agent.wears(true);
});

const changed = { status: { card: { description: 'Changed while the leader was cut off.' } } };

test('a killed leader is followed once its lease has run out, and nothing is written', async () => {
  const before = await lease();
  await calmly(world, async () => {
    await killOperator(world, before.holder);
    const after = await vi.waitFor(async () => {
      const now = await lease();
      // The killed container may be back in time to win: under another identity.
      expect(now.identity).not.toBe(before.identity);
      return now;
    }, patience);
    expect(after.transitions).toBe(before.transitions + 1);
    await vi.waitFor(async () => expect(await askedBy(world, after.holder)).toBeGreaterThan(0), patience);
  });
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
