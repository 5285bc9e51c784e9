import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ClientTelemetry } from '../client/options.ts';
import type { InformerTelemetry } from '../watch/informer.ts';
import { type ControllerTelemetry, TerminalError } from './controller.ts';
import type { Logger } from './log.ts';
import { registerProcessMetrics } from './process-metrics.ts';
import type { QueueTelemetry, WorkQueue } from './queue.ts';

/** The buckets of controller-runtime, so that its dashboards fit. */
const reconcileBuckets = [
  ...[0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5],
  ...[1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60],
];
const queueBuckets = Array.from({ length: 12 }, (_, power) => 1e-8 * 10 ** power);
const callBuckets = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

export interface WatchedCache {
  healthy(): boolean;
  readonly size: number;
}

/** Every metric of the runtime, under the names that controller-runtime and client-go gave them where they have one. */
export interface Metrics {
  /** For metrics of other folders. */
  readonly registry: Registry;
  readonly client: ClientTelemetry;
  /** Counts, and logs what goes wrong. */
  informer(resource: string, log?: Logger): InformerTelemetry;
  /** Its size and whether it hears, read when scraped. */
  trackInformer(resource: string, informer: WatchedCache): void;
  controller(
    name: string,
    workers: number,
  ): { readonly controller: ControllerTelemetry; readonly queue: QueueTelemetry };
  /** The depth and running work of a controller's queue, read when scraped. */
  trackQueue(name: string, queue: WorkQueue): void;
  leader(name: string): (leads: boolean) => void;
  readonly event: (fate: 'written' | 'dropped') => void;
}

export function createMetrics(registry: Registry = new Registry()): Metrics {
  registerProcessMetrics(registry);
  const { controller, trackQueue } = controllerMetrics(registry);
  const { informer, trackInformer } = watchMetrics(registry);
  const leads = gauge(registry, ['leader_election_master_status', 'Whether this replica leads'], ['name']);
  const events = counter(registry, 'kubernetes_events_total', 'Kubernetes Events by what became of them', ['fate']);
  for (const fate of ['written', 'dropped']) events.inc({ fate }, 0);
  const leader = (name: string) => {
    leads.set({ name }, 0);
    return (now: boolean) => leads.set({ name }, now ? 1 : 0);
  };
  const event = (fate: 'written' | 'dropped') => events.inc({ fate });
  return { registry, client: clientMetrics(registry), informer, trackInformer, controller, trackQueue, leader, event };
}

function clientMetrics(registry: Registry): ClientTelemetry {
  const calls = counter(registry, 'rest_client_requests_total', 'Requests to the API server', [
    'code',
    'method',
    'host',
  ]);
  const name = 'rest_client_request_duration_seconds';
  const durations = histogram(
    registry,
    [name, 'Until the answer; of a watch until its headers'],
    ['verb', 'host'],
    callBuckets,
  );
  return {
    finished({ code, method, host, seconds }) {
      calls.inc({ code, method, host });
      durations.observe({ verb: method, host }, seconds);
    },
  };
}

function watchMetrics(registry: Registry): Pick<Metrics, 'informer' | 'trackInformer'> {
  const by = ['resource'];
  const lists = counter(registry, 'watch_lists_total', 'Full lists taken', by);
  const connections = counter(registry, 'watch_connections_total', 'Watches opened', by);
  const failures = counter(registry, 'watch_failures_total', 'Lists and watches that failed', [...by, 'code']);
  const thrown = counter(registry, 'watch_object_failures_total', 'Objects on which our own code threw', by);
  const missed = counter(registry, 'watch_missed_total', 'Changes that only the audit found', by);
  const unread = gauge(registry, ['watch_kind_unread', '1 while a kind is served in no version that we read'], by);
  const trackInformer = cacheMetrics(registry, by);
  return {
    informer(resource, log) {
      for (const metric of [lists, connections, thrown, missed]) metric.inc({ resource }, 0);
      return {
        listed: () => lists.inc({ resource }),
        watched: () => connections.inc({ resource }),
        failed: ({ code, message }, delayMs) => {
          failures.inc({ resource, code: String(code) });
          log?.warn('watch failed', { resource, code, reason: message, retryInMs: Math.round(delayMs) });
        },
        objectFailed: (error) => {
          thrown.inc({ resource });
          log?.error('a handler of watched objects failed', { resource, error });
        },
        missed: (count) => {
          missed.inc({ resource }, count);
          log?.warn('the watch had missed changes', { resource, count });
        },
        follows: (version, served) => {
          const isUnread = version === undefined && served !== undefined;
          unread.set({ resource }, isUnread ? 1 : 0);
          if (isUnread) log?.warn('the cluster serves a kind in no version that we read', { resource, served });
          else log?.info('the version of a kind that is read', { resource, version: version ?? 'none', served });
        },
      };
    },
    trackInformer,
  };
}

/** Returns how a cache comes to be among those that a scrape reads. */
function cacheMetrics(registry: Registry, by: string[]): Metrics['trackInformer'] {
  const caches = new Map<string, WatchedCache>();
  const readAll = (read: (cache: WatchedCache) => number) =>
    function collect(this: Gauge) {
      for (const [resource, cache] of caches) this.set({ resource }, read(cache));
    };
  const deaf = readAll((cache) => (cache.healthy() ? 0 : 1));
  gauge(registry, ['watch_deaf', '1 while changes would go unseen'], by, deaf);
  const size = readAll((cache) => cache.size);
  gauge(registry, ['watch_cached_objects', 'Objects in the cache'], by, size);
  return (resource, cache) => void caches.set(resource, cache);
}

function controllerMetrics(registry: Registry): Pick<Metrics, 'controller' | 'trackQueue'> {
  const by = ['controller'];
  const name = (suffix: string) => `controller_runtime_${suffix}`;
  const results = counter(registry, name('reconcile_total'), 'Reconciles by result', [...by, 'result']);
  const errors = counter(registry, name('reconcile_errors_total'), 'Reconciles that failed', by);
  const terminal = counter(registry, name('terminal_reconcile_errors_total'), 'Failures that are not retried', by);
  const panics = counter(registry, name('reconcile_panics_total'), 'Failures that are programming errors', by);
  const timeouts = counter(registry, name('reconcile_timeouts_total'), 'Reconciles that took too long', by);
  const time = histogram(registry, [name('reconcile_time_seconds'), 'Time of a reconcile'], by, reconcileBuckets);
  const most = gauge(registry, [name('max_concurrent_reconciles'), 'Reconciles that may run at once'], by);
  const active = gauge(registry, [name('active_workers'), 'Reconciles that run'], by);
  const queues = queueMetrics(registry);
  return {
    trackQueue: queues.track,
    controller(controller, workers) {
      for (const result of ['success', 'error', 'requeue', 'requeue_after']) results.inc({ controller, result }, 0);
      for (const metric of [errors, terminal, panics, timeouts]) metric.inc({ controller }, 0);
      time.zero({ controller });
      active.set({ controller }, 0);
      most.set({ controller }, workers);
      const finished: ControllerTelemetry['finished'] = (result, seconds, error) => {
        results.inc({ controller, result });
        time.observe({ controller }, seconds);
        if (result === 'error') errors.inc({ controller });
        if (error instanceof TerminalError) terminal.inc({ controller });
        if (error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError) {
          panics.inc({ controller });
        }
      };
      const timedOut = () => timeouts.inc({ controller });
      const telemetry = { finished, timedOut, active: (workers: number) => active.set({ controller }, workers) };
      return { controller: telemetry, queue: queues.telemetryOf(controller) };
    },
  };
}

function queueMetrics(registry: Registry): { telemetryOf(name: string): QueueTelemetry; track: Metrics['trackQueue'] } {
  const by = ['name', 'controller'];
  const adds = counter(registry, 'workqueue_adds_total', 'Keys added', by);
  const retries = counter(registry, 'workqueue_retries_total', 'Keys added after a failure', by);
  const waited = histogram(registry, ['workqueue_queue_duration_seconds', 'Time a key waited'], by, queueBuckets);
  const work = ['workqueue_work_duration_seconds', 'Time a key was worked on'] as const;
  const worked = histogram(registry, work, by, queueBuckets);
  const tracked = new Map<string, WorkQueue>();
  const running = (read: (seconds: number[]) => number) =>
    function collect(this: Gauge) {
      for (const [name, queue] of tracked) {
        const seconds = [...queue.working().values()].map((ms) => ms / 1000);
        this.set({ name, controller: name }, read(seconds));
      }
    };
  const sum = (seconds: number[]) => seconds.reduce((total, each) => total + each, 0);
  const longest = (seconds: number[]) => seconds.reduce((most, each) => Math.max(most, each), 0);
  gauge(registry, ['workqueue_unfinished_work_seconds', 'Time spent so far on keys in work'], by, running(sum));
  gauge(registry, ['workqueue_longest_running_processor_seconds', 'Time of the longest run'], by, running(longest));
  gauge(registry, ['workqueue_depth', 'Keys that wait'], [...by, 'priority'], function collect(this: Gauge) {
    this.reset();
    for (const [name, queue] of tracked) {
      this.set({ name, controller: name, priority: '0' }, 0);
      for (const [priority, keys] of queue.depths()) this.set({ name, controller: name, priority }, keys);
    }
  });
  const telemetryOf = (name: string): QueueTelemetry => {
    const labels = { name, controller: name };
    for (const metric of [adds, retries]) metric.inc(labels, 0);
    for (const metric of [waited, worked]) metric.zero(labels);
    return {
      added: () => adds.inc(labels),
      retried: () => retries.inc(labels),
      taken: (seconds) => waited.observe(labels, seconds),
      done: (seconds) => worked.observe(labels, seconds),
    };
  };
  return { telemetryOf, track: (name, queue) => void tracked.set(name, queue) };
}

export function counter(registry: Registry, name: string, help: string, labelNames: string[]): Counter {
  return new Counter({ name, help, labelNames, registers: [registry] });
}

type Collect = (this: Gauge) => void;

type Named = readonly [name: string, help: string];

export function gauge(registry: Registry, [name, help]: Named, labelNames: string[], collect?: Collect): Gauge {
  return new Gauge({ name, help, labelNames, registers: [registry], ...(collect ? { collect } : {}) });
}

export function histogram(registry: Registry, [name, help]: Named, labelNames: string[], buckets: number[]): Histogram {
  return new Histogram({ name, help, labelNames, buckets, registers: [registry] });
}
