import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiError, KubeClient } from '../../../src/kube/client/client.ts';
import type { KubeObject, ObjectMeta } from '../../../src/kube/objects.ts';
import type { AgentCard, AgentCardSpec } from '../../../src/operator/api/agentcard.ts';
import {
  type FoldedDemands,
  foldDemands,
  type GuardVerb,
  guardedFields,
} from '../../../src/operator/api/guarded-fields.ts';
import { managedByLabel, managedByValue } from '../../../src/operator/api/labels.ts';
import { type ApiServer, startApiServer } from '../../cluster/api-server.ts';
import { run } from '../../cluster/command.ts';
import { type Daemon, startDaemon } from '../../cluster/daemon.ts';
import { ensureTools } from '../../cluster/tools.ts';
import { until } from '../../cluster/until.ts';
import { namespace as operatorNamespace, placed, renderOn } from './helm.ts';

type Field = keyof typeof guardedFields;
type Spec = Partial<AgentCardSpec>;

const [mine, yours, theirs] = ['a', 'b', 'c'].map((name) => `spiffe://example.org/${name}`) as [string, string, string];
const [reviewed, other] = ['a'.repeat(64), 'b'.repeat(64)];
const binding = (identityBinding: object) => ({ identityBinding });

/** For each guarded field what a card demands by it, and what else it could say. */
const fields: Readonly<Record<Field, { readonly spec: Spec; readonly changes: Readonly<Record<string, object>> }>> = {
  strict: {
    spec: binding({ strict: true }),
    changes: { 'is unset': binding({ strict: null }), 'becomes false': binding({ strict: false }) },
  },
  allowedSpiffeIDs: {
    spec: binding({ allowedSpiffeIDs: [mine, yours] }),
    changes: {
      'is unset': binding({ allowedSpiffeIDs: null }),
      'is emptied': binding({ allowedSpiffeIDs: [] }),
      'gains an entry': binding({ allowedSpiffeIDs: [mine, yours, theirs] }),
      'loses an entry': binding({ allowedSpiffeIDs: [mine] }),
      'names others': binding({ allowedSpiffeIDs: [theirs] }),
    },
  },
  trustDomain: {
    spec: binding({ trustDomain: 'partner.example' }),
    changes: {
      'is unset': binding({ trustDomain: null }),
      'names another': binding({ trustDomain: 'other.example' }),
    },
  },
  approvedCardId: {
    spec: { approvedCardId: reviewed },
    changes: { 'is unset': { approvedCardId: null }, 'names another': { approvedCardId: other } },
  },
  callers: {
    spec: { callers: [{ spiffeID: mine }, { agentCard: { name: 'planner' } }] },
    changes: {
      'is unset': { callers: null },
      'gains an entry': { callers: [{ spiffeID: mine }, { agentCard: { name: 'planner' } }, { spiffeID: yours }] },
      'names others': { callers: [{ spiffeID: yours }] },
      'names it in another namespace': { callers: [{ agentCard: { name: 'planner', namespace: 'elsewhere' } }] },
    },
  },
  quarantine: { spec: { quarantine: { reason: 'incident' } }, changes: { 'is unset': { quarantine: null } } },
};
const everyField = Object.keys(fields) as Field[];

/** Ways around the field itself, the same for each. */
const around: Readonly<Record<string, Act>> = {
  'its card points elsewhere': patch({ spec: { targetRef: { name: 'elsewhere' } } }),
  'its card points at another kind': patch({ spec: { targetRef: { kind: 'StatefulSet' } } }),
  'its card is no created one any more': patch({ metadata: { labels: { [managedByLabel]: null } } }),
  'its card is relabelled': patch({ metadata: { labels: { [managedByLabel]: 'Helm' } } }),
  'its card has no owner any more': patch({ metadata: { ownerReferences: null } }),
  'its card gets an owner that is not there': patch({
    metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'nope', uid: 'nope' }] },
  }),
  'its card is deleted, and could be made again': (client, path) => client.request({ method: 'DELETE', path, query }),
  'its collection is deleted': (client, path) =>
    client.request({ method: 'DELETE', path: path.slice(0, path.lastIndexOf('/')), query }),
};
const byOwner = ['its card has no owner any more', 'its card gets an owner that is not there'];

type Act = (client: KubeClient, path: string) => Promise<unknown>;

/** Admitted or not, and nothing comes of it. */
const query = { dryRun: 'All' };

function patch(body: object): Act {
  const contentType = 'application/merge-patch+json';
  return (client, path) => client.json({ method: 'PATCH', path, query, body, contentType });
}

interface Role {
  readonly user: string;
  readonly verbs: readonly GuardVerb[];
}

const system = 'system:serviceaccount:kube-system';
const roles: Readonly<Record<string, Role>> = {
  'an editor': { user: 'editor', verbs: [] },
  'who has the verb trust': { user: 'truster', verbs: ['trust'] },
  'who has the verb trust for this card alone': { user: 'approver', verbs: ['trust'] },
  'who has the verb quarantine': { user: 'releaser', verbs: ['quarantine'] },
  'who has both verbs': { user: 'officer', verbs: ['trust', 'quarantine'] },
  'the namespace controller': { user: `${system}:namespace-controller`, verbs: [] },
  'the garbage collector': { user: `${system}:generic-garbage-collector`, verbs: [] },
  'the operator': { user: `system:serviceaccount:${operatorNamespace}:demo-agentcard-operator`, verbs: [] },
};

let server: ApiServer;
let manager: Daemon;
let admin: KubeClient;
const clients = new Map<string, KubeClient>();

const group = '/apis/agent.kagenti.dev/v1alpha1/namespaces';
const inTeam = (field: Field) => `team-${field.toLowerCase()}`;
const cardsIn = (namespace: string) => `${group}/${namespace}/agentcards`;
const deploymentsIn = (namespace: string) => `/apis/apps/v1/namespaces/${namespace}/deployments`;

function clientOf(user: string): KubeClient {
  const headers: Record<string, string> = { authorization: `Bearer ${server.adminToken}` };
  if (user !== 'admin') headers['impersonate-user'] = user;
  const config = { server: new URL(server.url), headers: () => headers, tls: () => ({ ca: server.caPem }) };
  const client = clients.get(user) ?? new KubeClient({ ...config, invalidate: () => {} });
  clients.set(user, client);
  return client;
}

const post = <T = AgentCard>(client: KubeClient, path: string, body: object) =>
  client.json<T>({ method: 'POST', path, body });
const tryPost = (user: string, path: string, body: object) =>
  clientOf(user).json<AgentCard>({ method: 'POST', path, query, body });

function cardOf(name: string, spec: object, metadata: object = {}): object {
  const targetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'weather' };
  return {
    apiVersion: 'agent.kagenti.dev/v1alpha1',
    kind: 'AgentCard',
    metadata: { name, ...metadata },
    spec: { targetRef, ...spec },
  };
}

/** A namespace with a workload, which owns a card of ours that demands this. */
async function placeCard(namespace: string, spec: object): Promise<AgentCard> {
  await post(admin, '/api/v1/namespaces', { metadata: { name: namespace } });
  const containers = [{ name: 'agent', image: 'agent' }];
  const template = { metadata: { labels: { app: 'weather' } }, spec: { containers } };
  const deployment = await post<KubeObject>(admin, deploymentsIn(namespace), {
    metadata: { name: 'weather' },
    spec: { selector: { matchLabels: { app: 'weather' } }, template },
  });
  const { uid = '' } = deployment.metadata;
  const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'weather', uid, controller: true };
  const ownerReferences = [{ ...owner, blockOwnerDeletion: false }];
  const labels = { [managedByLabel]: managedByValue };
  return post(admin, cardsIn(namespace), cardOf('guarded', spec, { labels, ownerReferences }));
}

beforeAll(async () => {
  const tools = await ensureTools(['kubectl', 'helm', 'kube-controller-manager']);
  server = await startApiServer();
  admin = clientOf('admin');
  const kubectl = (args: readonly string[], stdin?: string) =>
    run(tools.kubectl, ['--kubeconfig', server.kubeconfig, ...args], stdin === undefined ? {} : { stdin });
  await kubectl(['apply', '--server-side', '-f', 'config/crd/agentcards.yaml']);
  await kubectl(['wait', '--for=condition=Established', '--timeout=60s', 'crd/agentcards.agent.kagenti.dev']);
  await kubectl(['create', 'namespace', operatorNamespace]);
  const parts = ['admission-trust', 'roles', 'rolebindings', 'serviceaccount'];
  const chart = await renderOn([], '--no-hooks', ...parts.flatMap((part) => ['--show-only', `templates/${part}.yaml`]));
  await kubectl(['apply', '--server-side', '-f', '-'], placed(chart));
  for (const { user, verbs } of Object.values(roles)) {
    if (!user.startsWith('system:')) await kubectl(['create', '-f', '-'], rights(user, verbs));
  }
  manager = await startDaemon({
    name: 'kube-controller-manager',
    command: tools['kube-controller-manager'],
    args: [
      `--kubeconfig=${server.kubeconfig}`,
      '--controllers=garbage-collector-controller,namespace-controller',
      ...['--use-service-account-credentials', '--leader-elect=false', '--kube-api-qps=300', '--kube-api-burst=600'],
      '--secure-port=0',
    ],
    logs: server.logs,
  });
  for (const field of everyField) await placeCard(inTeam(field), fields[field].spec);
  await until({ what: 'the guard to be heard', timeoutMs: 60_000 }, async () => {
    const refused = await refusal('editor', 'quarantine', patch({ spec: { quarantine: null } }));
    return refused === undefined ? undefined : true;
  });
});
afterAll(async () => {
  for (const client of clients.values()) client.close();
  await manager?.kill();
  await server?.stop();
});

/** All that an editor may, and these verbs; one of them has its verb for a single card. */
function rights(name: string, verbs: readonly GuardVerb[]): string {
  const [apiGroups, resources] = [['agent.kagenti.dev'], ['agentcards']];
  const edit = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];
  const only = name === 'approver' ? { resourceNames: ['guarded'] } : {};
  const guards = verbs.length === 0 ? [] : [{ apiGroups, resources, verbs, ...only }];
  const rbac = 'rbac.authorization.k8s.io';
  const items = [
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRole',
      metadata: { name },
      rules: [{ apiGroups, resources, verbs: edit }, ...guards],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name },
      subjects: [{ apiGroup: rbac, kind: 'User', name }],
    },
  ];
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

/** Why the API server refuses; undefined where it does not. */
async function refusal(user: string, field: Field, act: Act): Promise<string | undefined> {
  try {
    await act(clientOf(user), `${cardsIn(inTeam(field))}/guarded`);
    return undefined;
  } catch (error) {
    if (error instanceof ApiError && [403, 422].includes(error.code)) return error.message;
    throw error;
  }
}

/** Everybody but the controllers may edit; those have what Kubernetes and the chart give them. */
const edits = ({ user }: Role) => !user.startsWith('system:');

describe.each(Object.entries(roles))('%s', (_, role) => {
  const table = everyField.flatMap((field) => {
    const changes = Object.entries(fields[field].changes).map(([how, spec]) => [field, how, patch({ spec })] as const);
    return [...changes, ...Object.entries(around).map(([how, act]) => [field, how, act] as const)];
  });

  test.each(table)('loosens %s only with its verb when it, or what holds it, %s', async (field, how, act) => {
    const refused = await refusal(role.user, field, act);
    const { verb } = guardedFields[field];
    // The collector writes no owner down; it strikes those out that are gone, or that people let go without their cards.
    const strikes = role.user.endsWith('garbage-collector') && byOwner.includes(how);
    if (role.verbs.includes(verb) || strikes) expect(refused).toBeUndefined();
    else if (edits(role)) expect(refused).toContain(`needs the verb ${verb} on agentcards`);
    else expect(refused).toMatch(/needs the verb|forbidden/);
  });
});

/** Whether a workload is trusted with more under `after` than under `before`. */
function isLooser(before: FoldedDemands, after: FoldedDemands): boolean {
  const [ids, newIds] = [before.allowedSpiffeIDs?.value, after.allowedSpiffeIDs?.value];
  const gone = (field: Field) => before[field] !== undefined && after[field] === undefined;
  const differs = (field: 'trustDomain' | 'approvedCardId') =>
    after[field]?.value !== undefined && before[field] !== undefined && after[field]?.value !== before[field]?.value;
  return (
    everyField.some(gone) ||
    (before.strict?.value === true && after.strict?.value !== true) ||
    (before.strict === undefined && after.strict?.value === false) ||
    (newIds !== undefined && !newIds.every((id) => (ids ?? []).includes(id))) ||
    differs('trustDomain') ||
    differs('approvedCardId') ||
    !(before.callers?.value ?? []).every((list) =>
      after.callers?.value?.some((other) => isDeepStrictEqual(list, other)),
    )
  );
}

const written: Readonly<Record<string, object>> = {
  'demands nothing': {},
  'demands what it may': { identityBinding: { strict: true }, quarantine: { reason: 'mine' } },
};

test.each(everyField.flatMap((field) => Object.entries(written).map(([what, spec]) => [field, what, spec] as const)))(
  'a card by hand beside the created one that demands %s, and that %s, loosens nothing',
  async (field, _, spec) => {
    const cards = cardsIn(inTeam(field));
    const guarded = await admin.json<AgentCard>({ method: 'GET', path: `${cards}/guarded` });
    const beside = await tryPost('editor', cards, cardOf('beside', spec));
    const [before, after] = [foldDemands(guarded, []), foldDemands(beside, [guarded])];
    expect(isLooser(before, after)).toBe(false);
    if (beside.spec.quarantine === undefined) expect(isLooser(after, foldDemands(beside, []))).toBe(true);
  },
);

test.each(
  everyField
    .filter((field) => guardedFields[field].loosened === 'changed')
    .map((field) => [field, fields[field].spec] as const),
)('no editor writes a card that begins with %s', async (field, spec) => {
  const begun = tryPost('editor', cardsIn(inTeam(field)), cardOf('begun', spec));
  await expect(begun).rejects.toThrow('needs the verb trust');
  await tryPost('officer', cardsIn(inTeam(field)), cardOf('begun', spec));
});

test('no editor points a card that need not be strict at another workload', async () => {
  const cards = cardsIn(inTeam('strict'));
  await post(clientOf('officer'), cards, cardOf('loose', { identityBinding: { strict: false } }));
  const body = { spec: { targetRef: { name: 'elsewhere' } } };
  const contentType = 'application/merge-patch+json';
  const turn = clientOf('editor').json({ method: 'PATCH', path: `${cards}/loose`, query, body, contentType });
  await expect(turn).rejects.toThrow('needs the verb trust');
  // Deleting it takes a permission back.
  await clientOf('editor').request({ method: 'DELETE', path: `${cards}/loose` });
});

test.each([
  ['shortens', [{ agentCard: { name: 'planner' } }]],
  ['empties', []],
  ['reorders', [{ agentCard: { name: 'planner' } }, { spiffeID: mine }]],
])('an editor %s the list of callers', async (_, callers) => {
  expect(await refusal('editor', 'callers', patch({ spec: { callers } }))).toBeUndefined();
});

test('an editor gives a list of callers to a card that has none', async () => {
  expect(await refusal('editor', 'strict', patch({ spec: { callers: [] } }))).toBeUndefined();
  await tryPost('editor', cardsIn(inTeam('strict')), cardOf('listing', { callers: [{ spiffeID: mine }] }));
});

test.each([
  ['nobody', {}],
  ['two at once', { spiffeID: mine, agentCard: { name: 'planner' } }],
  ['an agent without name', { agentCard: {} }],
  ['what is no SPIFFE ID', { spiffeID: 'https://example.org' }],
])('a caller that names %s is refused', async (_, one) => {
  const listing = tryPost('officer', cardsIn(inTeam('strict')), cardOf('listing', { callers: [one] }));
  await expect(listing).rejects.toThrow(/callers|exactly one|SPIFFE ID/);
});

test.each(everyField)('an editor goes on editing what %s does not guard', async (field) => {
  for (const change of [
    { metadata: { annotations: { 'agent.kagenti.dev/refresh': 'now' }, labels: { team: 'a' } } },
    { spec: { syncPeriod: '1m', suspend: true, endpoint: { service: 'weather' } } },
    { spec: { quarantine: { reason: 'another' } } },
  ]) {
    expect(await refusal('editor', field, patch(change))).toBeUndefined();
  }
});

test.each(everyField)('nothing but its status changes through the status of a card that demands %s', async (field) => {
  const path = `${cardsIn(inTeam(field))}/guarded`;
  const contentType = 'application/merge-patch+json';
  const { metadata, spec } = await admin.json<AgentCard>({ method: 'GET', path });
  const body = {
    metadata: { labels: null, ownerReferences: null },
    spec: { targetRef: { name: 'elsewhere' } },
    status: { url: 'x' },
  };
  const after = await admin.json<AgentCard>({ method: 'PATCH', path: `${path}/status`, body, contentType });
  expect([after.metadata.labels, after.metadata.ownerReferences]).toEqual([metadata.labels, metadata.ownerReferences]);
  expect([after.spec, after.status?.url]).toEqual([spec, 'x']);
});

test('a stored card without spec, which other versions of the kind allowed, changes and goes', async () => {
  const cards = cardsIn(inTeam('strict'));
  const kind = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/agentcards.agent.kagenti.dev';
  const validations = '/spec/versions/0/schema/openAPIV3Schema/x-kubernetes-validations';
  const contentType = 'application/json-patch+json';
  await admin.json({ method: 'PATCH', path: kind, body: [{ op: 'remove', path: validations }], contentType });
  const { spec: _, ...bare } = cardOf('bare', {}) as { spec: unknown };
  await until({ what: 'the kind to take it', timeoutMs: 30_000 }, () =>
    post(clientOf('editor'), cards, bare).then(
      () => true as const,
      () => undefined,
    ),
  );
  const act = patch({ metadata: { labels: { team: 'a' } } });
  await act(clientOf('editor'), `${cards}/bare`);
  await clientOf('editor').request({ method: 'DELETE', path: `${cards}/bare` });
});

describe('the controllers themselves', () => {
  const metadataOf = async (path: string) => (await admin.json<KubeObject>({ method: 'GET', path })).metadata;
  const isGone = (path: string) => async () =>
    metadataOf(path).then(
      () => undefined,
      (error) => (error instanceof ApiError && error.code === 404 ? true : Promise.reject(error)),
    );
  const remove = (namespace: string, propagationPolicy: string) =>
    admin.json({ method: 'DELETE', path: `${deploymentsIn(namespace)}/weather`, body: { propagationPolicy } });

  test.each(everyField)(
    'a card that demands %s stays when its workload goes, is let go, and goes with its namespace',
    async (field) => {
      const namespace = `real-${field.toLowerCase()}`;
      const { metadata } = await placeCard(namespace, fields[field].spec);
      const { ownerReferences } = metadata as ObjectMeta & { ownerReferences: object[] };
      await post(admin, cardsIn(namespace), cardOf('plain', {}, { ownerReferences }));
      await remove(namespace, 'Background');
      // What the collector takes besides shows that it has looked.
      await until(
        { what: 'the card that demands nothing to be collected', timeoutMs: 60_000 },
        isGone(`${cardsIn(namespace)}/plain`),
      );
      expect(await metadataOf(`${cardsIn(namespace)}/guarded`)).toMatchObject({ uid: metadata.uid });
      await admin.request({ method: 'DELETE', path: `/api/v1/namespaces/${namespace}` });
      await until({ what: 'the namespace to go', timeoutMs: 90_000 }, isGone(`/api/v1/namespaces/${namespace}`));
    },
  );

  test.each([
    ['Foreground', 1],
    ['Orphan', undefined],
  ])(
    'a workload that is deleted by the policy %s is not held back by its protected card, which stays',
    async (how, owners) => {
      const namespace = how.toLowerCase();
      await placeCard(namespace, fields.quarantine.spec);
      await remove(namespace, how);
      await until({ what: 'the workload to go', timeoutMs: 60_000 }, isGone(`${deploymentsIn(namespace)}/weather`));
      expect((await metadataOf(`${cardsIn(namespace)}/guarded`)).ownerReferences?.length).toBe(owners);
    },
  );
});
