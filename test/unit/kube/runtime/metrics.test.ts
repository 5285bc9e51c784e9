import { expect, test } from 'vitest';
import { ApiError } from '../../../../src/kube/client/client.ts';
import { Controller, TerminalError } from '../../../../src/kube/runtime/controller.ts';
import { createLogger } from '../../../../src/kube/runtime/log.ts';
import { createMetrics } from '../../../../src/kube/runtime/metrics.ts';
import { WorkQueue } from '../../../../src/kube/runtime/queue.ts';
import { until } from '../fake-api.ts';

/** Sample lines of a scrape, by name and labels. */
async function scrape(metrics: ReturnType<typeof createMetrics>): Promise<Map<string, number>> {
  const text = await metrics.registry.metrics();
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

test("a controller's metrics are there, at zero, before anything happened", async () => {
  const metrics = createMetrics();
  const { queue: telemetry } = metrics.controller('cards', 8);
  metrics.trackQueue('cards', new WorkQueue({ telemetry }));
  const samples = await scrape(metrics);
  const zero = [
    ...['success', 'error', 'requeue', 'requeue_after'].map(
      (result) => `controller_runtime_reconcile_total{controller="cards",result="${result}"}`,
    ),
    'controller_runtime_reconcile_errors_total{controller="cards"}',
    'controller_runtime_terminal_reconcile_errors_total{controller="cards"}',
    'controller_runtime_reconcile_panics_total{controller="cards"}',
    'controller_runtime_reconcile_timeouts_total{controller="cards"}',
    'controller_runtime_reconcile_time_seconds_count{controller="cards"}',
    'controller_runtime_active_workers{controller="cards"}',
    'workqueue_adds_total{name="cards",controller="cards"}',
    'workqueue_retries_total{name="cards",controller="cards"}',
    'workqueue_queue_duration_seconds_count{name="cards",controller="cards"}',
    'workqueue_work_duration_seconds_count{name="cards",controller="cards"}',
    'workqueue_unfinished_work_seconds{name="cards",controller="cards"}',
    'workqueue_longest_running_processor_seconds{name="cards",controller="cards"}',
    'workqueue_depth{name="cards",controller="cards",priority="0"}',
  ];
  for (const name of zero) expect([name, samples.get(name)]).toEqual([name, 0]);
  expect(samples.get('controller_runtime_max_concurrent_reconciles{controller="cards"}')).toBe(8);
});

test('what a controller does is counted under the names of controller-runtime', async () => {
  const metrics = createMetrics();
  const telemetry = metrics.controller('cards', 1);
  const queue = new WorkQueue({ telemetry: telemetry.queue });
  metrics.trackQueue('cards', queue);
  const failures: Record<string, Error> = { bug: new TypeError(), never: new TerminalError(), down: new Error() };
  const slow = Promise.withResolvers<void>();
  const reconcile = async ({ key }: { key: string }) => {
    const failure = failures[key];
    if (failure !== undefined) throw failure;
    if (key === 'slow') await slow.promise;
    return key === 'later' ? { requeueAfterMs: 60_000 } : undefined;
  };
  const log = createLogger({ write: () => {} });
  const controller = new Controller({
    name: 'cards',
    workers: 1,
    log,
    queue,
    reconcile,
    telemetry: telemetry.controller,
  });
  const stop = new AbortController();
  const done = controller.start(stop.signal);
  for (const key of ['good', 'later', ...Object.keys(failures), 'slow']) controller.add(key);
  await until(() => queue.working().has('slow') && queue.length === 0);
  controller.add('waits', { priority: -100 });
  const samples = await scrape(metrics);
  const of = (name: string) => samples.get(`controller_runtime_${name}`);
  expect(of('reconcile_total{controller="cards",result="success"}')).toBe(1);
  expect(of('reconcile_total{controller="cards",result="requeue_after"}')).toBe(1);
  expect(of('reconcile_total{controller="cards",result="error"}')).toBe(3);
  expect(of('reconcile_errors_total{controller="cards"}')).toBe(3);
  expect(of('reconcile_panics_total{controller="cards"}')).toBe(1);
  expect(of('terminal_reconcile_errors_total{controller="cards"}')).toBe(1);
  expect(of('active_workers{controller="cards"}')).toBe(1);
  expect(of('reconcile_time_seconds_count{controller="cards"}')).toBe(5);
  expect(samples.get('workqueue_retries_total{name="cards",controller="cards"}')).toBe(2);
  expect(samples.get('workqueue_depth{name="cards",controller="cards",priority="-100"}')).toBe(1);
  expect(samples.get('workqueue_unfinished_work_seconds{name="cards",controller="cards"}')).toBeGreaterThan(0);
  slow.resolve();
  stop.abort();
  await done;
});

test('calls, watches, leadership and Events are counted', async () => {
  const metrics = createMetrics();
  metrics.client.finished?.({ method: 'GET', host: 'api:443', code: '200', seconds: 0.1 });
  const telemetry = metrics.informer('pods');
  const before = await scrape(metrics);
  for (const name of ['lists', 'connections', 'missed', 'object_failures']) {
    expect(before.get(`watch_${name}_total{resource="pods"}`)).toBe(0);
  }
  telemetry.listed?.();
  telemetry.watched?.();
  telemetry.failed?.(new ApiError(410, 'Expired', ''), 0);
  telemetry.objectFailed?.(new Error());
  telemetry.missed?.(3);
  metrics.trackInformer('pods', { healthy: () => false, size: 7 });
  metrics.leader('op')(true);
  metrics.event('dropped');
  const samples = await scrape(metrics);
  expect(Object.fromEntries(samples)).toMatchObject({
    'rest_client_requests_total{code="200",method="GET",host="api:443"}': 1,
    'rest_client_request_duration_seconds_count{verb="GET",host="api:443"}': 1,
    'watch_lists_total{resource="pods"}': 1,
    'watch_connections_total{resource="pods"}': 1,
    'watch_failures_total{resource="pods",code="410"}': 1,
    'watch_object_failures_total{resource="pods"}': 1,
    'watch_missed_total{resource="pods"}': 3,
    'watch_deaf{resource="pods"}': 1,
    'watch_cached_objects{resource="pods"}': 7,
    'leader_election_master_status{name="op"}': 1,
    'kubernetes_events_total{fate="dropped"}': 1,
    'kubernetes_events_total{fate="written"}': 0,
  });
});

test('a kind that is served in no version that we read is a line in the log and a metric, until that changes', async () => {
  const lines: string[] = [];
  const log = createLogger({ write: (line) => lines.push(line) });
  const metrics = createMetrics();
  const { follows } = metrics.informer('gadgets', log);
  const unread = async () => (await scrape(metrics)).get('watch_kind_unread{resource="gadgets"}');
  follows?.(undefined, ['v2']);
  expect(await unread()).toBe(1);
  follows?.('v1beta1', ['v2', 'v1beta1']);
  expect(await unread()).toBe(0);
  follows?.(undefined, []);
  expect(await unread()).toBe(1);
  follows?.(undefined, undefined);
  expect(await unread()).toBe(0);
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: 'warn', resource: 'gadgets', served: ['v2'] },
    { level: 'info', resource: 'gadgets', version: 'v1beta1', served: ['v2', 'v1beta1'] },
    { level: 'warn', resource: 'gadgets', served: [] },
    { level: 'info', resource: 'gadgets', version: 'none' },
  ]);
});

test('the process reports its memory, CPU and event loop', async () => {
  const samples = await scrape(createMetrics());
  for (const name of ['process_resident_memory_bytes', 'nodejs_heap_size_used_bytes', 'process_cpu_seconds_total']) {
    expect(samples.get(name)).toBeGreaterThan(0);
  }
  for (const name of [
    'nodejs_eventloop_lag_p99_seconds',
    'nodejs_eventloop_lag_max_seconds',
    'nodejs_eventloop_utilization',
  ]) {
    expect(samples.get(name)).toBeGreaterThanOrEqual(0);
  }
});
