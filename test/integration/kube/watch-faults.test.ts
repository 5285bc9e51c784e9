import { getEventListeners } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import type { KubeClient } from '../../../src/kube/client/client.ts';
import { resources } from '../../../src/kube/objects.ts';
import { type ApiServer, startApiServer } from '../../cluster/api-server.ts';
import { cuts, FaultProxy, outages } from './fault-proxy.ts';
import { restart } from './restart.ts';
import { connect, makeNamespace, until, untilEqual, watchConfigMaps, writer } from './rig.ts';

/** Two hundred show a leak; a thousand show a slow one. */
const reconnects = Number(process.env.AGENTCARD_RECONNECTS ?? 200);

let api: ApiServer;
let proxy: FaultProxy;
let direct: KubeClient;
let namespace: string;
let tests = 0;

beforeAll(async () => {
  api = await startApiServer();
});
afterAll(() => api.stop());
beforeEach(async () => {
  direct = connect(api);
  proxy = await FaultProxy.start(api);
  namespace = await makeNamespace(direct, `faults-${++tests}`);
});
afterEach(() => proxy.close());

/** Objects whose fate during the gap differs: untouched, changed, deleted, recreated, new. */
async function populate() {
  const write = writer(direct, namespace);
  for (const name of ['same', 'changed', 'deleted', 'recreated']) await write.create(name);
  const meanwhile = async () => {
    await write.update('changed', { a: '1' });
    await write.remove('deleted');
    await write.remove('recreated');
    await write.create('recreated');
    await write.create('new');
  };
  return { write, meanwhile };
}

/** What a watcher must have been told after the gap, whatever the order between objects. */
function expectFates(story: readonly string[]): void {
  const of = (name: string) => story.filter((line) => line.endsWith(` ${name}`)).map((line) => line.split(' ')[0]);
  expect(of('same')).toEqual(['add']);
  expect(of('changed')).toEqual(['add', 'update']);
  expect(of('deleted')).toEqual(['add', 'remove']);
  expect(of('recreated')).toEqual(['add', 'remove', 'add']);
  expect(of('new')).toEqual(['add']);
}

test.each(cuts)('nothing is missed when the watch ends by %s', async (cut) => {
  const { meanwhile } = await populate();
  const { informer, story, problems } = await watchConfigMaps(connect(api, proxy), { namespaces: [namespace] });
  proxy.mode = 'silence';
  const before = proxy.requests.length;
  proxy.freeze();
  await meanwhile();
  proxy.mode = 'pass';
  proxy.cut(cut);
  await untilEqual(informer, direct, namespace);
  expectFates(story);
  expect(problems).toEqual([]);
  expect(proxy.requests.length - before).toBeLessThanOrEqual(4);
  expect(informer.healthy()).toBe(true);
});

test('a connection that stands but says nothing is given up and replaced', async () => {
  const { meanwhile } = await populate();
  const { informer, story, failures } = await watchConfigMaps(connect(api, proxy), { namespaces: [namespace] });
  // Older API servers refuse the streaming list first, and the watch opens after the list that takes its place.
  await expect.poll(() => proxy.streams).toBe(1);
  proxy.freeze();
  await meanwhile();
  await untilEqual(informer, direct, namespace);
  expectFates(story);
  expect(failures.find((each) => each !== '422 Invalid')).toBe('0 Silent');
});

test.each(outages)(
  'during an outage by %s the cache says that it is deaf, and afterwards nothing was missed',
  async (_, mode) => {
    const { meanwhile } = await populate();
    const { informer, story, problems } = await watchConfigMaps(connect(api, proxy), { namespaces: [namespace] });
    expect(informer.healthy()).toBe(true);
    proxy.mode = mode;
    proxy.cut('reset');
    const [before, started] = [proxy.requests.length, performance.now()];
    await meanwhile();
    await until('deafness', () => !informer.healthy());
    const asked = proxy.requests.length - before;
    // Full jitter over 20, 40, … 300 ms; a 401 is asked twice. A storm would be thousands.
    expect(asked).toBeLessThanOrEqual(20 + (performance.now() - started) / 10);
    proxy.mode = 'pass';
    await untilEqual(informer, direct, namespace);
    await until('health', () => informer.healthy());
    expectFates(story);
    expect(problems).toEqual([]);
  },
);

test('a restart of the API server is survived', async () => {
  const { write, meanwhile } = await populate();
  const { informer, story } = await watchConfigMaps(connect(api), { namespaces: [namespace] });
  await meanwhile();
  await api.restartApiServer();
  await write.update('new', { after: 'restart' });
  await untilEqual(informer, direct, namespace);
  expect(story.filter((line) => line.endsWith('recreated'))).toEqual([
    'add recreated',
    'remove recreated',
    'add recreated',
  ]);
  await until('health', () => informer.healthy());
});

test('a restart of etcd under the API server is survived', async () => {
  const { write, meanwhile } = await populate();
  const { informer, story, problems } = await watchConfigMaps(connect(api), { namespaces: [namespace] });
  await meanwhile();
  await restart(api, 'etcd', () => sleep(1_000));
  await until('etcd to be back', () => succeeds(write.update('new', { after: 'restart' })));
  await write.remove('same');
  await untilEqual(informer, direct, namespace);
  await until('health', () => informer.healthy());
  expect(story.filter((line) => line.startsWith('remove'))).toHaveLength(3);
  expect(problems).toEqual([]);
});

test('a cluster restored from a backup is believed, though its versions are lower', { timeout: 120_000 }, async () => {
  const { write } = await populate();
  const { informer, story } = await watchConfigMaps(connect(api), { namespaces: [namespace] });
  const backup = await mkdtemp(join(tmpdir(), 'etcd-backup-'));
  onTestFinished(() => rm(backup, { recursive: true }));
  const dataOf = (args: readonly string[]) => args.find((arg) => arg.startsWith('--data-dir='))?.slice(11) ?? '';
  await restart(api, 'etcd', (args) => cp(dataOf(args), backup, { recursive: true }));
  await until('etcd to be back', () => succeeds(write.create('after-the-backup')));
  await write.remove('deleted');
  for (let round = 0; round < 20; round++) await write.update('changed', { round: String(round) });
  await untilEqual(informer, direct, namespace);
  await restart(api, 'etcd', async (args) => {
    await rm(dataOf(args), { recursive: true });
    await cp(backup, dataOf(args), { recursive: true });
  });
  await restart(api, 'apiServer', async () => {});
  await until('the API server to be back', () => succeeds(direct.list(resources.configMaps, { namespace })), 50_000);
  await untilEqual(informer, direct, namespace);
  expect(informer.get(`${namespace}/after-the-backup`)).toBeUndefined();
  expect(story.filter((line) => line.endsWith(' deleted'))).toEqual(['add deleted', 'remove deleted', 'add deleted']);
});

test('an event that the watch swallowed is found by the audit, counted and repaired', async () => {
  const { write } = await populate();
  const options = { namespaces: [namespace], auditMs: 300, auditSettleMs: 1_000 };
  const { informer, missed } = await watchConfigMaps(connect(api, proxy), options);
  proxy.letPass = (line) => !line.includes('"swallowed"');
  await write.create('swallowed');
  await write.create('delivered');
  await until('the next event', () => informer.get(`${namespace}/delivered`) !== undefined);
  expect(informer.get(`${namespace}/swallowed`)).toBeUndefined();
  proxy.letPass = () => true;
  await until('the audit', () => missed.length > 0);
  expect(missed[0]).toBe(1);
  await untilEqual(informer, direct, namespace);
});

test('an audit of a sound watch finds nothing while objects come and go', async () => {
  const { write } = await populate();
  const options = { namespaces: [namespace], auditMs: 50, auditSettleMs: 1_000 };
  const { informer, missed } = await watchConfigMaps(connect(api, proxy), options);
  const lists = () => proxy.requests.filter(({ watch }) => !watch).length;
  for (let round = 0; lists() < 5 && round < 500; round++) {
    await write.create(`brief-${round}`);
    await write.update('changed', { round: String(round) });
    await write.remove(`brief-${round}`);
  }
  expect(lists()).toBeGreaterThanOrEqual(5);
  await untilEqual(informer, direct, namespace);
  expect(missed).toEqual([]);
});

test('many reconnects leave nothing behind', { timeout: 60_000 + reconnects * 500 }, async () => {
  const { write } = await populate();
  const gc = garbageCollector();
  const timing = { openMs: 10_000, idleMs: 10_000, baseDelayMs: 1, maxDelayMs: 2, soundMs: 10_000, deafAfterMs: 5_000 };
  const client = connect(api, proxy);
  const { informer, stop, problems } = await watchConfigMaps(client, { namespaces: [namespace], timing });
  const watches = () => proxy.requests.filter(({ watch }) => watch).length;
  const reconnect = async (times: number) => {
    for (let i = 0; i < times; i++) {
      const before = watches();
      await until('a live watch', () => proxy.streams === 1 && informer.healthy());
      proxy.cut(cuts[i % 5] ?? 'reset');
      await until('the next watch', () => watches() > before);
    }
    proxy.requests.length = 0;
    gc();
    return { heap: process.memoryUsage().heapUsed, listeners: getEventListeners(stop, 'abort').length };
  };
  const early = await reconnect(60);
  const late = await reconnect(reconnects);
  expect(late.listeners).toBeLessThanOrEqual(early.listeners + 1);
  expect((late.heap - early.heap) / reconnects).toBeLessThan(4_096);
  await write.update('changed', { last: 'yes' });
  await untilEqual(informer, direct, namespace);
  expect(problems).toEqual([]);
});

function succeeds(call: Promise<unknown>): Promise<boolean> {
  return call.then(
    () => true,
    () => false,
  );
}

function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
