import { afterAll, beforeAll, expect, test } from 'vitest';
import { KubeClient } from '../../../src/kube/client/client.ts';
import type { ClusterConfig } from '../../../src/kube/client/config.ts';
import { type ConfigMap, type KubeObject, type Resource, resources } from '../../../src/kube/objects.ts';
import { writeConfigMap } from '../../../src/signer/config-map.ts';
import { type ApiServer, startApiServer } from '../../cluster/api-server.ts';
import { until } from '../../cluster/until.ts';

const namespace = 'team1';
const key = `${namespace}/weather-card-signed`;
const account = `system:serviceaccount:${namespace}:agent`;
const rbac = { group: 'rbac.authorization.k8s.io', version: 'v1', namespaced: true } as const;
const roles: Resource = { ...rbac, plural: 'roles', kind: 'Role' };
const roleBindings: Resource = { ...rbac, plural: 'rolebindings', kind: 'RoleBinding' };
const never = new AbortController().signal;

let server: ApiServer;
let admin: KubeClient;
/** With the rights of the workload's service account. */
let agent: KubeClient;

beforeAll(async () => {
  server = await startApiServer();
  admin = clientAs({});
  agent = clientAs({ 'impersonate-user': account });
  await admin.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
});
afterAll(async () => {
  admin?.close();
  agent?.close();
  await server?.stop();
});

function clientAs(more: Readonly<Record<string, string>>): KubeClient {
  const config: ClusterConfig = {
    server: new URL(server.url),
    headers: () => ({ authorization: `Bearer ${server.adminToken}`, ...more }),
    tls: () => ({ ca: server.caPem }),
    invalidate: () => {},
  };
  return new KubeClient(config);
}

const placeOf = (pod: number) => ({ agent: 'weather', namespace, pod: { name: `weather-${pod}`, uid: `uid-${pod}` } });
const write = (pod: number, text = `card of ${pod}`) => writeConfigMap(agent, placeOf(pod), text, never);
const read = async () => {
  const found = await admin.get<ConfigMap>(resources.configMaps, key);
  if (found === undefined) throw new Error('there is no such ConfigMap');
  return found;
};
const owners = ({ metadata }: KubeObject) => metadata.ownerReferences?.map(({ name }) => name).sort();

test('without rights nothing is written', async () => {
  await expect(write(1)).rejects.toMatchObject({ code: 403 });
});

test('with get, create and patch on configmaps, pods that write at once all own the ConfigMap', async () => {
  const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'create', 'patch'] }];
  const name = 'signer';
  await admin.create(roles, { metadata: { name, namespace }, rules } as KubeObject);
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name };
  const subjects = [{ kind: 'User', name: account, apiGroup: 'rbac.authorization.k8s.io' }];
  await admin.create(roleBindings, { metadata: { name, namespace }, roleRef, subjects } as KubeObject);
  await until({ what: 'the role to count', timeoutMs: 30_000 }, () =>
    agent
      .get(resources.configMaps, key)
      .then(() => true)
      .catch(() => undefined),
  );
  await Promise.all([1, 2, 3, 4].map((pod) => write(pod)));
  const written = await read();
  expect(owners(written)).toEqual(['weather-1', 'weather-2', 'weather-3', 'weather-4']);
  expect(written.metadata.ownerReferences).toContainEqual({
    ...{ apiVersion: 'v1', kind: 'Pod', name: 'weather-1', uid: 'uid-1' },
    ...{ controller: false, blockOwnerDeletion: false },
  });
  expect(written.metadata.labels).toEqual({ 'agent.kagenti.dev/card': 'true' });
});

test('a pod that signs again stays one owner and leaves one field manager', async () => {
  await write(2, 'signed again');
  await write(2, 'and again');
  const written = await read();
  expect(written.data).toEqual({ 'signed-agent-card.json': 'and again' });
  expect(owners(written)).toHaveLength(4);
  const { managedFields } = written.metadata as { managedFields?: { manager: string; operation: string }[] };
  expect(new Set(managedFields?.map(({ manager }) => manager))).toEqual(new Set(['agentcard-signer']));
  expect(managedFields?.length).toBeLessThanOrEqual(2);
});

test('an owner that the garbage collector dropped stays away', async () => {
  const { metadata } = await read();
  const left = metadata.ownerReferences?.filter(({ uid }) => uid !== 'uid-1');
  await admin.patch(resources.configMaps, key, { metadata: { ownerReferences: left } }, { type: 'merge' });
  await write(3);
  expect(owners(await read())).toEqual(['weather-2', 'weather-3', 'weather-4']);
});

test('a ConfigMap that another signer made keeps its key and takes ours', async () => {
  await admin.delete(resources.configMaps, key);
  const foreign = { metadata: { name: 'weather-card-signed', namespace }, data: { 'agent-card.json': 'theirs' } };
  await admin.create(resources.configMaps, foreign as ConfigMap);
  await write(1);
  const written = await read();
  expect(written.data).toEqual({ 'agent-card.json': 'theirs', 'signed-agent-card.json': 'card of 1' });
  expect(owners(written)).toEqual(['weather-1']);
});

test('a ConfigMap that vanishes between look and write is made anew', async () => {
  const vanishing = Object.create(agent, {
    get: {
      value: async (...args: Parameters<KubeClient['get']>) => {
        const found = await admin.get(...args);
        if (found !== undefined) await admin.delete(resources.configMaps, key);
        return found;
      },
    },
    patch: { value: agent.patch.bind(agent) },
    json: { value: agent.json.bind(agent) },
  }) as KubeClient;
  await writeConfigMap(vanishing, placeOf(7), 'anew', never);
  expect(owners(await read())).toEqual(['weather-7']);
});
