import { expect, test } from 'vitest';
import { Controller } from '../../../../src/kube/runtime/controller.ts';
import type { EventRecorder } from '../../../../src/kube/runtime/event-recorder.ts';
import { type LeaderElection, LeadershipLost } from '../../../../src/kube/runtime/leader-election.ts';
import { createLogger } from '../../../../src/kube/runtime/log.ts';
import { type Cache, Manager, type ManagerOptions, type Task } from '../../../../src/kube/runtime/manager.ts';
import { createMetrics } from '../../../../src/kube/runtime/metrics.ts';
import { until } from '../fake-api.ts';

/** Everything a manager runs, each part writing its start and end to one story. */
function rig(options: { graceMs?: number; synced?: boolean; elected?: boolean } = {}) {
  const story: string[] = [];
  const tell = (line: string) => void story.push(line);
  const log = createLogger({ write: (line) => tell(JSON.parse(line).message) });
  const synced = Promise.withResolvers<void>();
  const acquired = Promise.withResolvers<void>();
  const lost = Promise.withResolvers<LeadershipLost>();
  if (options.synced ?? true) synced.resolve();
  if (options.elected ?? true) acquired.resolve();
  const runs = (name: string) => async (signal: AbortSignal) => {
    tell(`${name} starts`);
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    tell(`${name} ends`);
  };
  const cache: Cache = { synced: synced.promise, hasSynced: true, size: 0, healthy: () => true, start: runs('cache') };
  const election = {
    lost: lost.promise,
    acquire: (signal: AbortSignal) => {
      const given = new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      return Promise.race([acquired.promise, given]);
    },
    release: async () => tell('released'),
  } as unknown as LeaderElection;
  const events = { flush: async () => tell('flushed') } as unknown as EventRecorder;
  const metrics = createMetrics();
  const settings: ManagerOptions = { log, metrics, election, events, metricsAddress: '0', probeAddress: '127.0.0.1:0' };
  const manager = new Manager({ ...settings, graceMs: options.graceMs ?? 5_000 });
  manager.addCache('cards', cache);
  const run = Promise.withResolvers<void>();
  const reconcile = async ({ signal }: { signal: AbortSignal }) => {
    tell('reconcile starts');
    signal.addEventListener('abort', () => tell('reconcile aborted'));
    await run.promise;
    tell('reconcile ends');
    return undefined;
  };
  const controller = new Controller({ name: 'cards', workers: 1, log, reconcile });
  controller.add('a');
  manager.addController(controller);
  const task = (name: string, needsLeadership: boolean): Task => ({ name, needsLeadership, run: runs(name) });
  manager.addTask(task('watcher', false));
  manager.addTask(task('dialler', true));
  const stop = new AbortController();
  return { manager, story, stop, run, synced, acquired, lost, tell, done: manager.run(stop.signal) };
}

test('it starts from the caches to the work, and stops from the work to the caches', async () => {
  const { story, stop, run, done } = rig();
  await until(() => story.includes('reconcile starts'));
  stop.abort();
  await until(() => story.includes('dialler ends'));
  expect(story).not.toContain('released');
  run.resolve();
  await done;
  expect(story).toEqual([
    ...['cache starts', 'watcher starts', 'caches synced', 'leading', 'dialler starts', 'reconcile starts'],
    ...['stopping', 'dialler ends', 'reconcile ends', 'flushed', 'released', 'cache ends', 'watcher ends', 'stopped'],
  ]);
});

test('nothing works before the caches are full', async () => {
  const { story, stop, synced, run, done } = rig({ synced: false });
  run.resolve();
  await until(() => story.includes('watcher starts'));
  expect(story).toEqual(['cache starts', 'watcher starts']);
  synced.resolve();
  await until(() => story.includes('leading'));
  stop.abort();
  await done;
});

test('a standby keeps its caches and stops without a trace', async () => {
  const { story, stop, done } = rig({ elected: false });
  await until(() => story.includes('caches synced'));
  stop.abort();
  await done;
  expect(story).toEqual([
    'cache starts',
    'watcher starts',
    'caches synced',
    'released',
    'cache ends',
    'watcher ends',
    'stopped',
  ]);
});

test('a stop before the caches are full is orderly', async () => {
  const { story, stop, done } = rig({ synced: false });
  stop.abort();
  await done;
  expect(story).toEqual(['cache starts', 'watcher starts', 'cache ends', 'watcher ends', 'stopped']);
});

test('a run that does not end within the grace is aborted', async () => {
  const { story, stop, done } = rig({ graceMs: 20 });
  await until(() => story.includes('reconcile starts'));
  stop.abort();
  await done;
  expect(story.indexOf('reconcile aborted')).toBeLessThan(story.indexOf('released'));
});

test('lost leadership leaves no grace and is a failure', async () => {
  const { story, lost, done } = rig({ graceMs: 60_000 });
  await until(() => story.includes('reconcile starts'));
  lost.resolve(new LeadershipLost('gone'));
  await expect(done).rejects.toThrow(LeadershipLost);
  expect(story).toContain('reconcile aborted');
  expect(story.at(-1)).toBe('stopped');
});

test('a part that fails ends the rest in order, and is named', async () => {
  const failing = new Manager({
    log: createLogger({ write: () => {} }),
    metrics: createMetrics(),
    metricsAddress: '0',
    probeAddress: '0',
  });
  failing.addTask({ name: 'identities', needsLeadership: false, run: () => Promise.reject(new Error('broken')) });
  await expect(failing.run(new AbortController().signal)).rejects.toThrow('identities failed');
});

test('a replica is ready once it works or stands by, and no longer', async () => {
  const { manager, story, stop, synced, acquired, run, done } = rig({ synced: false, elected: false });
  const ready = () => manager.health.respond('/readyz', true);
  await until(() => story.includes('cache starts'));
  expect(ready()).toMatchObject({ status: 503, body: expect.stringContaining('work failed: waits for its caches') });
  synced.resolve();
  await until(() => story.includes('caches synced'));
  expect(ready().status).toBe(200);
  acquired.resolve();
  await until(() => story.includes('dialler starts'));
  expect(ready().status).toBe(200);
  stop.abort();
  expect(ready()).toMatchObject({ status: 503, body: expect.stringContaining('work failed: stopping') });
  run.resolve();
  await done;
});

test('a cache that does not hear makes the replica unready', () => {
  const manager = new Manager({
    log: createLogger({ write: () => {} }),
    metrics: createMetrics(),
    metricsAddress: '0',
    probeAddress: '0',
  });
  const cache = { hasSynced: false, hears: false };
  manager.addCache('pods', {
    synced: Promise.resolve(),
    get hasSynced() {
      return cache.hasSynced;
    },
    size: 0,
    healthy: () => cache.hears,
    start: async () => {},
  });
  const ready = () => manager.health.respond('/readyz', true);
  expect(ready()).toMatchObject({ status: 503, body: expect.stringContaining('watch-pods failed: not synced') });
  cache.hasSynced = true;
  expect(ready()).toMatchObject({ status: 503, body: expect.stringContaining('watch-pods failed: deaf') });
  cache.hears = true;
  expect(ready().status).toBe(200);
});
