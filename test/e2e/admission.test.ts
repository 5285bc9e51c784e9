import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Pod } from '../../src/kube/objects.ts';
import { Agent } from './kit/agent.ts';
import { operatorNamespace, patience, World } from './kit/world.ts';

const label = 'agent.kagenti.dev/signature-verified';
const identity = 'agent.kagenti.dev/identity';
const annotation = 'agent.kagenti.dev/attested';
const refusedFor = (name: string) => `only the agentcard operator may set the label ${name}`;
const refused = refusedFor(label);
const operator = `system:serviceaccount:${operatorNamespace}:agentcard-operator`;

let world: World;
let namespace: string;
let agent: Agent;

beforeAll(async () => {
  world = await World.open();
  await world.install();
  namespace = await world.namespace('admission');
  await mayDo('eve', 'pods', 'pods/status', 'pods/resize', 'pods/ephemeralcontainers', 'pods/binding');
  await world.kubectl('-n', namespace, 'create', 'rolebinding', 'editor', '--clusterrole=edit', '--user=editor');
  await world.kubectl(
    '-n',
    namespace,
    'create',
    'rolebinding',
    'officer',
    `--clusterrole=${operatorRole('security')}`,
    '--user=officer',
  );
  await world.apply(barePod('bystander'), {
    ...barePod('unscheduled'),
    spec: { ...barePod('unscheduled').spec, schedulerName: 'nobody' },
  });
  agent = await Agent.deploy(world, namespace, 'weather');
  await agent.wears(true);
});

afterAll(async () => {
  await world.kubectl('delete', 'namespace', namespace, '--wait=false', '--ignore-not-found');
});

const operatorRole = (name: string) => `agentcard-operator-${name}`;

async function mayDo(user: string, ...resources: string[]): Promise<void> {
  const verbs = '--verb=get,update,patch,create,delete';
  await world.kubectl('-n', namespace, 'create', 'role', user, verbs, `--resource=${resources.join(',')}`);
  await world.kubectl('-n', namespace, 'create', 'rolebinding', user, `--role=${user}`, `--user=${user}`);
}

function barePod(name: string, metadata: object = {}) {
  const container = { name: 'c', image: 'localhost/busybox:1', imagePullPolicy: 'Never', command: ['sleep', '3600'] };
  const spec = { containers: [container], terminationGracePeriodSeconds: 0 };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, ...metadata }, spec };
}

const pod = (name: string) => world.json<Pod>('-n', namespace, 'get', 'pod', name);
const as = (user: string, ...args: string[]) => world.kubectl('-n', namespace, '--as', user, ...args);
const patchPod = (user: string, name: string, metadata: object, ...more: string[]) =>
  as(user, 'patch', 'pod', name, '--type=merge', '-p', JSON.stringify({ metadata }), ...more);

describe('the verified label', () => {
  test.each([
    ['the pod', []],
    ['pods/status', ['--subresource=status']],
  ])('cannot be set by a user through %s', async (_, more) => {
    for (const name of [label, identity]) {
      const change = patchPod('eve', 'bystander', { labels: { [name]: 'true' } }, ...more);
      await expect(change).rejects.toThrow(refusedFor(name));
    }
  });

  test('cannot be set through pods/resize, which drops it', async () => {
    await patchPod('eve', 'bystander', { labels: { [label]: 'true' } }, '--subresource=resize').catch(() => {});
    expect((await pod('bystander')).metadata.labels ?? {}).not.toHaveProperty([label]);
  });

  test("cannot be set through a scheduler's binding", async () => {
    const binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: 'unscheduled', namespace, labels: { [label]: 'true' } },
      target: { apiVersion: 'v1', kind: 'Node', name: 'node1' },
    };
    const path = `/api/v1/namespaces/${namespace}/pods/unscheduled/binding`;
    const raw = world.cluster.kubectl(['--as', 'eve', 'create', '--raw', path, '-f', '-'], JSON.stringify(binding));
    await expect(raw).rejects.toThrow(refused);
    expect((await pod('unscheduled')).spec?.nodeName).toBeUndefined();
  });

  test('cannot be set by an administrator either, nor can its proof', async () => {
    await expect(world.kubectl('-n', namespace, 'label', 'pod', 'bystander', `${label}=true`)).rejects.toThrow(refused);
    await expect(world.kubectl('-n', namespace, 'annotate', 'pod', 'bystander', `${annotation}=x`)).rejects.toThrow(
      annotation,
    );
  });

  test('its proof on a labelled pod cannot be changed', async () => {
    const [worn] = await agent.pods();
    const change = patchPod('eve', worn?.metadata.name ?? '', { annotations: { [annotation]: 'x' } });
    await expect(change).rejects.toThrow(`only the agentcard operator may set the annotation ${annotation}`);
  });

  test('on a pod that wears it, everything else may change, and the kubelet goes on', async () => {
    const [worn] = await agent.pods();
    const name = worn?.metadata.name ?? '';
    await patchPod('eve', name, { labels: { color: 'blue' } });
    await agent.exec(name, ['node', '-e', 'process.kill(1, "SIGTERM")']).catch(() => {});
    await vi.waitFor(async () => {
      const [status] = (await pod(name)).status?.containerStatuses ?? [];
      expect(status).toMatchObject({ restartCount: 1, ready: true });
    }, patience);
    await agent.wears(true);
  });

  test('in a template it stops no pod: the pod starts without it', async () => {
    const labels = { app: 'legacy', [label]: 'true', [identity]: 'x' };
    const template = { metadata: { labels, annotations: { [annotation]: 'x' } }, spec: barePod('x').spec };
    await world.apply({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'legacy', namespace },
      spec: { replicas: 1, selector: { matchLabels: { app: 'legacy' } }, template },
    });
    await world.kubectl('-n', namespace, 'rollout', 'status', 'deployment/legacy', '--timeout=60s');
    const { items } = await world.json<{ items: Pod[] }>('-n', namespace, 'get', 'pods', '-l', 'app=legacy');
    expect(items).toHaveLength(1);
    expect(items[0]?.metadata.labels).not.toHaveProperty([label]);
    expect(items[0]?.metadata.labels).not.toHaveProperty([identity]);
    expect(items[0]?.metadata.annotations ?? {}).not.toHaveProperty([annotation]);
  });
});

describe('a pod that is created with the verified label', () => {
  const forged = (name: string) =>
    JSON.stringify(barePod(name, { labels: { [label]: 'true', [identity]: 'x' }, annotations: { [annotation]: 'x' } }));
  const create = (text: string, ...more: string[]) =>
    world.cluster.kubectl(['--as', 'eve', 'create', '-f', '-', ...more], text);
  const remarks = `take ${label}, ${identity}, ${annotation} out of this pod`;
  const marks = async (name: string) => {
    const { labels = {}, annotations = {} } = (await pod(name)).metadata;
    return [labels[label], labels[identity], annotations[annotation]];
  };

  afterAll(async () => {
    await world.install();
  });

  test('starts without it', async () => {
    await create(forged('stripped'));
    expect(await marks('stripped')).toEqual([undefined, undefined, undefined]);
  });

  test('is refused, and so is a replacement pod of such a template, where the chart says Deny', async () => {
    await world.install({ labelGuard: { onCreate: 'Deny' } });
    await vi.waitFor(() => expect(create(forged('denied'), '--dry-run=server')).rejects.toThrow(remarks), patience);
    await world.kubectl('-n', namespace, 'delete', 'pod', '-l', 'app=legacy');
    await vi.waitFor(async () => {
      const failure = 'jsonpath={.items[*].status.conditions[?(@.type=="ReplicaFailure")].message}';
      const said = await world.kubectl('-n', namespace, 'get', 'replicasets', '-l', 'app=legacy', '-o', failure);
      expect(said).toContain(remarks);
    }, patience);
    await create(JSON.stringify(barePod('honest')));
  });

  test('starts with a warning where nothing can strip it, and the operator takes it off', async () => {
    await applyGuardOfOldClusters();
    const warned = async (...more: string[]) => {
      const said = create(forged('warned'), '--warnings-as-errors', ...more);
      await expect(said).rejects.toThrow(new RegExp(`Warning: .*${remarks}`));
    };
    await vi.waitFor(() => warned('--dry-run=server'), patience);
    await warned();
    await vi.waitFor(async () => expect(await marks('warned')).toEqual([undefined, undefined, undefined]), patience);
  });

  /** What the chart renders where MutatingAdmissionPolicies are not served, in place of what it rendered here. */
  async function applyGuardOfOldClusters(): Promise<void> {
    const where = ['agentcard-operator', 'charts/agentcard-operator', '--namespace', operatorNamespace];
    const values = [
      '--kube-version',
      '1.35.0',
      '--set',
      'image.repository=x',
      '--show-only',
      'templates/admission-label.yaml',
    ];
    const rendered = await world.cluster.helm(['template', ...where, ...values]);
    expect(rendered).toContain('validationActions: [Warn]');
    await world.cluster.kubectl(['replace', '--force', '-f', '-'], rendered);
  }
});

describe('the operator', () => {
  test.each([
    ['another label', { labels: { other: 'x' } }],
    ['another annotation', { annotations: { other: 'x' } }],
    ['a finalizer', { finalizers: ['example.org/x'] }],
    ['the label together with another', { labels: { [label]: 'true', other: 'x' } }],
  ])('may not change %s of a pod', async (_, metadata) => {
    await expect(patchPod(operator, 'bystander', metadata)).rejects.toThrow('may change nothing on a pod but');
  });

  test('may not change the spec of a pod', async () => {
    const image = JSON.stringify({ spec: { containers: [{ name: 'c', image: 'localhost/other:1' }] } });
    await expect(as(operator, 'patch', 'pod', 'bystander', '-p', image)).rejects.toThrow(
      'may change nothing on a pod but',
    );
  });
});

describe('loosening a card', () => {
  const patch = (user: string, name: string, spec: object) =>
    as(user, 'patch', 'agentcard', name, '--type=merge', '-p', JSON.stringify({ spec }));
  const id = 'spiffe://example.org/ns/other/sa/other';

  test.each([
    ['strict: false', { identityBinding: { strict: false } }, 'identityBinding.strict'],
    ['another identity', { identityBinding: { allowedSpiffeIDs: [id] } }, 'allowedSpiffeIDs'],
    ['another trust domain', { identityBinding: { trustDomain: 'other.org' } }, 'identityBinding.trustDomain'],
    ['an approval', { approvedCardId: 'a'.repeat(64) }, 'approvedCardId'],
  ])('%s needs the verb trust', async (_, spec, named) => {
    await expect(patch('editor', 'weather', spec)).rejects.toThrow(named);
    await patch('officer', 'weather', spec);
    const undo = { identityBinding: null, approvedCardId: null };
    // Taking strict: false back tightens, which everybody who edits may.
    if (named !== 'identityBinding.strict') {
      await expect(patch('editor', 'weather', undo)).rejects.toThrow('needs the verb trust');
    }
    await patch('officer', 'weather', undo);
  });

  test('unsetting strict: true needs it too; setting it does not', async () => {
    await patch('editor', 'weather', { identityBinding: { strict: true } });
    await expect(patch('editor', 'weather', { identityBinding: { strict: null } })).rejects.toThrow(
      'identityBinding.strict',
    );
    await patch('officer', 'weather', { identityBinding: null });
  });

  test('a new card may not begin loose', async () => {
    const loose = agent.agentCard({ spec: { identityBinding: { strict: false } } }) as { metadata: object };
    const text = JSON.stringify({ ...loose, metadata: { name: 'loose', namespace } });
    await expect(world.cluster.kubectl(['--as', 'editor', 'create', '-f', '-'], text)).rejects.toThrow(
      'needs the verb trust',
    );
  });

  test('everybody who edits may quarantine; lifting it needs the verb quarantine', async () => {
    await patch('editor', 'weather', { quarantine: { reason: 'drill' } });
    await expect(patch('editor', 'weather', { quarantine: null })).rejects.toThrow('needs the verb quarantine');
    await expect(patch('editor', 'weather', { targetRef: { name: 'other' } })).rejects.toThrow(
      'needs the verb quarantine',
    );
    await expect(as('editor', 'delete', 'agentcard', 'weather')).rejects.toThrow('needs the verb quarantine');
    await patch('editor', 'weather', { quarantine: { reason: 'still a drill' } });
    await patch('officer', 'weather', { quarantine: null });
  });

  test('a quarantine stands when an owner of its card is missing, and when its workload goes and leaves the pods', async () => {
    await patch('editor', 'weather', { quarantine: { reason: 'drill' } });
    const ownerReferences = [
      { apiVersion: 'v1', kind: 'ConfigMap', name: 'nope', uid: '11111111-1111-1111-1111-111111111111' },
    ];
    const own = (owners: unknown) => JSON.stringify({ metadata: { ownerReferences: owners } });
    const give = (user: string, owners: unknown) =>
      as(user, 'patch', 'agentcard', 'weather', '--type=merge', '-p', own(owners));
    await expect(give('editor', ownerReferences)).rejects.toThrow('needs the verb quarantine');
    await give('officer', ownerReferences);
    // What the collector takes after it shows that it has looked at this one.
    const bait = agent.agentCard({ spec: { targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'none' } } });
    await world.apply({ ...bait, metadata: { name: 'bait', namespace, ownerReferences } });
    await world.kubectl('-n', namespace, 'wait', '--for=delete', 'agentcard/bait', '--timeout=120s');
    await agent.says({ Ready: 'False Quarantined', Enforced: 'True PolicyApplied' });
    await world.kubectl('-n', namespace, 'delete', 'deployment', 'weather', '--cascade=orphan');
    await agent.says({ Synced: 'False WorkloadNotFound', Enforced: 'True PolicyApplied' });
    await world.kubectl('-n', namespace, 'get', 'networkpolicy', 'weather-signature-policy');
    expect(await agent.pods()).toHaveLength(1);
    await give('officer', null);
    await world.apply(agent.deployment({}, 'weather'));
    await patch('officer', 'weather', { quarantine: null });
    await agent.wears(true);
  });

  test('an approved card is deleted by those who may approve', async () => {
    await patch('officer', 'weather', { approvedCardId: 'a'.repeat(64) });
    await expect(as('editor', 'delete', 'agentcard', 'weather')).rejects.toThrow('needs the verb trust');
    await as('officer', 'delete', 'agentcard', 'weather');
    await world.apply(agent.agentCard({}));
  });
});

test('people see and edit cards by the roles they have', async () => {
  const can = (user: string, verb: string) => as(user, 'auth', 'can-i', verb, 'agentcards').catch(() => 'no');
  await world.kubectl('-n', namespace, 'create', 'rolebinding', 'viewer', '--clusterrole=view', '--user=viewer');
  await vi.waitFor(async () => {
    expect((await can('viewer', 'get')).trim()).toBe('yes');
    expect((await can('viewer', 'delete')).trim()).toBe('no');
    expect((await can('editor', 'delete')).trim()).toBe('yes');
    expect((await can('editor', 'trust')).trim()).toBe('no');
    expect((await can('officer', 'trust')).trim()).toBe('yes');
  }, patience);
});

test('a namespace with labelled pods and quarantined, approved cards goes like any other', async () => {
  const going = await world.namespace('admission-gone');
  const doomed = await Agent.deploy(world, going, 'doomed', {
    spec: { approvedCardId: 'a'.repeat(64), quarantine: { reason: 'drill' } },
  });
  const kept = await Agent.deploy(world, going, 'kept');
  await doomed.says({ Ready: 'False Quarantined' });
  await kept.wears(true);
  await world.kubectl('delete', 'namespace', going, '--timeout=60s');
});
