import { get } from 'node:http';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type ConfigMap, keyOf, resources } from '../../../src/kube/objects.ts';
import { Controller } from '../../../src/kube/runtime/controller.ts';
import { LeaderElection, type Lease } from '../../../src/kube/runtime/leader-election.ts';
import { createLogger } from '../../../src/kube/runtime/log.ts';
import { Manager } from '../../../src/kube/runtime/manager.ts';
import { createMetrics } from '../../../src/kube/runtime/metrics.ts';
import { lowPriority, WorkQueue } from '../../../src/kube/runtime/queue.ts';
import { Informer } from '../../../src/kube/watch/informer.ts';
import { type ApiServer, startApiServer } from '../../cluster/api-server.ts';
import { freePorts } from '../../cluster/ports.ts';
import { FaultProxy } from './fault-proxy.ts';
import { connect, makeNamespace, quick, until, writer } from './rig.ts';

let api: ApiServer;
beforeAll(async () => {
  api = await startApiServer();
});
afterAll(() => api.stop());

function ask(port: number, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, agent: false }, async (response) => {
      let body = '';
      for await (const chunk of response) body += chunk;
      resolve({ status: response.statusCode ?? 0, body });
    }).on('error', reject);
  });
}

/** A small operator that copies `data.wish` of a ConfigMap into its label `granted`. */
async function operator(namespace: string, identity: string, proxy: FaultProxy) {
  const [metricsPort = 0, probePort = 0] = await freePorts(2);
  const log = createLogger({ level: 'error' });
  const metrics = createMetrics();
  const client = connect(api, proxy);
  const telemetry = metrics.informer('configmaps', log);
  const scope = { namespaces: [namespace], timing: quick, telemetry };
  const informer = new Informer<ConfigMap>({ client, resource: resources.configMaps, ...scope });
  const election = new LeaderElection({ client, namespace, name: 'op', identity, onChange: metrics.leader('op') });
  client.fence = () => election.isLeader();
  const ofController = metrics.controller('wishes', 4);
  const controller = new Controller({
    name: 'wishes',
    workers: 4,
    log,
    telemetry: ofController.controller,
    queue: new WorkQueue({ telemetry: ofController.queue, baseDelayMs: 20 }),
    reconcile: async ({ key, signal }) => {
      const object = informer.get(key);
      const wish = object?.data?.wish;
      if (wish === undefined || object?.metadata.labels?.granted === wish) return undefined;
      const labels = { metadata: { labels: { granted: wish } } };
      informer.take(await client.patch<ConfigMap>(resources.configMaps, key, labels, { type: 'merge', signal }));
      return undefined;
    },
  });
  informer.onEvent({
    add: (object, initial) => controller.add(keyOf(object), initial ? { priority: lowPriority } : {}),
    update: (_, object) => controller.add(keyOf(object)),
  });
  const addresses = { metricsAddress: `127.0.0.1:${metricsPort}`, probeAddress: `127.0.0.1:${probePort}` };
  const manager = new Manager({ log, metrics, election, ...addresses });
  manager.addCache('configmaps', informer);
  manager.addController(controller);
  const stop = new AbortController();
  const done = manager.run(stop.signal);
  const end = async () => {
    stop.abort();
    await done;
  };
  onTestFinished(end);
  await until('the probes', () =>
    ask(probePort, '/healthz').then(
      () => true,
      () => false,
    ),
  );
  const ready = async () => (await ask(probePort, '/readyz')).status === 200;
  return { ready, scrape: async () => (await ask(metricsPort, '/metrics')).body, end, client };
}

test('a replica is ready when it hears, works when it leads, and hands over when it stops', async () => {
  const direct = connect(api);
  const namespace = await makeNamespace(direct, 'manager');
  const write = writer(direct, namespace);
  const granted = async (name: string) =>
    (await direct.get<ConfigMap>(resources.configMaps, `${namespace}/${name}`))?.metadata.labels?.granted;
  const holder = async () => (await direct.get<Lease>(resources.leases, `${namespace}/op`))?.spec?.holderIdentity;
  const proxy = await FaultProxy.start(api);
  onTestFinished(() => proxy.close());
  await write.create('before', { wish: 'one' });

  const a = await operator(namespace, 'a', proxy);
  await until('the first wish', async () => (await granted('before')) === 'one');
  const b = await operator(namespace, 'b', proxy);
  await until('both to be ready', async () => (await a.ready()) && (await b.ready()));
  expect(await a.scrape()).toContain('leader_election_master_status{name="op"} 1');
  expect(await b.scrape()).toContain('leader_election_master_status{name="op"} 0');
  expect(await b.scrape()).toContain('controller_runtime_reconcile_total{controller="wishes",result="success"} 0');
  expect(await b.scrape()).toContain('workqueue_depth{name="wishes",controller="wishes",priority="-100"} 1');

  proxy.mode = { status: 403 };
  proxy.cut('reset');
  await until('unreadiness', async () => !(await a.ready()) && !(await b.ready()));
  expect(await a.scrape()).toContain('watch_deaf{resource="configmaps"} 1');
  await write.create('meanwhile', { wish: 'two' });
  proxy.mode = 'pass';
  await until('readiness', async () => (await a.ready()) && (await b.ready()));
  await until('the second wish', async () => (await granted('meanwhile')) === 'two');

  await a.end();
  await until('the follower', async () => (await holder()) === 'b');
  await write.update('before', { wish: 'three' });
  await until('the third wish', async () => (await granted('before')) === 'three');
  await b.end();
  expect(await holder()).toBe('');
});
