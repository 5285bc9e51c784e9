/** One HTTP/1.1 GET on a connection that is already open, read within limits. */

import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { GrowingBuffer } from '@agentcard-operator/wire/growing-buffer';
import { excerpt } from '../id.ts';
import { exchangeFailure } from './errors.ts';
import { type FetchFailure, type FetchOutcome, failed, stopped } from './outcome.ts';

export interface Limits {
  readonly maxBytes: number;
  /** For everything from the first packet to the last byte. */
  readonly timeoutMs: number;
  readonly maxHeaderBytes: number;
}

export interface Question {
  readonly path: string;
  readonly hostHeader: string;
  /** Besides `host` and `accept-encoding`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly limits: Limits;
}

/** In chunks of a byte an answer takes six times its length; announcements of it, empty lines and chunks' extensions have no end. */
const mostOnTheWire = ({ maxBytes, maxHeaderBytes }: Limits): number => 6 * maxBytes + maxHeaderBytes;

/** The socket is used up afterwards: there is no second request, no redirect and no proxy. */
export function exchange(socket: Socket, question: Question, stop: AbortSignal): Promise<FetchOutcome> {
  if (stop.aborted) {
    socket.destroy();
    return Promise.resolve(stopped(stop));
  }
  return new Promise((resolve) => {
    const settle = (outcome: FetchOutcome): void => {
      stop.removeEventListener('abort', abandon);
      socket.destroy();
      resolve(outcome);
    };
    const abandon = (): void => settle(stopped(stop));
    stop.addEventListener('abort', abandon, { once: true });
    const request = httpRequest({
      createConnection: () => socket,
      path: question.path,
      headers: { ...question.headers, host: question.hostHeader, 'accept-encoding': 'identity' },
      maxHeaderSize: question.limits.maxHeaderBytes,
      insecureHTTPParser: false,
    });
    request.on('error', (error) => settle(exchangeFailure(error)));
    const unanswered = (): void =>
      settle(failed('ConnectionReset', 'the peer closed the connection without an answer'));
    request.on('close', unanswered);
    request.on('socket', () => endAfter(socket, mostOnTheWire(question.limits), settle));
    request.on('upgrade', () => settle(failed('MalformedResponse', switched)));
    request.on('response', (response) => {
      request.off('close', unanswered);
      read(response, question.limits.maxBytes, settle);
    });
    request.end();
  });
}

function endAfter(socket: Socket, most: number, settle: (outcome: FetchOutcome) => void): void {
  let left = most;
  socket.on('data', ({ length }: Buffer) => {
    left -= length;
    if (left < 0) settle(tooLarge(most));
  });
}

function read(response: IncomingMessage, maxBytes: number, settle: (outcome: FetchOutcome) => void): void {
  const refusal = refusalOf(response, maxBytes);
  if (refusal !== undefined) {
    settle(refusal);
    return;
  }
  const body = new GrowingBuffer(maxBytes);
  response.on('data', (chunk: Buffer) => {
    if (!body.add(chunk)) settle(tooLarge(maxBytes));
  });
  response.on('error', () => undefined);
  response.on('close', () => {
    if (response.complete) settle({ kind: 'answer', status: response.statusCode ?? 0, body: body.take() });
    else settle(failed('Truncated', 'the connection ended before the answer did'));
  });
}

function refusalOf(response: IncomingMessage, maxBytes: number): FetchFailure | undefined {
  const isLong = Number(response.headers['content-length'] ?? 0) > maxBytes;
  return answerFault(response) ?? (isLong ? tooLarge(maxBytes) : undefined);
}

/** What makes an answer unreadable for whoever asked once and plainly. Other statuses are answers, 304 too. */
export function answerFault({ statusCode = 0, headers }: IncomingMessage): FetchFailure | undefined {
  if (redirects.has(statusCode)) {
    return failed('Redirected', `the peer answered with redirect ${statusCode}, which is not followed`);
  }
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() === 'identity') return undefined;
  return failed('Encoded', `the answer has the content encoding ${excerpt(encoding, 40)}, though none was accepted`);
}

const redirects: ReadonlySet<number> = new Set([300, 301, 302, 303, 305, 307, 308]);

const switched = 'the peer switched to another protocol (HTTP 101), though none was asked for';

const tooLarge = (maxBytes: number): FetchFailure => failed('TooLarge', `the answer is longer than ${maxBytes} bytes`);
