import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { KubeClient } from '../../../src/kube/client/client.ts';
import { type ConfigMap, compareVersions, resources } from '../../../src/kube/objects.ts';
import { LeaderElection, type Lease } from '../../../src/kube/runtime/leader-election.ts';
import { type ApiServer, startApiServer } from '../../cluster/api-server.ts';
import type { ContenderSettings } from './contender.ts';
import { FaultProxy } from './fault-proxy.ts';
import { connect, makeNamespace, until } from './rig.ts';

/** Elections take the times that they have in a cluster: with shorter ones a busy machine renews too late. */
const patienceMs = 60_000;

let api: ApiServer;
let client: KubeClient;
let home: string;
beforeAll(async () => {
  api = await startApiServer();
  home = await mkdtemp(join(tmpdir(), 'election-'));
});
afterAll(async () => {
  await api.stop();
  await rm(home, { recursive: true });
});

const leaseOf = async (namespace: string) => (await client.get<Lease>(resources.leases, `${namespace}/contest`))?.spec;
const untilHeld = (namespace: string, by: string) =>
  until(`${by} to lead`, async () => (await leaseOf(namespace))?.holderIdentity === by, patienceMs);

async function contest(name: string): Promise<string> {
  client = connect(api);
  return makeNamespace(client, name);
}

async function contender(namespace: string, identity: string, proxy?: FaultProxy): Promise<ChildProcess> {
  const caFile = join(home, `${identity}.crt`);
  await writeFile(caFile, proxy?.caPem ?? api.caPem);
  const server = proxy?.url ?? api.url;
  const settings: ContenderSettings = { server, caFile, token: api.adminToken, namespace, identity };
  const script = fileURLToPath(new URL('./contender.ts', import.meta.url));
  const child = spawn(process.execPath, [script, JSON.stringify(settings)], { stdio: 'inherit' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return child;
}

/** Writers in the order of their writes, each named once per uninterrupted turn. */
async function turns(namespace: string): Promise<string[]> {
  const { items } = await client.list<ConfigMap>(resources.configMaps, { namespace });
  const written = items.toSorted((a, b) => compareVersions(a.metadata.resourceVersion, b.metadata.resourceVersion));
  const writers = written.flatMap(({ data }) => data?.identity ?? []);
  return writers.filter((who, i) => who !== writers[i - 1]);
}

const untilTurns = (namespace: string, expected: readonly string[]) =>
  until(`turns of ${expected}`, async () => (await turns(namespace)).join() === expected.join(), patienceMs);

test('a leader that stops is followed long before its lease would have ended', async () => {
  const namespace = await contest('release');
  const elect = (identity: string) => new LeaderElection({ client, namespace, name: 'contest', identity });
  const [a, b] = [elect('a'), elect('b')];
  const stop = new AbortController();
  await a.acquire(stop.signal);
  const following = b.acquire(stop.signal);
  await until('the Lease', async () => (await leaseOf(namespace))?.leaseDurationSeconds === 15);
  const released = performance.now();
  await a.release();
  await following;
  expect(performance.now() - released).toBeLessThan(10_000);
  expect([a.isLeader(), b.isLeader()]).toEqual([false, true]);
  expect(await leaseOf(namespace)).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  await b.release();
});

test('a killed leader is followed after its lease', async () => {
  const namespace = await contest('kill');
  const a = await contender(namespace, 'a');
  await untilTurns(namespace, ['a']);
  await contender(namespace, 'b');
  a.kill('SIGKILL');
  await untilTurns(namespace, ['a', 'b']);
});

test('a leader told to stop leaves in order, and its follower goes on', async () => {
  const namespace = await contest('sigterm');
  const a = await contender(namespace, 'a');
  await untilTurns(namespace, ['a']);
  await contender(namespace, 'b');
  const code = new Promise((resolve) => a.once('exit', resolve));
  a.kill('SIGTERM');
  expect(await code).toBe(0);
  await untilTurns(namespace, ['a', 'b']);
});

test('a paused leader that wakes up writes nothing more', async () => {
  const namespace = await contest('pause');
  const a = await contender(namespace, 'a');
  await untilTurns(namespace, ['a']);
  await contender(namespace, 'b');
  const code = new Promise((resolve) => a.once('exit', resolve));
  a.kill('SIGSTOP');
  await untilHeld(namespace, 'b');
  await untilTurns(namespace, ['a', 'b']);
  a.kill('SIGCONT');
  expect(await code).toBe(1);
  expect(await turns(namespace)).toEqual(['a', 'b']);
});

test('a leader cut off from the API server gives up before another follows', async () => {
  const namespace = await contest('partition');
  const proxy = await FaultProxy.start(api);
  onTestFinished(() => proxy.close());
  const a = await contender(namespace, 'a', proxy);
  await untilTurns(namespace, ['a']);
  await contender(namespace, 'b');
  const code = new Promise((resolve) => a.once('exit', resolve));
  proxy.mode = 'silence';
  expect(await code).toBe(1);
  expect((await leaseOf(namespace))?.holderIdentity).toBe('a');
  proxy.mode = 'pass';
  await untilTurns(namespace, ['a', 'b']);
});
