import { Session } from 'node:inspector/promises';
import { setTimeout } from 'node:timers/promises';
import type { Answer, Respond } from './health.ts';

const secondsOf = { least: 0.1, most: 60, usual: 10 };
/** A snapshot is built beside the heap and written out from memory: a little more than it was seen to take, in heaps. */
const heapsPerSnapshot = 12;

export interface Memory {
  readonly heapUsed: number;
  /** What the machine, or the container's limit, leaves. */
  readonly available: number;
}

const memoryNow = (): Memory => ({ heapUsed: process.memoryUsage().heapUsed, available: process.availableMemory() });

/**
 * `/debug/cpu?seconds=10` and `/debug/heap`, for Chrome's developer tools; one at a time. Both tell what the process works
 * with, its keys among it, so only who is inside the pod is answered, as a forwarded port is.
 */
export function profiling(memory: () => Memory = memoryNow): Respond {
  let isTaking = false;
  return async (path, query, from) => {
    if (path !== '/debug/cpu' && path !== '/debug/heap') return undefined;
    if (!/^(::ffff:)?127\.|^::1$/.test(from)) return { status: 403, body: 'only from inside: kubectl port-forward\n' };
    if (isTaking) return { status: 429, body: 'one at a time: try again later\n' };
    isTaking = true;
    const session = new Session();
    try {
      session.connect();
      return path === '/debug/cpu' ? await cpuProfile(session, query) : await heapSnapshot(session, memory());
    } finally {
      session.disconnect();
      isTaking = false;
    }
  };
}

async function cpuProfile(session: Session, query: URLSearchParams): Promise<Answer> {
  const { least, most, usual } = secondsOf;
  const seconds = Number(query.get('seconds') ?? usual);
  if (!(seconds >= least && seconds <= most))
    return { status: 400, body: `seconds must be from ${least} to ${most}\n` };
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
  await setTimeout(seconds * 1_000, undefined, { ref: false });
  const { profile } = await session.post('Profiler.stop');
  return { status: 200, body: JSON.stringify(profile), type: 'application/json' };
}

async function heapSnapshot(session: Session, { heapUsed, available }: Memory): Promise<Answer> {
  if (available < heapsPerSnapshot * heapUsed) {
    return {
      status: 503,
      body: `a snapshot may take ${heapsPerSnapshot} times the heap: raise the memory limit first\n`,
    };
  }
  const chunks: string[] = [];
  session.on('HeapProfiler.addHeapSnapshotChunk', ({ params }) => chunks.push(params.chunk));
  await session.post('HeapProfiler.takeHeapSnapshot');
  return { status: 200, body: chunks, type: 'application/json' };
}
