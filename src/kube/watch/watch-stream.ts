import { GrowingBuffer } from '@agentcard-operator/wire/growing-buffer';
import { ApiError } from '../client/api-error.ts';
import type { KubeObject } from '../client/objects.ts';

/** One line of a watch. A bookmark carries no object, only how far the stream has come. */
export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T; readonly resourceVersion: string }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly initialEventsEnd: boolean };

/** etcd refuses objects above 1.5 MiB; JSON escapes may make such a one several times longer. */
export const longestLineBytes = 16 * 1024 * 1024;
const newline = 10;

/** Complete lines only: a rest without its newline is `Truncated`, never half an event. */
export async function* readLines(source: AsyncIterable<Buffer>, maxBytes = longestLineBytes): AsyncGenerator<string> {
  const rest = new GrowingBuffer(maxBytes);
  const keep = (bytes: Buffer): void => {
    if (!rest.add(bytes)) throw ApiError.transport('TooLarge', `a watch line is longer than ${maxBytes} bytes`);
  };
  for await (const chunk of source) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      keep(chunk.subarray(start, end));
      start = end + 1;
      if (rest.size > 0) yield rest.take().toString();
    }
    keep(chunk.subarray(start));
  }
  if (rest.size > 0) throw ApiError.transport('Truncated', 'the watch ended inside a line');
}

/** Events of a watch; an `ERROR` event is thrown as the ApiError it describes. */
export async function* readEvents<T extends KubeObject>(
  source: AsyncIterable<Buffer>,
  maxLineBytes?: number,
): AsyncGenerator<WatchEvent<T>> {
  for await (const line of readLines(source, maxLineBytes)) yield parseEvent<T>(line);
}

interface RawEvent {
  readonly type?: unknown;
  readonly object?: { readonly metadata?: unknown; readonly code?: unknown } | null;
}

function parseEvent<T extends KubeObject>(line: string): WatchEvent<T> {
  const { type, object } = parseLine(line);
  if (type === 'ERROR') throw ApiError.fromStatus(Number(object?.code) || 500, object);
  const metadata = object?.metadata as Partial<KubeObject['metadata']> | undefined;
  const resourceVersion = metadata?.resourceVersion;
  if (typeof resourceVersion !== 'string' || resourceVersion === '') throw malformed();
  if (type === 'BOOKMARK') {
    const initialEventsEnd = metadata?.annotations?.['k8s.io/initial-events-end'] === 'true';
    return { type, resourceVersion, initialEventsEnd };
  }
  if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED') throw malformed();
  if (typeof metadata?.name !== 'string') throw malformed();
  return { type, resourceVersion, object: object as unknown as T };
}

function parseLine(line: string): RawEvent {
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed === 'object' && parsed !== null) return parsed;
  } catch {
    // Reported below, without the bytes.
  }
  throw malformed();
}

function malformed(): ApiError {
  return ApiError.transport('Malformed', 'a watch line is not a Kubernetes watch event');
}
