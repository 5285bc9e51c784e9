import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, asApiError, hasCode } from './api-error.ts';
import type { ClusterConfig } from './config.ts';
import type { Key, KubeObject, Resource } from './objects.ts';
import type {
  CallOptions,
  ClientOptions,
  ClientTelemetry,
  DeleteOptions,
  ListOptions,
  Page,
  PatchOptions,
} from './options.ts';
import { metadataListType, metadataType, objectPath, resourcePath } from './path.ts';
import { type Answer, type Call, parseJson, refusal, Transport } from './transport.ts';

export { ApiError, hasCode } from './api-error.ts';
export { resourcePath } from './path.ts';

/** `unfenced`: the write needs no leadership (the Lease itself, a CLI). */
export type RawCall = Call & { readonly unfenced?: boolean };

const patchTypes = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;
const maxRetryWaitMs = 5_000;
const longestTimerMs = 2 ** 31 - 1;

/** The verbs of the Kubernetes API over raw JSON. Every failure is an {@link ApiError}. */
export class KubeClient {
  readonly config: ClusterConfig;
  /** May be set once the election exists. */
  fence: (() => boolean) | undefined;
  readonly #transport: Transport;
  readonly #telemetry: ClientTelemetry;
  readonly #timeout: Pick<CallOptions, 'timeoutMs'>;

  constructor(config: ClusterConfig, options: ClientOptions = {}) {
    this.config = config;
    this.fence = options.fence;
    this.#transport = new Transport(config, options.userAgent ?? 'node');
    this.#telemetry = options.telemetry ?? {};
    this.#timeout = options.timeoutMs === undefined ? {} : { timeoutMs: Math.min(options.timeoutMs, longestTimerMs) };
  }

  /** Undefined when there is no such object. */
  async get<T extends KubeObject>(resource: Resource, key: Key, options: CallOptions = {}): Promise<T | undefined> {
    try {
      const object = await this.json<T>({ method: 'GET', path: objectPath(resource, key), ...options });
      if (!isObject(object)) throw ApiError.transport('Malformed', `the API server answered no ${resource.kind}`);
      return object;
    } catch (error) {
      if (hasCode(error, 404)) return undefined;
      throw error;
    }
  }

  async listPage<T extends KubeObject>(resource: Resource, options: ListOptions = {}): Promise<Page<T>> {
    const { namespace, metadataOnly, signal, timeoutMs, maxBytes, ...query } = options;
    const list = await this.json<{ items?: T[] | null; metadata?: { resourceVersion?: string; continue?: string } }>({
      method: 'GET',
      path: resourcePath(resource, namespace),
      query: { ...query },
      ...(metadataOnly ? { accept: metadataListType } : {}),
      ...{ ...(signal && { signal }), ...(maxBytes && { maxBytes }), timeoutMs: timeoutMs ?? 60_000 },
    });
    const { resourceVersion = '', continue: next } = list.metadata ?? {};
    const items = list.items ?? [];
    if (!Array.isArray(items) || !items.every(isObject))
      throw ApiError.transport('Malformed', `the API server answered no list of ${resource.plural}`);
    return { items, resourceVersion, ...(next ? { continue: next } : {}) };
  }

  /** All objects, page by page. */
  async list<T extends KubeObject>(resource: Resource, options: ListOptions = {}): Promise<Page<T>> {
    const items: T[] = [];
    let resourceVersion = '';
    for await (const page of this.pages<T>(resource, options)) {
      for (const item of page.items) items.push(item);
      resourceVersion = page.resourceVersion;
    }
    return { items, resourceVersion };
  }

  /** The same, without holding more than a page. */
  async *pages<T extends KubeObject>(resource: Resource, options: ListOptions = {}): AsyncGenerator<Page<T>> {
    for (let next: string | undefined; ; ) {
      const page = await this.listPage<T>(resource, { limit: 500, ...options, ...(next ? { continue: next } : {}) });
      yield page;
      next = page.continue;
      if (next === undefined) return;
    }
  }

  create<T extends KubeObject>(resource: Resource, object: T, options: CallOptions & { dryRun?: boolean } = {}) {
    const { dryRun, ...call } = options;
    const path = resourcePath(resource, object.metadata.namespace);
    return this.json<T>({ method: 'POST', path, body: object, ...call, query: dryRunQuery(dryRun) });
  }

  /** A merge or apply body may carry `metadata.uid` and `metadata.resourceVersion` as preconditions (409). */
  patch<T extends KubeObject>(resource: Resource, key: Key, body: unknown, options: PatchOptions): Promise<T> {
    const { type, subresource, fieldManager, force, dryRun, metadataOnly, ...call } = options;
    return this.json<T>({
      method: 'PATCH',
      path: objectPath(resource, key, subresource),
      contentType: patchTypes[type],
      query: { fieldManager, force, ...dryRunQuery(dryRun) },
      ...(metadataOnly ? { accept: metadataType } : {}),
      body,
      ...call,
    });
  }

  /** False when it was gone already; 409 when uid or resourceVersion differ. */
  async delete(resource: Resource, key: Key, options: DeleteOptions = {}): Promise<boolean> {
    const { uid, resourceVersion, ...call } = options;
    const preconditions = { ...(uid ? { uid } : {}), ...(resourceVersion ? { resourceVersion } : {}) };
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background', preconditions };
    try {
      await this.request({ method: 'DELETE', path: objectPath(resource, key), body, ...call });
      return true;
    } catch (error) {
      if (hasCode(error, 404)) return false;
      throw error;
    }
  }

  async json<T>(call: RawCall): Promise<T> {
    const answer = await this.request(call);
    const parsed = parseJson(answer.body);
    if (typeof parsed !== 'object' || parsed === null) {
      throw ApiError.transport('Malformed', 'the API server answered something else than a JSON object');
    }
    return parsed as T;
  }

  /** Any call. Retried once after 401 (with fresh credentials), 429 with Retry-After, or a GET on a stale connection. */
  async request(call: RawCall): Promise<Answer> {
    const beforeSend = () => this.#checkFence(call);
    beforeSend();
    try {
      return await this.#once({ ...call, beforeSend });
    } catch (error) {
      if (!(await this.#mayRetry(call, asApiError(error)))) throw error;
      return this.#once({ ...call, beforeSend });
    }
  }

  /** A response to read as it comes, 200 only. See {@link Transport.stream}. */
  async stream(call: Call, idleMs: number): Promise<IncomingMessage> {
    const open = async () => {
      const response = await this.#measured(call, () => this.#transport.stream(call, idleMs));
      if (response.statusCode === 200) return response;
      throw await refusal(response);
    };
    try {
      return await open();
    } catch (error) {
      if (!hasCode(error, 401) && asApiError(error).reason !== 'StaleConnection') throw error;
      this.config.invalidate();
      return open();
    }
  }

  close(): void {
    this.#transport.close();
  }

  #checkFence(call: RawCall): void {
    if (call.method === 'GET' || call.unfenced || (this.fence?.() ?? true)) return;
    throw ApiError.transport('NotLeader', 'not written: this replica is not the leader');
  }

  async #once(call: Call): Promise<Answer> {
    const answer = await this.#measured(call, () => this.#transport.send({ ...call, ...this.#timeout }));
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw ApiError.fromStatus(answer.status, parseJson(answer.body), answer.headers['retry-after']);
  }

  async #measured<T extends { status: number } | IncomingMessage>(call: Call, run: () => Promise<T>): Promise<T> {
    const started = performance.now();
    let code = '<error>';
    try {
      const answer = await run();
      code = String('status' in answer ? answer.status : answer.statusCode);
      return answer;
    } finally {
      const seconds = (performance.now() - started) / 1000;
      this.#telemetry.finished?.({ method: call.method, host: this.config.server.host, code, seconds });
    }
  }

  async #mayRetry(call: Call, error: ApiError): Promise<boolean> {
    if (error.code === 401) {
      this.config.invalidate();
      return true;
    }
    if (error.code === 429 && error.retryAfterMs !== undefined && error.retryAfterMs <= maxRetryWaitMs) {
      await sleep(error.retryAfterMs, undefined, call.signal ? { signal: call.signal } : {}).catch(() => {});
      return !call.signal?.aborted;
    }
    return error.reason === 'StaleConnection' && call.method === 'GET';
  }
}

function isObject(value: unknown): value is KubeObject {
  return typeof (value as Partial<KubeObject> | null)?.metadata?.name === 'string';
}

function dryRunQuery(dryRun: boolean | undefined): { dryRun?: string } {
  return dryRun ? { dryRun: 'All' } : {};
}
