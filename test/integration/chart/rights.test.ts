import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KubeClient } from '../../../src/kube/client/client.ts';
import { operatorPermissions } from '../../../src/operator/api/permissions.ts';
import { type ApiServer, startApiServer } from '../../cluster/api-server.ts';
import { run } from '../../cluster/command.ts';
import { ensureTools } from '../../cluster/tools.ts';
import { connect } from '../kube/rig.ts';
import { namespace, placed, renderOn } from './helm.ts';

let server: ApiServer;
let kubectl: (args: readonly string[], stdin?: string) => Promise<string>;

beforeAll(async () => {
  const tools = await ensureTools(['kubectl', 'helm']);
  server = await startApiServer();
  kubectl = (args, stdin) =>
    run(tools.kubectl, ['--kubeconfig', server.kubeconfig, ...args], stdin === undefined ? {} : { stdin });
  for (const name of [namespace, 'team-a', 'other']) await kubectl(['create', 'namespace', name]);
});
afterAll(() => server?.stop());

/** Installs the chart's rights alone and says who has them. */
async function grant(...values: string[]): Promise<string> {
  const manifest = await renderOn([], '--no-hooks', '--set', values.join(','));
  await kubectl(['apply', '--server-side', '-f', '-'], placed(manifest));
  return `system:serviceaccount:${namespace}:demo-agentcard-operator`;
}

interface Right {
  readonly verb: string;
  readonly group: string;
  /** With a subresource after a slash. */
  readonly resource: string;
  readonly name?: string;
  readonly namespace?: string;
}

async function may(client: KubeClient, user: string, { resource: path, ...right }: Right): Promise<boolean> {
  const [resource, subresource] = path.split('/');
  const resourceAttributes = { ...right, resource, ...(subresource === undefined ? {} : { subresource }) };
  const review = await client.json<{ status: { allowed: boolean } }>({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: { user, groups: ['system:serviceaccounts', 'system:authenticated'], resourceAttributes },
    },
  });
  return review.status.allowed;
}

const read = ['get', 'list', 'watch'];
const write = ['create', 'update', 'patch', 'delete', 'deletecollection'];
const workloads = [
  'deployments',
  'statefulsets',
  'daemonsets',
  'replicasets',
  'deployments/scale',
  'statefulsets/scale',
];

const never: readonly (readonly [group: string, resources: readonly string[], verbs: readonly string[]])[] = [
  ['', ['secrets'], [...read, ...write]],
  ['apps', workloads, write],
  ['batch', ['jobs', 'cronjobs'], write],
  ['agents.x-k8s.io', ['sandboxes'], write],
  ['', ['pods'], ['create', 'update', 'delete', 'deletecollection']],
  ['', ['pods/exec', 'pods/attach', 'pods/portforward', 'pods/eviction', 'serviceaccounts/token'], ['create']],
  ['', ['pods/ephemeralcontainers', 'pods/status', 'nodes', 'namespaces'], ['update', 'patch', 'delete']],
  ['', ['services', 'configmaps', 'serviceaccounts'], write],
  [
    'rbac.authorization.k8s.io',
    ['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'],
    [...write, 'bind', 'escalate'],
  ],
  ['', ['users', 'groups', 'serviceaccounts'], ['impersonate']],
  ['agent.kagenti.dev', ['agentcards'], ['trust', 'quarantine', 'deletecollection']],
];

test('the operator reads no Secret, writes no workload, and grants nothing to anybody, itself included', async () => {
  const user = await grant('image.tag=first');
  const client = connect(server);
  const granted: string[] = [];
  for (const [group, resources, verbs] of never) {
    for (const resource of resources) {
      for (const verb of verbs) {
        if (await may(client, user, { verb, group, resource })) granted.push(`${verb} ${resource}`);
        if (await may(client, user, { verb, group, resource, namespace })) granted.push(`${verb} ${resource} at home`);
      }
    }
  }
  expect(granted).toEqual([]);
});

test('it has every right of the list, and no other role gives it more than its namespaces', async () => {
  const user = await grant('image.tag=first');
  const client = connect(server);
  for (const { group, resources, verbs, names, scope } of operatorPermissions) {
    for (const resource of resources) {
      for (const verb of verbs) {
        const where = scope === 'own' ? { namespace } : scope === 'cluster' ? {} : { namespace: 'other' };
        const right = { verb, group, resource, ...where, ...(names?.[0] === undefined ? {} : { name: names[0] }) };
        expect([right, await may(client, user, right)]).toEqual([right, true]);
      }
    }
  }
});

test('of single namespaces, it has no right in any other', async () => {
  await kubectl(['delete', 'clusterrolebinding', 'demo-agentcard-operator', '--ignore-not-found']);
  const user = await grant('config.namespaces=team-a');
  const client = connect(server);
  const pods = { group: '', resource: 'pods' };
  expect(await may(client, user, { verb: 'patch', ...pods, namespace: 'team-a' })).toBe(true);
  expect(await may(client, user, { verb: 'list', ...pods, namespace: 'other' })).toBe(false);
  expect(await may(client, user, { verb: 'list', ...pods })).toBe(false);
  expect(await may(client, user, { verb: 'list', group: '', resource: 'namespaces' })).toBe(false);
  const slices = { verb: 'watch', group: 'discovery.k8s.io', resource: 'endpointslices' };
  expect(await may(client, user, { ...slices, namespace: 'default' })).toBe(true);
  expect(await may(client, user, { ...slices, namespace: 'other' })).toBe(false);
});
