import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import type { Socket } from 'node:net';
import { GrowingBuffer } from '@agentcard-operator/wire/growing-buffer';
import { TlsAgent } from '@agentcard-operator/wire/tls';
import { ApiError, asApiError } from './api-error.ts';
import type { ClusterConfig } from './config.ts';
import { throughProxy } from './proxy.ts';

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** From the server's root, for example `/api/v1/pods`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  readonly signal?: AbortSignal;
  /** For the whole call; of a stream until its headers. */
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
  /** Asked when a connection stands ready, just before the first byte leaves; its throw is the call's failure. */
  readonly beforeSend?: () => void;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** An answer whose body is still to be read, while the call's clock runs. */
interface Opened {
  readonly response: IncomingMessage;
  fail(error: ApiError): void;
  stopClock(): void;
}

/** kube-apiserver closes a connection that is idle for 90 s; a shorter limit on our side never races it. */
const freeSocketMs = 60_000;
const refusalMs = 5_000;
const defaultTimeoutMs = 15_000;
const defaultMaxBytes = 64 * 1024 * 1024;

/** HTTP/1.1 to one API server. Watches have sockets of their own, so that they never wait for calls or delay them. */
export class Transport {
  readonly #config: ClusterConfig;
  readonly #userAgent: string;
  readonly #calls: http.Agent;
  readonly #streams: http.Agent;

  constructor(config: ClusterConfig, userAgent: string) {
    this.#config = config;
    this.#userAgent = userAgent;
    const agentClass = config.server.protocol === 'http:' ? http.Agent : TlsAgent;
    // A resumed TLS session would skip the check of the server's certificate.
    const options = { keepAlive: true, keepAliveMsecs: 30_000, timeout: freeSocketMs, maxCachedSessions: 0 };
    const agent = (limits: http.AgentOptions): http.Agent => {
      const direct = new agentClass({ ...options, ...limits });
      return config.proxy === undefined ? direct : throughProxy(direct, config.proxy);
    };
    this.#calls = agent({ maxSockets: 16 });
    this.#streams = agent({ maxFreeSockets: 4 });
  }

  /** One call with its whole answer. Throws ApiError when no complete answer arrived; any status is an answer. */
  async send(call: Call): Promise<Answer> {
    const opened = await this.#open(call, this.#calls);
    try {
      const body = await readBody(opened, call.maxBytes ?? defaultMaxBytes);
      return { status: opened.response.statusCode ?? 0, headers: opened.response.headers, body };
    } catch (error) {
      throw asApiError(error);
    } finally {
      opened.stopClock();
    }
  }

  /** An answer to be read line by line. It fails with `Silent` after `idleMs` without a byte. */
  async stream(call: Call, idleMs: number): Promise<IncomingMessage> {
    const { response, fail, stopClock } = await this.#open(call, this.#streams);
    stopClock();
    // A refusal has a body too, but not the patience that a quiet watch needs.
    const silenceMs = response.statusCode === 200 ? idleMs : Math.min(idleMs, refusalMs);
    response.setTimeout(silenceMs, () => fail(ApiError.transport('Silent', `no bytes for ${silenceMs} ms`)));
    return response;
  }

  close(): void {
    this.#calls.destroy();
    this.#streams.destroy();
  }

  async #open(call: Call, agent: http.Agent): Promise<Opened> {
    const payload = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
    const options = await this.#options(call, agent, payload);
    return new Promise((resolve, reject) => {
      let response: IncomingMessage | undefined;
      const request = sent(target(this.#config.server, call), options);
      // After the headers only the response keeps the reason of its end.
      const fail = (error: ApiError) => void (response ?? request).destroy(error);
      const timeoutMs = call.timeoutMs ?? defaultTimeoutMs;
      const timedOut = () => fail(ApiError.transport('Timeout', `no answer within ${timeoutMs} ms`));
      const clock = setTimeout(timedOut, timeoutMs);
      const aborted = () => fail(ApiError.transport('Aborted', 'the call was given up'));
      call.signal?.addEventListener('abort', aborted, { once: true });
      request.once('response', (answer) => {
        response = answer;
        // An unread response must not turn its own failure into an uncaught exception.
        answer.on('error', () => {});
        resolve({ response: answer, fail, stopClock: () => clearTimeout(clock) });
      });
      request.on('error', (error) => reject(connectionError(error, request.reusedSocket)));
      request.once('close', () => {
        clearTimeout(clock);
        call.signal?.removeEventListener('abort', aborted);
      });
      if (call.signal?.aborted) aborted();
      whenConnected(request, () => {
        try {
          call.beforeSend?.();
          request.end(payload);
        } catch (error) {
          fail(asApiError(error));
        }
      });
    });
  }

  async #options(call: Call, agent: http.Agent, payload?: Buffer): Promise<RequestOptions> {
    try {
      const headers: Record<string, string | string[]> = {
        ...(await this.#config.headers()),
        accept: call.accept ?? 'application/json',
        'user-agent': this.#userAgent,
      };
      if (payload !== undefined) {
        headers['content-type'] = call.contentType ?? 'application/json';
        // Node sends the body of a DELETE without a length unless told.
        headers['content-length'] = String(payload.length);
      }
      // Given per request, a changed CA or certificate selects other sockets of the same agent.
      return { method: call.method, agent, headers, ...(await this.#config.tls()) };
    } catch (error) {
      throw ApiError.transport('CredentialsUnavailable', asApiError(error).message);
    }
  }
}

/** What Node cannot send, such as a token with a line feed, is a failed call. */
function sent(url: URL, options: RequestOptions): http.ClientRequest {
  try {
    return http.request(url, options);
  } catch (error) {
    throw ApiError.transport('CredentialsUnavailable', asApiError(error).message);
  }
}

/** Without waiting, Node would hand the request to a socket that sends it whenever its handshake is done. */
function whenConnected(request: http.ClientRequest, send: () => void): void {
  request.once('socket', (socket: Socket & { readonly secureConnecting?: boolean }) => {
    if (socket.secureConnecting) socket.once('secureConnect', send);
    else if (socket.connecting) socket.once('connect', send);
    else send();
  });
}

function target(server: URL, call: Call): URL {
  const url = new URL(server);
  url.pathname = `${server.pathname.replace(/\/$/, '')}${call.path}`;
  for (const [name, value] of Object.entries(call.query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url;
}

/** A kept connection that the server closed just before we wrote to it says nothing about the server. */
function connectionError(error: Error & { code?: string }, reusedSocket: boolean): ApiError {
  if (error instanceof ApiError) return error;
  const gone = error.code === 'ECONNRESET' || error.code === 'EPIPE';
  return reusedSocket && gone ? ApiError.transport('StaleConnection', error.message) : asApiError(error);
}

async function readBody(opened: Opened, maxBytes: number): Promise<Buffer> {
  const body = new GrowingBuffer(maxBytes);
  for await (const chunk of opened.response as AsyncIterable<Buffer>) {
    if (body.add(chunk)) continue;
    const error = ApiError.transport('TooLarge', `the answer is larger than ${maxBytes} bytes`);
    opened.fail(error);
    throw error;
  }
  return body.take();
}

export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}

/** The Status of a refused stream, from the first chunks of it. */
export async function refusal(response: IncomingMessage): Promise<ApiError> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > 65_536) break;
    }
  } catch {
    // The status line is what counts.
  }
  const body = parseJson(Buffer.concat(chunks));
  return ApiError.fromStatus(response.statusCode ?? 0, body, response.headers['retry-after']);
}
