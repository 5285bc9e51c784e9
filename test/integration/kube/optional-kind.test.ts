import { get } from 'node:http';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type KubeObject, resources } from '../../../src/kube/objects.ts';
import { Controller } from '../../../src/kube/runtime/controller.ts';
import { LeaderElection } from '../../../src/kube/runtime/leader-election.ts';
import { createLogger } from '../../../src/kube/runtime/log.ts';
import { Manager } from '../../../src/kube/runtime/manager.ts';
import { createMetrics } from '../../../src/kube/runtime/metrics.ts';
import { OptionalInformer } from '../../../src/kube/watch/optional-informer.ts';
import { customResources, sandboxVersions } from '../../../src/operator/api/resources.ts';
import { type ApiServer, startApiServer } from '../../cluster/api-server.ts';
import { freePorts } from '../../cluster/ports.ts';
import { connect, makeNamespace, quick, until } from './rig.ts';

const { sandboxes } = customResources;
const { customResourceDefinitions: definitions } = resources;
const namespace = 'optional';
const name = `${sandboxes.plural}.${sandboxes.group}`;

let api: ApiServer;
beforeAll(async () => {
  api = await startApiServer();
});
afterAll(() => api?.stop());

/** The versions of the kind; the first is stored. */
function versionsOf(served: Readonly<Record<string, boolean>>) {
  return Object.entries(served).map(([version, isServed], index) => ({
    name: version,
    served: isServed,
    storage: index === 0,
    schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
  }));
}

function definition(served: Readonly<Record<string, boolean>>): KubeObject {
  const { group, plural, kind } = sandboxes;
  const names = { plural, kind, singular: kind.toLowerCase(), listKind: `${kind}List` };
  // A group of *.x-k8s.io is protected: it wants to be told that this is no official kind.
  const annotations = { 'api-approved.kubernetes.io': 'unapproved, for a test' };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name, annotations },
    spec: { group, names, scope: 'Namespaced', versions: versionsOf(served) },
  } as KubeObject;
}

/** The cluster's administrator. */
function administer() {
  const client = connect(api);
  const serves = async (version: string) => {
    const list = client.list({ ...sandboxes, version }, { namespace });
    return list.then(
      () => true,
      () => false,
    );
  };
  const shown = (version: string, wanted: boolean) =>
    until(`${version} to be ${wanted ? '' : 'no longer '}served`, async () => (await serves(version)) === wanted);
  return {
    client,
    define: async (served: Readonly<Record<string, boolean>>) => {
      await client.create(definitions, definition(served));
      for (const [version, isServed] of Object.entries(served)) await shown(version, isServed);
    },
    serve: async (served: Readonly<Record<string, boolean>>) => {
      await client.patch(definitions, name, { spec: { versions: versionsOf(served) } }, { type: 'merge' });
      for (const [version, isServed] of Object.entries(served)) await shown(version, isServed);
    },
    undefine: async () => {
      await client.delete(definitions, name);
      await until('the definition to go', async () => (await client.get(definitions, name)) === undefined);
    },
    createSandbox: (sandbox: string, version: string) => {
      const object = { apiVersion: `${sandboxes.group}/${version}`, kind: sandboxes.kind };
      const metadata = { name: sandbox, namespace };
      return client.create({ ...sandboxes, version }, { ...object, metadata });
    },
  };
}

async function statusOf(port: number, path: string): Promise<number> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on('error', () => resolve(0));
  });
}

/** A replica whose one cache is of Sandboxes. */
async function replica(identity: string, more: { readonly discoverMs?: number } = {}) {
  const [port = 0] = await freePorts(1);
  const lines: Record<string, unknown>[] = [];
  const log = createLogger({ write: (line) => lines.push(JSON.parse(line)) });
  const metrics = createMetrics();
  const client = connect(api);
  const informer = new OptionalInformer<KubeObject>({
    client,
    resource: sandboxes,
    versions: sandboxVersions,
    ...more,
    timing: quick,
    telemetry: metrics.informer(sandboxes.plural, log),
  });
  const told = new Map<string, string>();
  const tell = ({ apiVersion = '', metadata }: KubeObject) =>
    void told.set(metadata.name, apiVersion.split('/')[1] ?? '');
  let removals = 0;
  informer.onEvent({
    add: tell,
    update: (_, sandbox) => tell(sandbox),
    remove: ({ metadata }) => {
      told.delete(metadata.name);
      removals++;
    },
  });
  const election = new LeaderElection({ client, namespace, name: 'optional', identity, retryMs: 200 });
  const manager = new Manager({
    ...{ log, metrics, election },
    metricsAddress: '0',
    probeAddress: `127.0.0.1:${port}`,
  });
  manager.addCache(sandboxes.plural, informer);
  const worked: string[] = [];
  const reconcile = async ({ key }: { readonly key: string }) => {
    worked.push(key);
    return undefined;
  };
  const controller = new Controller({ name: 'work', workers: 1, log, reconcile });
  controller.add('first');
  manager.addController(controller);
  manager.health.addReadyProbe('lease', () => election.healthy());
  const stop = new AbortController();
  const done = manager.run(stop.signal);
  const end = async () => {
    stop.abort();
    await done;
  };
  onTestFinished(end);
  const ready = async () => (await statusOf(port, '/readyz')) === 200;
  const warned = () =>
    lines.filter(({ level, served }) => level === 'warn' && served).map(({ served }) => String(served));
  const knows = () => [...told].map((each) => each.join(' ')).sort();
  return { informer, knows, removals: () => removals, worked, ready, warned, end };
}

test('two replicas work and stand by whatever becomes of the kind, and read the best version that is served', async () => {
  const admin = administer();
  await makeNamespace(admin.client, namespace);
  await admin.define({ v2: true });
  await admin.createSandbox('early', 'v2');

  const a = await replica('a');
  await until('a to work', () => a.worked.length > 0);
  // One may watch the definition, the other asks discovery.
  const b = await replica('b', { discoverMs: 100 });
  const ready = () => until('both to be ready', async () => (await a.ready()) && (await b.ready()));
  const know = (...sandboxes: string[]) =>
    until(`both to know of ${sandboxes}`, () =>
      [a, b].every(
        ({ knows, informer }) => String(knows()) === String(sandboxes) && informer.size === sandboxes.length,
      ),
    );
  await ready();
  await know();
  expect(b.worked).toEqual([]);
  expect([a, b].map(({ warned }) => warned().at(-1))).toEqual(['v2', 'v2']);

  await admin.serve({ v2: true, v1alpha1: true });
  await know('early v1alpha1');
  await admin.createSandbox('late', 'v1alpha1');
  await know('early v1alpha1', 'late v1alpha1');
  await ready();

  await admin.serve({ v2: true, v1alpha1: true, v1beta1: true });
  await know('early v1beta1', 'late v1beta1');
  await admin.serve({ v2: true, v1beta1: true, v1alpha1: false });
  await know('early v1beta1', 'late v1beta1');
  await admin.createSandbox('later', 'v1beta1');
  await know('early v1beta1', 'late v1beta1', 'later v1beta1');
  expect([a, b].map(({ removals }) => removals())).toEqual([0, 0]);
  await ready();

  await admin.serve({ v2: true, v1beta1: false, v1alpha1: false });
  await know();
  expect([a, b].map(({ informer }) => informer.unread)).toEqual(Array(2).fill(expect.stringContaining('v2 alone')));
  await ready();

  await admin.undefine();
  await know();
  await ready();

  await admin.define({ v1beta1: true });
  await admin.createSandbox('again', 'v1beta1');
  await know('again v1beta1');
  await ready();
  await admin.undefine();
  await know();

  await a.end();
  await until('b to work', () => b.worked.length > 0);
});

test('a replica that starts while the kind comes and goes leads all the same', async () => {
  const admin = administer();
  for (let round = 0; round < 3; round++) {
    const defined = admin.define({ v1alpha1: true });
    const a = await replica(`round-${round}`);
    await defined;
    await admin.undefine();
    await until('it to work', () => a.worked.length > 0);
    await until('it to be ready', a.ready);
    await a.end();
  }
});
