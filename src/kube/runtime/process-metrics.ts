import { readdirSync } from 'node:fs';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { Counter, Gauge, type Registry } from 'prom-client';

/** Between two probes of the event loop. Ten a second cost nothing measurable and show every stall worth a look. */
const lagResolutionMs = 100;

/** The usual process_* and nodejs_* names, read when scraped; only the loop's delay is sampled in between. */
export function registerProcessMetrics(registry: Registry): void {
  const gauge = (name: string, help: string, read: () => number) => {
    const collect = () => metric.set(read());
    const metric: Gauge = new Gauge({ name, help, registers: [registry], collect });
  };
  const memory = (part: keyof NodeJS.MemoryUsage) => () => process.memoryUsage()[part];
  gauge('process_resident_memory_bytes', 'Resident memory', () => process.memoryUsage.rss());
  gauge('nodejs_heap_size_total_bytes', 'Heap reserved', memory('heapTotal'));
  gauge('nodejs_heap_size_used_bytes', 'Heap in use', memory('heapUsed'));
  gauge('nodejs_external_memory_bytes', 'Memory outside of the heap', memory('external'));
  const started = performance.timeOrigin / 1000;
  gauge('process_start_time_seconds', 'Start, in seconds since the epoch', () => started);
  gauge('process_open_fds', 'Open file descriptors', openFiles);
  registerCpu(registry);
  registerLoop(gauge);
}

function openFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}

function registerCpu(registry: Registry): void {
  let counted = { user: 0, system: 0 };
  const collect = () => {
    const used = process.cpuUsage();
    user.inc((used.user - counted.user) / 1e6);
    system.inc((used.system - counted.system) / 1e6);
    total.inc((used.user - counted.user + used.system - counted.system) / 1e6);
    counted = used;
  };
  const counter = (name: string, help: string, more: object = {}) => {
    return new Counter({ name, help, registers: [registry], ...more });
  };
  const user = counter('process_cpu_user_seconds_total', 'User CPU time');
  const system = counter('process_cpu_system_seconds_total', 'System CPU time');
  const total: Counter = counter('process_cpu_seconds_total', 'User and system CPU time', { collect });
}

function registerLoop(gauge: (name: string, help: string, read: () => number) => void): void {
  const delay = monitorEventLoopDelay({ resolution: lagResolutionMs });
  delay.enable();
  const lag = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - lagResolutionMs / 1000);
  gauge('nodejs_eventloop_lag_p99_seconds', 'Delay of the event loop since the last scrape, 99th percentile', () => {
    return delay.count > 0 ? lag(delay.percentile(99)) : 0;
  });
  gauge('nodejs_eventloop_lag_max_seconds', 'Delay of the event loop since the last scrape, maximum', () => {
    const max = delay.count > 0 ? lag(delay.max) : 0;
    delay.reset();
    return max;
  });
  let last = performance.eventLoopUtilization();
  gauge('nodejs_eventloop_utilization', 'Share of the time since the last scrape in which the loop was busy', () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  });
}
