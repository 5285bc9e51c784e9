import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { run as plugin } from '../../src/cli/run.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { type ApiServer, startApiServer } from '../cluster/api-server.ts';
import { run } from '../cluster/command.ts';
import {
  cardKind,
  cardOf,
  labelGuard,
  markedWorkload,
  orphanedWebhook,
  type Project,
  policyOf,
} from '../cluster/go-operator.ts';
import { ensureTools } from '../cluster/tools.ts';

let server: ApiServer;
let binary: string;

const kubectl = (args: readonly string[], stdin?: string) =>
  run(binary, ['--kubeconfig', server.kubeconfig, ...args], stdin === undefined ? {} : { stdin });
const apply = (...objects: readonly object[]) =>
  kubectl(['apply', '--server-side', '-f', '-'], objects.map((object) => stringify(object)).join('---\n'));
const read = async <T extends object>(...args: string[]) => JSON.parse(await kubectl([...args, '-o', 'json'])) as T;
const namesOf = async (...args: string[]) =>
  (await read<{ items: KubeObject[] }>('get', ...args)).items.map(({ metadata }) => metadata.name).sort();

async function migrate(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  const said = { out: '', err: '' };
  const status = await plugin(['migrate', '--kubeconfig', server.kubeconfig, ...args], {
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
    async *stdin() {},
    now: () => new Date(),
  });
  return { status, ...said };
}

const deployment = (namespace: string, name: string, labels: object) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace, labels },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'agent', image: 'agent:1' }] } },
  },
});

/** Two agents of a team, whose cards a person and the Go operator wrote. */
async function inherit(project: Project): Promise<void> {
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: project } });
  for (const name of ['written', 'created']) {
    await apply(deployment(project, name, { [`${project}.io/type`]: 'agent' }));
    const { metadata } = await read<KubeObject>('-n', project, 'get', 'deployment', name);
    const left = { namespace: project, name, ...(name === 'created' ? { ownerUid: metadata.uid ?? '' } : {}) };
    await apply(cardOf(project, left), policyOf(project, left));
    const patch = JSON.stringify(markedWorkload(project, left));
    await kubectl(['-n', project, 'patch', 'deployment', name, '--type=merge', '-p', patch]);
  }
}

beforeAll(async () => {
  ({ kubectl: binary } = await ensureTools(['kubectl']));
  server = await startApiServer();
  await apply(cardKind('rossoctl'));
  await kubectl(['wait', '--for=condition=Established', 'crd/agentcards.agent.rossoctl.dev', '--timeout=30s']);
  await inherit('rossoctl');
  await apply(...labelGuard('rossoctl', 'rossoctl'), orphanedWebhook('rossoctl'));
});
afterAll(() => server?.stop());

/** What becomes of a workload that somebody labels as an agent. */
const labelling = () =>
  kubectl(
    ['apply', '--server-side', '--dry-run=server', '-f', '-'],
    stringify(deployment('rossoctl', 'another', { 'rossoctl.io/type': 'agent' })),
  ).then(
    () => 'allowed',
    (error: Error) => error.message,
  );

const cards = 'agentcards.agent.rossoctl.dev';
const ours = 'agentcards.agent.kagenti.dev';

test('without our kind, migrate makes no card, and takes none away', async () => {
  const { status, err } = await migrate('--apply', '--namespaces', 'rossoctl');
  expect({ status, err }).toMatchObject({ status: 1, err: expect.stringContaining('run it again') });
  expect(await namesOf('-n', 'rossoctl', cards)).toEqual(['created-deployment-card', 'written']);
});

test('migrate lists what that operator left under the newer name, and changes nothing by that', async () => {
  await apply(cardKind('rossoctl'), ...labelGuard('rossoctl', 'rossoctl'), orphanedWebhook('rossoctl'));
  await kubectl(['apply', '--server-side', '-f', 'config/crd/agentcards.yaml']);
  await kubectl(['wait', '--for=condition=Established', `crd/${ours}`, '--timeout=30s']);
  await expect.poll(labelling, { timeout: 20_000 }).toContain('only the operator sets rossoctl.io/type');
  const { status, out } = await migrate('--namespaces', 'rossoctl', '-o', 'wide');
  expect(status).toBe(0);
  const rows = out.split('\n').map((line) => line.split(/ {3,}/).slice(-4).join(' | ').trim());
  expect(rows).toEqual(
    expect.arrayContaining([
      expect.stringMatching(
        /^AgentCard \| written \| an AgentCard of agent.rossoctl.dev \| becomes ours; without strict/,
      ),
      expect.stringMatching(/^AgentCard \| created-deployment-card \| an AgentCard of .* \| becomes ours/),
      expect.stringMatching(/ValidatingAdmissionPolicy \| agent-label-protection \| an admission policy/),
      expect.stringMatching(/ValidatingAdmissionPolicyBinding \| agent-label-protection \| an admission policy/),
      expect.stringMatching(/webhook vagentcard.kb.io/),
    ]),
  );
  expect((await migrate('--namespaces', 'rossoctl', '-o', 'wide')).out).toBe(out);
});

test('while that operator renews its Lease, nothing is taken over', async () => {
  const metadata = { name: 'b7c4ae34.rossoctl.dev', namespace: 'rossoctl' };
  const spec = {
    holderIdentity: 'it',
    leaseDurationSeconds: 15,
    renewTime: new Date().toISOString().replace('Z', '000Z'),
  };
  await apply({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec });
  const { status, err } = await migrate('--apply', '--namespaces', 'rossoctl');
  expect({ status, err }).toMatchObject({ status: 1, err: expect.stringContaining('rossoctl-operator still runs') });
  expect(await namesOf('-n', 'rossoctl', ours)).toEqual([]);
  await kubectl(['-n', 'rossoctl', 'delete', 'lease', metadata.name]);
});

test('migrate --apply makes its cards ours, and leaves nothing of it but its kind', async () => {
  await expect
    .poll(async () => (await migrate('--apply', '--namespaces', 'rossoctl')).status, { timeout: 20_000 })
    .toBe(0);
  expect((await migrate('--namespaces', 'rossoctl')).out).toBe('');
  expect(await namesOf('-n', 'rossoctl', cards)).toEqual([]);
  expect(await namesOf('-n', 'rossoctl', 'networkpolicies')).toEqual([]);
  const [created, written] = (await read<{ items: (KubeObject & { spec: object })[] }>('-n', 'rossoctl', 'get', ours))
    .items;
  const targetRef = { apiVersion: 'apps/v1', kind: 'Deployment' };
  expect(written?.spec).toEqual({
    syncPeriod: '30s',
    targetRef: { ...targetRef, name: 'written' },
    identityBinding: {},
  });
  expect(created?.metadata.labels).toEqual({ 'app.kubernetes.io/managed-by': 'agentcard-operator' });
  expect(created?.metadata.ownerReferences).toMatchObject([{ name: 'created', blockOwnerDeletion: false }]);
  const { metadata, spec } = await read<KubeObject & { spec: { template: KubeObject } }>(
    '-n',
    'rossoctl',
    'get',
    'deployment',
    'written',
  );
  expect(metadata.annotations ?? {}).not.toHaveProperty(['verified-state.agent.rossoctl.dev/written']);
  expect(spec.template.metadata.labels).toEqual({ app: 'written' });
  await expect.poll(labelling, { timeout: 20_000 }).toBe('allowed');
});

test('the NetworkPolicies under the older name go too', async () => {
  await inherit('kagenti');
  expect(await namesOf('-n', 'kagenti', 'networkpolicies')).toHaveLength(2);
  expect((await migrate('--apply', '--namespaces', 'kagenti')).status).toBe(0);
  expect(await namesOf('-n', 'kagenti', 'networkpolicies')).toEqual([]);
  expect(await namesOf('-n', 'kagenti', ours)).toEqual(['created-deployment-card', 'written']);
});
