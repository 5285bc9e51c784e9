import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Pod } from '../../src/kube/objects.ts';
import { Agent, someProcessor } from './kit/agent.ts';
import { AgentWrites } from './kit/agent-writes.ts';
import { asked, settled } from './kit/calm.ts';
import type { Passage } from './kit/dial.ts';
import { puppetImage } from './kit/images.ts';
import { Matrix, type Passages } from './kit/matrix.ts';
import { agentcard } from './kit/plugin.ts';
import { operatorNamespace, patience, World } from './kit/world.ts';

const agents = ['weather', 'caller', 'plain', 'jail'] as const;
const targets = [...agents, 'bystander'] as const;

let world: World;
let home: string;
let abroad: string;
let matrix: Matrix<(typeof targets)[number] | 'friend' | 'stranger'>;
/** What explain said in mode off of how things would be with enforcement. */
let forecast: Passages;

beforeAll(async () => {
  world = await World.open();
  await world.install({ enforcement: { mode: 'off' } });
  home = await world.namespace('home');
  abroad = await world.namespace('abroad');
  // Older than every other card, and without a workload until a test gives it one.
  await world.apply(elder('nowhere'));
  await Promise.all([
    Agent.deploy(world, home, 'weather'),
    Agent.deploy(world, home, 'caller'),
    Agent.deploy(world, home, 'plain', { tls: false }),
    Agent.deploy(world, home, 'jail', { spec: { quarantine: { reason: 'incident 7' } } }),
    Agent.deploy(world, abroad, 'friend'),
    plainPod(home, 'bystander'),
    plainPod(abroad, 'stranger'),
  ]);
  await world.apply(allowStranger());
  const here = Object.fromEntries(targets.map((name) => [name, home])) as Record<(typeof targets)[number], string>;
  matrix = new Matrix(world, { ...here, friend: abroad, stranger: abroad }, agents);
  await matrix.locate();
  await Promise.all([
    says(home, 'weather', { Ready: 'True ReadyToServe', Enforced: 'False Off' }),
    says(home, 'caller', { Ready: 'True ReadyToServe' }),
    says(home, 'plain', { Ready: 'False NotVerified' }),
    says(home, 'jail', { Ready: 'False Quarantined', Enforced: 'True PolicyApplied' }),
    says(abroad, 'friend', { Ready: 'True ReadyToServe' }),
  ]);
}, 300_000);

afterAll(async () => {
  await world.kubectl('delete', 'namespace', home, abroad, '--wait=false', '--ignore-not-found');
});

const says = (namespace: string, name: string, wanted: Readonly<Record<string, string>>) =>
  world.cardSays(namespace, name, wanted);

async function plainPod(namespace: string, name: string): Promise<void> {
  const container = {
    name: 'agent',
    image: puppetImage,
    imagePullPolicy: 'Never',
    resources: someProcessor,
    command: ['node', '/app/puppet.mjs'],
  };
  const spec = { containers: [container], terminationGracePeriodSeconds: 0 };
  await world.apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels: { app: name } }, spec });
  await world.kubectl('-n', namespace, 'wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s');
}

function elder(target: string) {
  const card = new Agent(world, home, 'elder').agentCard({}) as { spec: { targetRef: object } };
  return { ...card, spec: { targetRef: { ...card.spec.targetRef, name: target } } };
}

/** Somebody else's policy: it closes weather to all but one foreign pod and the operator, in every mode. */
function allowStranger() {
  const named = (name: string) => ({ matchLabels: { 'kubernetes.io/metadata.name': name } });
  const stranger = { namespaceSelector: named(abroad), podSelector: { matchLabels: { app: 'stranger' } } };
  const from = [stranger, { namespaceSelector: named(operatorNamespace) }];
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'allow-stranger', namespace: home },
    spec: { podSelector: { matchLabels: { app: 'weather' } }, policyTypes: ['Ingress'], ingress: [{ from }] },
  };
}

async function policies(): Promise<string[]> {
  const names = await world.kubectl('-n', home, 'get', 'networkpolicies', '-o', 'name');
  return names
    .trim()
    .split('\n')
    .map((name) => name.split('/')[1] ?? '')
    .sort();
}

async function mode(value: 'off' | 'audit' | 'enforce'): Promise<void> {
  for (const namespace of [home, abroad]) {
    await world.kubectl('label', '--overwrite', 'namespace', namespace, `agent.kagenti.dev/enforcement=${value}`);
  }
}

describe('off', () => {
  test('nothing of ours closes anything but the quarantined agent, and explain says so', async () => {
    const said = await matrix.explained('now');
    expect(Object.keys(said).length).toBeGreaterThan(30);
    await matrix.packetsAre(said);
    expect(said['operator → jail']).toBe('open');
    expect(said['bystander → jail']).toBe('closed');
    expect(said['jail → DNS']).toBe('closed');
    expect(said['bystander → plain']).toBe('open');
    expect(said['stranger → weather']).toBe('open');
    expect(said['caller → weather']).toBe('closed');
    expect(await policies()).toEqual(['allow-stranger', 'jail-signature-policy']);
    forecast = await matrix.explained('enforced');
    expect(forecast['bystander → plain']).toBe('closed');
  });

  test('explain is a tree that says what to do', async () => {
    const { out, status } = await agentcard(world, 'explain', 'plain', '-n', home);
    expect(status).toBe(1);
    expect(out).toMatch(/^AgentCard home-\w+\/plain: Deployment plain\n├─ Ready False NotVerified\n/);
    expect(out).toContain('what to do: Serve the card over SPIFFE mutual TLS');
    expect(out).toMatch(/enforcing would close it to\n(.*\n)*.*\/bystander/);
    const all = await agentcard(world, 'explain', '--all');
    expect(all.out).toContain('Quarantined: 1.');
    expect(all.out).toMatch(
      new RegExp(`${home}: 5 cards, off\\n.*enforcing would close to all but the operator\\n.*${home}/plain`),
    );
  });
});

describe('audit', () => {
  test('writes no policy, closes nothing, and says what enforcement would do', async () => {
    await settled(world);
    const before = await world.writes();
    await mode('audit');
    const card = await says(home, 'weather', { Enforced: 'False Audit', Ready: 'True ReadyToServe' });
    const message = card.status?.conditions?.find(({ type }) => type === 'Enforced')?.message;
    expect(message).toContain('NetworkPolicy weather-signature-policy would be written');
    expect(message).toContain('NetworkPolicy allow-stranger lets more callers in than ours');
    await says(home, 'jail', { Enforced: 'True PolicyApplied' });
    await matrix.packetsAre(await matrix.explained('now'));
    expect((await world.writes()).networkpolicies).toBe(before.networkpolicies);
    expect(await policies()).toEqual(['allow-stranger', 'jail-signature-policy']);
  });
});

describe('enforce', () => {
  test('packets go as explain had foretold in mode off', async () => {
    await mode('enforce');
    await says(home, 'weather', { Enforced: 'False Weakened', Ready: 'True ReadyToServe' });
    await says(home, 'plain', { Enforced: 'True PolicyApplied' });
    const all = await matrix.packetsAre(forecast);
    expect(await matrix.explained('now')).toEqual(forecast);
    expect(all).toMatchObject({
      'caller → weather': 'open',
      'friend → weather': 'open',
      'stranger → weather': 'open',
      'bystander → weather': 'closed',
      'stranger → caller': 'closed',
      'plain → caller': 'closed',
      'plain → DNS': 'open',
      'plain → the API server': 'open',
      'caller → plain': 'closed',
      'operator → plain': 'open',
      'operator → jail': 'open',
      'jail → the API server': 'closed',
      'weather → bystander': 'open',
      'plain → bystander': 'closed',
      'stranger → bystander': 'open',
    });
  });

  test('an agent that is ready only with its database is proven, let out, and ready', async () => {
    const script = `require('node:net').connect(8080, '${matrix.at('bystander').address}').on('connect', () => process.exit(0)).on('error', () => process.exit(1))`;
    const exec = { command: ['node', '-e', script] };
    const needy = await Agent.deploy(world, home, 'needy', {
      readinessProbe: { exec, periodSeconds: 2, timeoutSeconds: 5 },
    });
    await needy.says({ Ready: 'True ReadyToServe', Enforced: 'True PolicyApplied' });
    await world.kubectl('-n', home, 'delete', 'deployment,service,agentcard', 'needy');
    await world.kubectl('-n', home, 'wait', '--for=delete', 'pod', '-l', 'app=needy', '--timeout=60s');
    await vi.waitFor(async () => expect(await policies()).not.toContain('needy-signature-policy'), patience);
  });

  test('of two cards on one workload the older takes over the policy, which is there all the time', async () => {
    type Policy = { metadata: { uid: string; ownerReferences: { name: string }[] } };
    const policy = () => world.json<Policy>('-n', home, 'get', 'networkpolicy', 'plain-signature-policy');
    const { uid } = (await policy()).metadata;
    await world.apply(elder('plain'));
    await says(home, 'plain', { Synced: 'False Conflict' });
    await says(home, 'elder', { Synced: 'True SyncSucceeded', Enforced: 'True PolicyApplied' });
    const { metadata } = await policy();
    expect(metadata.ownerReferences.map(({ name }) => name)).toEqual(['elder']);
    expect(metadata.uid).toBe(uid);
    await world.apply(elder('nowhere'));
    await says(home, 'plain', { Synced: 'True SyncSucceeded', Enforced: 'True PolicyApplied' });
    await says(home, 'elder', { Synced: 'False WorkloadNotFound' });
  });

  test("one agent's flip costs three writes, the next reconcile none, and no workload is touched", async () => {
    const agent = new Agent(world, home, 'caller');
    using writes = await AgentWrites.of(agent);
    const before = {
      workloads: await workloadWrites(),
      pods: await agent.pods(),
      restarts: await agent.restarts(),
    };
    const each = (count: number) => ({ status: count, policy: count, label: count });
    await world.apply(agent.service(false));
    await agent.says({ Ready: 'False NotVerified', Enforced: 'True PolicyApplied' });
    await agent.wears(false);
    // Once the rules are in force, since packets can be lost while the node changes them, and a lost question is told.
    await matrix.passes('weather → caller', 'closed');
    expect(writes.counts).toEqual(each(1));
    await world.apply(agent.service(true));
    await agent.says({ Ready: 'True ReadyToServe', Enforced: 'True PolicyApplied' });
    await agent.wears(true);
    await matrix.passes('weather → caller', 'open');
    expect(writes.counts).toEqual(each(2));
    const asks = await asked(world);
    await agent.refresh();
    await vi.waitFor(async () => expect(await asked(world)).toBeGreaterThan(asks), patience);
    await agent.says({ Ready: 'True ReadyToServe' });
    expect(writes.counts).toEqual(each(2));
    expect(await workloadWrites()).toEqual(before.workloads);
    const uids = (pods: readonly Pod[]) => pods.map(({ metadata }) => metadata.uid);
    expect(uids(await agent.pods())).toEqual(uids(before.pods));
    expect(await agent.restarts()).toBe(before.restarts);
  });
});

describe('quarantine', () => {
  test.each([
    ['an agent that answers', 'good'],
    ['a silent one', 'silent'],
  ] as const)('cuts %s off, and a release lets it back', async (who, part) => {
    const agent = new Agent(world, home, 'caller');
    await agent.play(part);
    await agent.says({ Verified: part === 'good' ? 'True mTLSVerified' : 'True EvidenceHeld' });
    using out = matrix.attempts('caller → weather');
    using into = matrix.attempts('weather → caller');
    const turned = async (passage: Passage, since: number) => ({
      out: await out.turned(passage, since),
      into: await into.turned(passage, since),
    });
    await turned('open', 0);
    expect((await agentcard(world, 'quarantine', 'caller', '-n', home, '--reason', 'drill')).status).toBe(0);
    const closed = await turned('closed', Date.now());
    await matrix.passes('operator → caller', 'open');
    await agent.wears(false);
    await agent.says({ Ready: 'False Quarantined', Enforced: 'True PolicyApplied' });
    expect((await agentcard(world, 'release', 'caller', '-n', home)).status).toBe(0);
    const opened = await turned('open', Date.now());
    console.log(`${who}: ms to closed ${JSON.stringify(closed)}, to open again ${JSON.stringify(opened)}`);
    expect(Math.max(closed.out, closed.into, opened.out, opened.into)).toBeLessThan(20_000);
    await agent.play('good');
    await agent.says({ Ready: 'True ReadyToServe' });
  });

  test('by the list cannot be lifted by any card', async () => {
    const listed = (entries: string) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'agentcard-quarantine', namespace: operatorNamespace },
      data: { entries },
    });
    const id = `spiffe://example.org/ns/${home}/sa/caller`;
    await world.apply(listed(JSON.stringify([{ spiffeId: id, reason: 'key stolen' }])));
    await says(home, 'caller', { Ready: 'False Quarantined', Enforced: 'True PolicyApplied' });
    await matrix.passes('caller → weather', 'closed');
    const told = await agentcard(world, 'release', 'caller', '-n', home);
    expect(told.err).toContain(`Quarantined by ConfigMap agentcard-quarantine (spiffeId ${id}): key stolen.`);
    await world.apply(listed('oops'));
    await vi.waitFor(async () => {
      const events = await world.kubectl(
        '-n',
        operatorNamespace,
        'get',
        'events',
        '-o',
        'custom-columns=R:.reason,O:.involvedObject.name',
      );
      expect(events).toMatch(/QuarantineListMalformed +agentcard-quarantine/);
    }, patience);
    await says(home, 'caller', { Ready: 'False Quarantined' });
    await world.kubectl('-n', operatorNamespace, 'delete', 'configmap', 'agentcard-quarantine');
    await says(home, 'caller', { Ready: 'True ReadyToServe' });
    await matrix.passes('caller → weather', 'open');
  });
});

test('an approved card is trusted until it changes, and again when that is approved', async () => {
  const agent = new Agent(world, home, 'caller');
  expect((await agentcard(world, 'approve', 'caller', '-n', home)).out).toContain('is approved as');
  await agent.says({ Ready: 'True ReadyToServe', Verified: 'True mTLSVerified' });
  const card = (await world.card(home, 'caller')).status?.card ?? {};
  await agent.play('good', { ...card, version: '2.0.0' });
  await agent.says({ Ready: 'False CardNotApproved', Synced: 'True SyncSucceeded' });
  await agentcard(world, 'approve', 'caller', '-n', home);
  await agent.says({ Ready: 'True ReadyToServe' });
});

describe('off again', () => {
  test("leaves no policy of ours but the quarantine's, and restores all other traffic", async () => {
    await mode('off');
    await says(home, 'weather', { Enforced: 'False Off', Ready: 'True ReadyToServe' });
    await matrix.packetsAre(await matrix.explained('now'));
    expect((await matrix.packets())['bystander → plain']).toBe('open');
    expect(await policies()).toEqual(['allow-stranger', 'jail-signature-policy']);
    await new Agent(world, home, 'weather').wears(true);
  });

  test('a card that is deleted takes its policy and the label along', async () => {
    await world.kubectl('-n', home, 'delete', 'agentcard', 'jail');
    await world.kubectl('-n', home, 'annotate', 'deployment', 'weather', 'agent.kagenti.dev/auto-card=false');
    await world.kubectl('-n', home, 'delete', 'agentcard', 'weather');
    await new Agent(world, home, 'weather').wears(false);
    await vi.waitFor(async () => expect(await policies()).toEqual(['allow-stranger']), patience);
  });
});

/** Writes to workload objects, and ends of pods, that the API server has answered; only what people apply should count. */
async function workloadWrites(): Promise<number> {
  const text = await world.kubectl('get', '--raw', '/metrics');
  const workloads =
    /^apiserver_request_total\{(?=.*resource="(?:deployments|statefulsets|replicasets|sandboxes)")(?=.*subresource="")(?=.*verb="(?:PATCH|PUT|POST|DELETE|APPLY)").*\} (\d+)$/gm;
  const pods =
    /^apiserver_request_total\{(?=.*resource="pods")(?=.*(?:subresource="eviction"|subresource="".*verb="DELETE")).*\} (\d+)$/gm;
  return [workloads, pods].flatMap((counted) => [...text.matchAll(counted)]).reduce((all, [, n]) => all + Number(n), 0);
}
