import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { cardKind, labelGuard, type Project } from '../cluster/go-operator.ts';
import { Agent } from './kit/agent.ts';
import { leaveBehind } from './kit/predecessor.ts';
import { plugin } from './kit/remains.ts';
import { patience, World } from './kit/world.ts';

const renamedKind = 'agentcards.agent.rossoctl.dev';

let world: World;
let namespace: string;
let written: Agent;
let created: Agent;
let unproven: Agent;
let renamed: Agent;

/** An agent as it stood under the Go operator, before this one came. */
async function inherited(
  name: string,
  options: { tls?: boolean; auto?: boolean; project?: Project } = {},
): Promise<Agent> {
  const agent = new Agent(world, namespace, name);
  await world.apply(...agent.manifests(options).filter((object) => !('kind' in object) || object.kind !== 'AgentCard'));
  await world.kubectl('-n', namespace, 'rollout', 'status', `deployment/${name}`, '--timeout=60s');
  await leaveBehind(world, { namespace, name, auto: options.auto ?? false, project: options.project ?? 'kagenti' });
  return agent;
}

/** As an AgentRuntime labels a workload, under the newer name, and nobody else may. */
async function runtimeLabels(name: string): Promise<void> {
  const labels = ['rossoctl.io/type=agent', 'app.kubernetes.io/managed-by=rossoctl-operator'];
  const gone = ['kagenti.io/type-', 'protocol.kagenti.io/a2a-'];
  await world.kubectl('-n', namespace, 'label', 'deployment', name, '--overwrite', ...labels, ...gone);
  await world.apply(...labelGuard('rossoctl', namespace));
}

beforeAll(async () => {
  world = await World.open();
  await world.uninstall();
  // The kind stays at uninstall; on a fresh node there is none yet.
  await world.kubectl('apply', '--server-side', '--force-conflicts', '-f', 'config/crd/agentcards.yaml');
  await world.apply(cardKind('rossoctl'));
  await world.kubectl('wait', '--for=condition=Established', `crd/${renamedKind}`, '--timeout=60s');
  namespace = await world.namespace('migration');
  [written, created, unproven, renamed] = await Promise.all([
    inherited('written'),
    inherited('created', { auto: true }),
    inherited('unproven', { tls: false }),
    inherited('renamed', { project: 'rossoctl' }),
  ]);
  await runtimeLabels('renamed');
});
afterAll(async () => {
  await world.kubectl('delete', 'namespace', namespace, '--wait=false', '--ignore-not-found');
  await world.kubectl('delete', 'crd', renamedKind, '--wait=false', '--ignore-not-found');
});

test('migrate lists what the Go operator left, and changes nothing by that', async () => {
  const { status, out } = await plugin(world, 'migrate', '--namespaces', namespace, '-o', 'wide');
  expect(status).toBe(0);
  const about = (kind: string, name: string) =>
    out
      .split('\n')
      .filter((line) => line.includes(` ${kind} `) && line.includes(` ${name} `))
      .map((line) => line.split(/ {3,}/).slice(3).join('; '));
  expect(about('AgentCard', 'written')).toEqual([
    'finalizers of the Go operator',
    'strict: false, which was the default; another identity than the expected one fails the card from then on',
  ]);
  expect(about('AgentCard', 'created-deployment-card')).toContain('created for its workload; is kept as ours');
  expect(about('NetworkPolicy', 'written-signature-policy')).toEqual(['a NetworkPolicy of kagenti-operator']);
  expect(about('AgentCard', 'renamed').join()).toMatch(
    /^an AgentCard of agent.rossoctl.dev; becomes ours; without strict/,
  );
  expect(about('NetworkPolicy', 'renamed-signature-policy')).toEqual(['a NetworkPolicy of rossoctl-operator']);
  expect(about('ValidatingAdmissionPolicy', 'agent-label-protection')).toHaveLength(1);
  expect(about('Deployment', 'unproven').join()).toContain('its pods are replaced once');
  expect((await plugin(world, 'migrate', '--namespaces', namespace, '-o', 'wide')).out).toBe(out);
});

test('installed over all that, the operator gives its own verdicts, and a forged or old label goes', async () => {
  // As the documentation says: on a fresh node the kind is nobody's.
  await world.install({ replicas: 1 }, '--take-ownership');
  await written.says({ Verified: 'True mTLSVerified', Ready: 'True ReadyToServe' });
  await unproven.says({ Verified: 'False NotVerified', Ready: 'False NotVerified' });
  await written.wears(true);
  await unproven.wears(false);
});

test('an agent takes part by the labels that an AgentRuntime gave it: it has a card, and is asked', async () => {
  // What keeps it from answering is the Go operator's policy, which lets in that operator's own labels alone.
  await world.cardSays(namespace, 'renamed-deployment-card', { Synced: 'False FetchFailed' });
  await renamed.wears(false);
});

test('every pod still starts while the label is in its template', async () => {
  await world.kubectl('-n', namespace, 'rollout', 'restart', 'deployment/written', 'deployment/unproven');
  for (const agent of [written, unproven]) {
    await world.kubectl('-n', namespace, 'rollout', 'status', `deployment/${agent.name}`, '--timeout=60s');
  }
  await written.wears(true);
  await unproven.wears(false);
});

test('a card that is being deleted goes although the Go operator holds it by finalizers', async () => {
  await world.kubectl('-n', namespace, 'delete', 'agentcard', 'unproven', '--timeout=30s');
});

test('migrate --apply cleans it all, at the price of one rollout, and the policies become ours', async () => {
  const { status, err } = await plugin(world, 'migrate', '--apply', '--namespaces', namespace);
  expect({ status, err }).toMatchObject({ status: 0, err: expect.stringContaining('undone') });
  expect((await plugin(world, 'migrate', '--namespaces', namespace)).out).toBe('');
  for (const agent of [written, created, unproven, renamed]) {
    await world.kubectl('-n', namespace, 'rollout', 'status', `deployment/${agent.name}`, '--timeout=60s');
  }
  for (const agent of [written, renamed]) {
    await agent.says({ Verified: 'True mTLSVerified', Enforced: 'True PolicyApplied', Ready: 'True ReadyToServe' });
  }
  await vi.waitFor(async () => {
    const { items } = await world.json<{ items: { metadata: { labels: object } }[] }>(
      '-n',
      namespace,
      'get',
      'networkpolicies',
    );
    const managers = items.map(({ metadata }) => metadata.labels);
    expect(managers).not.toHaveLength(0);
    for (const labels of managers)
      expect(labels).toMatchObject({ 'app.kubernetes.io/managed-by': 'agentcard-operator' });
  }, patience);
  await renamed.wears(true);
  const card = await world.card(namespace, 'created-deployment-card');
  expect(card.metadata.labels).toMatchObject({ 'app.kubernetes.io/managed-by': 'agentcard-operator' });
  await written.wears(true);
});

test('the clean-up takes the finalizers off every card, and the namespace can go', async () => {
  await leaveBehind(world, { namespace, name: 'unproven' });
  await world.uninstall();
  await world.kubectl('delete', 'namespace', namespace, '--timeout=60s');
});
