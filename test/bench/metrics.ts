/** Figures read from outside: the kernel's of a process, and what a program says at /metrics. */
import { readFile } from 'node:fs/promises';
import type { KubeClient } from '../../src/kube/client/client.ts';

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Pure: the samples of one metric from the text format of Prometheus. */
export function samples(text: string, name: string): Sample[] {
  const lines = text.matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? ([0-9.eE+-]+|NaN)$`, 'gm'));
  return [...lines].map(([, inside = '', value]) => {
    const labels = [...inside.matchAll(/([a-z_A-Z]+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [key, text]);
    return { labels: Object.fromEntries(labels) as Record<string, string>, value: Number(value) };
  });
}

export function total(text: string, name: string, where: Readonly<Record<string, string>> = {}): number {
  return samples(text, name)
    .filter(({ labels }) => Object.entries(where).every(([key, value]) => labels[key] === value))
    .reduce((sum, { value }) => sum + value, 0);
}

/** Pure: the bucket's upper bound in which the quantile lies. */
export function quantile(text: string, name: string, q: number, where: Readonly<Record<string, string>> = {}): number {
  const buckets = new Map<number, number>();
  for (const { labels, value } of samples(text, `${name}_bucket`)) {
    if (Object.entries(where).some(([key, wanted]) => labels[key] !== wanted)) continue;
    const bound = labels.le === '+Inf' ? Infinity : Number(labels.le);
    buckets.set(bound, (buckets.get(bound) ?? 0) + value);
  }
  const sorted = [...buckets].sort(([a], [b]) => a - b);
  const wanted = q * (sorted.at(-1)?.[1] ?? 0);
  return sorted.find(([, count]) => count >= wanted)?.[0] ?? 0;
}

export type Requests = Readonly<Record<string, number>>;

const reads = new Set(['GET', 'LIST', 'WATCH']);
/** Of the fake node and the controllers, or of what measures. */
const ignored = new Set([
  'endpoints',
  'endpointslices',
  'leases',
  'nodes',
  'deployments/status',
  'replicasets/status',
  'pods/status',
  'namespaces',
]);

/**
 * Pure: requests that the API server answered, as "PATCH agentcards/status", from its metrics; but for writes on a version that
 * was history by then (409): nothing was written, and the read that follows counts.
 */
export function requests(text: string): Requests {
  const found: Record<string, number> = {};
  for (const { labels, value } of samples(text, 'apiserver_request_total')) {
    const { verb = '', resource = '', subresource = '', code } = labels;
    const what = subresource === '' ? resource : `${resource}/${subresource}`;
    if (resource === '' || verb === 'WATCH' || code === '409' || ignored.has(what)) continue;
    const key = `${verb === 'APPLY' ? 'PATCH' : verb} ${what}`;
    found[key] = (found[key] ?? 0) + value;
  }
  return found;
}

/** All requests that the API server has answered so far. */
export async function answered(client: KubeClient): Promise<Requests> {
  return requests((await client.request({ method: 'GET', path: '/metrics' })).body.toString());
}

/** Events tell, slowly and in the background. */
export function withoutEvents(counts: Requests): Requests {
  return Object.fromEntries(Object.entries(counts).filter(([what]) => !what.endsWith(' events')));
}

export function since(before: Requests, after: Requests): Requests {
  const changed = Object.entries(after).map(([key, value]) => [key, value - (before[key] ?? 0)] as const);
  return Object.fromEntries(changed.filter(([, value]) => value > 0).sort(([a], [b]) => a.localeCompare(b)));
}

export function writesOf(counts: Requests): Requests {
  return Object.fromEntries(Object.entries(counts).filter(([key]) => !reads.has(key.split(' ', 1)[0] ?? '')));
}

export function sum(counts: Requests): number {
  return Object.values(counts).reduce((all, count) => all + count, 0);
}

export interface ProcessFigures {
  readonly cpuSeconds: number;
  readonly rssMiB: number;
  readonly peakMiB: number;
}

/** With the processes that it started: their time, and the memory that they share with nobody. */
export async function processFigures(pid: number): Promise<ProcessFigures> {
  const own = await figuresOf(pid);
  const started = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').filter(Boolean).map(Number);
  // One that has just ended counts no more.
  const others = await Promise.all(started.map((child) => figuresOf(child).catch(() => undefined)));
  return others.reduce<ProcessFigures>(
    (all, other) => ({
      cpuSeconds: all.cpuSeconds + (other?.cpuSeconds ?? 0),
      rssMiB: all.rssMiB + (other?.ownMiB ?? 0),
      peakMiB: all.peakMiB + (other?.ownMiB ?? 0),
    }),
    own,
  );
}

/** The kernel counts a process's time in hundredths of a second. */
async function figuresOf(pid: number) {
  const [stat, status] = await Promise.all(['stat', 'status'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8')));
  const fields = (stat ?? '').slice((stat ?? '').lastIndexOf(')') + 2).split(' ');
  const memory = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status ?? '')?.[1] ?? 0) / 1024;
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
    rssMiB: memory('VmRSS'),
    peakMiB: memory('VmHWM'),
    ownMiB: memory('RssAnon'),
  };
}
