import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { KubeClient } from '../../../src/kube/client/client.ts';
import { inClusterConfig } from '../../../src/kube/client/config.ts';
import { kubeconfigConfig } from '../../../src/kube/client/kubeconfig.ts';
import { type ConfigMap, type KubeObject, keyOf, resources } from '../../../src/kube/objects.ts';
import { EventRecorder } from '../../../src/kube/runtime/event-recorder.ts';
import { type ApiServer, startApiServer } from '../../cluster/api-server.ts';
import { FaultProxy } from './fault-proxy.ts';
import { connect, makeNamespace, until, untilEqual, watchConfigMaps, writer } from './rig.ts';

let api: ApiServer;
beforeAll(async () => {
  api = await startApiServer();
});
afterAll(() => api.stop());

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: { code: number }) => error.code,
  );

test('preconditions refuse what was written or recreated in between', async () => {
  const client = connect(api);
  const namespace = await makeNamespace(client, 'preconditions');
  const write = writer(client, namespace);
  const key = `${namespace}/a`;
  const first = await write.create('a');
  await write.update('a', { changed: 'yes' });
  const stale = { metadata: { resourceVersion: first.metadata.resourceVersion }, data: { late: 'yes' } };
  expect(await failure(client.patch(resources.configMaps, key, stale, { type: 'merge' }))).toBe(409);
  expect(await failure(client.delete(resources.configMaps, key, { uid: 'another' }))).toBe(409);
  await write.remove('a');
  await write.create('a');
  const { uid, resourceVersion } = first.metadata;
  const buried = { metadata: { uid, resourceVersion }, data: { late: 'yes' } };
  expect(await failure(client.patch(resources.configMaps, key, buried, { type: 'merge' }))).toBe(409);
  expect((await client.get<ConfigMap>(resources.configMaps, key))?.data).toEqual(undefined);
});

test('a merge patch removes by null, an apply owns its fields, a dry run changes nothing', async () => {
  const client = connect(api);
  const namespace = await makeNamespace(client, 'patches');
  const key = `${namespace}/a`;
  await writer(client, namespace).create('a', { gone: '1', kept: '2' });
  const merged = await client.patch<ConfigMap>(resources.configMaps, key, { data: { gone: null } }, { type: 'merge' });
  expect(merged.data).toEqual({ kept: '2' });
  const apply = { apiVersion: 'v1', kind: 'ConfigMap', data: { applied: '3' } };
  const options = { type: 'apply', fieldManager: 'test', force: true } as const;
  await client.patch(resources.configMaps, key, apply, { ...options, dryRun: true });
  expect((await client.get<ConfigMap>(resources.configMaps, key))?.data).toEqual({ kept: '2' });
  const applied = await client.patch<ConfigMap>(resources.configMaps, key, apply, options);
  expect(applied.data).toEqual({ kept: '2', applied: '3' });
});

test('pages and metadata-only lists name the same objects', async () => {
  const client = connect(api);
  const namespace = await makeNamespace(client, 'pages');
  const write = writer(client, namespace);
  await Promise.all(Array.from({ length: 25 }, (_, i) => write.create(`n${i}`, { some: 'data' })));
  const { items } = await client.list<ConfigMap>(resources.configMaps, { namespace, limit: 10 });
  const bare = await client.list<ConfigMap>(resources.configMaps, { namespace, metadataOnly: true });
  expect(items).toHaveLength(25);
  expect(bare.items.map(keyOf)).toEqual(items.map(keyOf));
  expect(bare.items.some((item) => 'data' in item)).toBe(false);
});

test('a label that leaves the selector is a removal', async () => {
  const client = connect(api);
  const namespace = await makeNamespace(client, 'selectors');
  const labelSelector = 'card=true';
  const { informer, story } = await watchConfigMaps(client, { namespaces: [namespace], labelSelector });
  const metadata = { name: 'a', namespace, labels: { card: 'true' } };
  await client.create(resources.configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata });
  await until('the object', () => informer.size === 1);
  const patch = { metadata: { labels: { card: null } } };
  informer.take(await client.patch(resources.configMaps, `${namespace}/a`, patch, { type: 'merge' }));
  await until('its removal', () => informer.size === 0);
  // Whether our write or its removal is seen first is the network's choice; it must not come back.
  expect(story.filter((line) => line !== 'update a')).toEqual(['add a', 'remove a']);
});

test('our own write is in the cache before the watch brings it, and is told once', async () => {
  const client = connect(api);
  const namespace = await makeNamespace(client, 'own-writes');
  const write = writer(client, namespace);
  const { informer, story } = await watchConfigMaps(client, { namespaces: [namespace] });
  informer.take(await write.create('a'));
  informer.take(await write.update('a', { n: '1' }));
  expect(informer.get(`${namespace}/a`)?.data).toEqual({ n: '1' });
  await write.create('last');
  await until('the last event', () => story.includes('add last'));
  expect(story).toEqual(['add a', 'update a', 'add last']);
});

test('a server without streaming lists is listed in pages', async () => {
  const old = await startApiServer({ extraArgs: ['--feature-gates=WatchList=false'] });
  onTestFinished(() => old.stop());
  const proxy = await FaultProxy.start(old);
  onTestFinished(() => proxy.close());
  const client = connect(old);
  const namespace = await makeNamespace(client, 'no-streaming');
  const write = writer(client, namespace);
  await write.create('a');
  const { informer, failures } = await watchConfigMaps(connect(old, proxy), { namespaces: [namespace] });
  expect(informer.size).toBe(1);
  await write.create('b');
  await untilEqual(informer, client, namespace);
  expect(failures).toEqual(['422 Invalid']);
  expect(proxy.requests.filter(({ watch }) => !watch)).toHaveLength(1);
});

test('a kubeconfig with a client certificate opens the same doors', async () => {
  const client = new KubeClient(await kubeconfigConfig(api.kubeconfig));
  onTestFinished(() => client.close());
  expect(await client.get(resources.namespaces, 'default')).toMatchObject({ metadata: { name: 'default' } });
});

test('a rotated service account token is picked up after a 401, by calls and by watches', async () => {
  const admin = connect(api);
  const namespace = await makeNamespace(admin, 'rotation');
  const directory = await mkdtemp(join(tmpdir(), 'service-account-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const put = (name: string, content: string) => writeFile(join(directory, name), content);
  await Promise.all([put('ca.crt', api.caPem), put('namespace', namespace), put('token', 'expired')]);
  const { hostname, port } = new URL(api.url);
  const env = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
  const client = new KubeClient(inClusterConfig({ env, directory }));
  onTestFinished(() => client.close());
  expect(await failure(client.get(resources.namespaces, 'default'))).toBe(401);
  await put('token', await serviceAccountToken(admin, namespace));
  const { informer } = await watchConfigMaps(client, { namespaces: [namespace] });
  await writer(admin, namespace).create('a');
  await until('the object', () => informer.size === 1);
  expect(await client.get(resources.configMaps, `${namespace}/a`)).toMatchObject({
    metadata: { name: 'a', namespace },
  });
  expect(await failure(client.list({ ...resources.pods }, { namespace }))).toBe(403);
});

/** A bound token, as a pod would have it, of an account that may read ConfigMaps. */
async function serviceAccountToken(admin: KubeClient, namespace: string): Promise<string> {
  const post = <T>(path: string, body: object) => admin.json<T>({ method: 'POST', path, body });
  const metadata = { name: 'reader', namespace };
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  await post(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata });
  const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch'] }];
  await post(`${rbac}/roles`, { metadata, rules });
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' };
  const subjects = [{ kind: 'ServiceAccount', name: 'reader', namespace }];
  await post(`${rbac}/rolebindings`, { metadata, roleRef, subjects });
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/reader/token`;
  const { status } = await post<{ status: { token: string } }>(path, { spec: { expirationSeconds: 600 } });
  return status.token;
}

test('the API server takes our Events, and counts their repetitions', async () => {
  const client = connect(api);
  const namespace = await makeNamespace(client, 'events');
  const regarding = await writer(client, namespace).create('a');
  const settings = { client, controller: 'agent.kagenti.dev/agentcard-operator', instance: 'pod-1', paceMs: 0 };
  const recorder = new EventRecorder(settings);
  const record = { regarding, type: 'Warning', reason: 'Broken', action: 'Dial', note: 'it broke' } as const;
  recorder.record(record);
  await recorder.flush(10_000);
  recorder.record(record);
  recorder.record(record);
  await recorder.flush(10_000);
  const { items } = await client.list<KubeObject & Record<string, unknown>>(resources.events, { namespace });
  expect(items).toHaveLength(1);
  expect(items[0]).toMatchObject({ reason: 'Broken', note: 'it broke', series: { count: 3 } });
});
