/** The client of the SPIFFE Workload API: one stream of X.509 contexts, kept open for as long as the process lives. */

import { setTimeout as delay } from 'node:timers/promises';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, credentials, Metadata, type StatusObject, status } from '@grpc/grpc-js';
import { type Fault, type Result, refused } from '../result.ts';
import { parseX509Context, type X509Context } from '../x509/svid.ts';
import { parseWorkloadApiAddress } from './address.ts';
import { X509SVIDRequestSchema, X509SVIDResponseSchema } from './workloadapi_pb.ts';

export interface WorkloadApiOptions {
  /** `unix:///path` or `tcp://<IP>:<port>`; by convention the value of SPIFFE_ENDPOINT_SOCKET. */
  readonly address: string;
  /** In [0, 1), for the jitter. */
  readonly random: () => number;
  /** Waits before the next attempt; returns early when the signal is aborted. */
  readonly wait: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

const fetchX509Svid = '/SpiffeWorkloadAPI/FetchX509SVID';
/** A new workload is denied until SPIRE has heard of it, which takes seconds; asking a socket of the same node costs little. */
const backoffMs = { first: 500, early: 2_000, late: 5_000, earlyAttempts: 60 } as const;
/** Even the luckiest jitter does not make a busy loop. */
const leastBackoffMs = 100;
const channel = {
  'grpc.max_receive_message_length': 16 * 1024 * 1024,
  'grpc.enable_http_proxy': 0,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_channelz': 0,
} as const;

/** The options that a running process uses. */
export function workloadApi(address: string): WorkloadApiOptions {
  const wait = (milliseconds: number, signal: AbortSignal): Promise<void> =>
    delay(milliseconds, undefined, { signal }).catch(() => undefined);
  return { address, random: Math.random, wait };
}

/**
 * Every context that the endpoint sends, each in place of all before it: what is not listed again is gone. A fault stands
 * between them and ends nothing; after WorkloadApiDenied alone the last SVID may no longer be used. It ends with the signal,
 * or when the endpoint says that it will never answer. Codes: WorkloadApiAddressInvalid, WorkloadApiUnavailable,
 * WorkloadApiDenied, WorkloadApiUnsupported, WorkloadApiRequestRefused and WorkloadApiMessageInvalid
 * (SPIFFE_Workload_Endpoint §6, SPIFFE_Workload_API §4 and §5.2).
 */
export async function* watchX509Contexts(
  options: WorkloadApiOptions,
  signal: AbortSignal,
): AsyncGenerator<Result<X509Context>, void> {
  const target = parseWorkloadApiAddress(options.address);
  if (!target.ok) yield target;
  let failures = 0;
  while (target.ok && !signal.aborted) {
    const { messages, ended, cancel } = open(target.value, signal);
    try {
      for await (const bytes of messages) {
        const context = decode(bytes);
        if (context.ok) failures = 0;
        yield context;
      }
    } finally {
      cancel();
    }
    const end = await ended;
    if (signal.aborted) return;
    const { code, message, final } = meaningOf(end, options.address);
    yield refused(code, message);
    if (final) return;
    await options.wait(backoff(failures++, options.random), signal);
  }
}

/** Exponential with full jitter: at most two seconds for about the first minute, five seconds afterwards. */
export function backoff(failures: number, random: () => number): number {
  const { first, early, late, earlyAttempts } = backoffMs;
  const ceiling = failures < earlyAttempts ? Math.min(early, first * 2 ** Math.min(failures, 10)) : late;
  return Math.max(leastBackoffMs, random() * ceiling);
}

/**
 * One call on a connection of its own: a channel that failed would hold back its next attempt for up to two minutes,
 * and the back-off here is the only one that is wanted.
 */
function open(target: string, signal: AbortSignal) {
  const client = new Client(target, credentials.createInsecure(), channel);
  const metadata = new Metadata();
  metadata.set('workload.spiffe.io', 'true');
  const request = Buffer.from(toBinary(X509SVIDRequestSchema, create(X509SVIDRequestSchema)));
  const same = (bytes: Buffer): Buffer => bytes;
  const call = client.makeServerStreamRequest(fetchX509Svid, same, same, request, metadata);
  const cancel = (): void => call.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  const { promise: ended, resolve } = Promise.withResolvers<StatusObject>();
  call.on('status', (end: StatusObject) => {
    signal.removeEventListener('abort', cancel);
    client.close();
    resolve(end);
  });
  return { messages: untilError(call), ended, cancel };
}

/** How a stream ended is in its status. */
async function* untilError(messages: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  try {
    yield* messages;
  } catch {
    // Told by the status as well.
  }
}

function decode(bytes: Uint8Array): Result<X509Context> {
  const context = attemptDecode(bytes);
  if (context.ok) return context;
  const { code, message } = context.error;
  return refused('WorkloadApiMessageInvalid', `a Workload API message was discarded: ${message} (${code})`);
}

function attemptDecode(bytes: Uint8Array): Result<X509Context> {
  try {
    return parseX509Context(fromBinary(X509SVIDResponseSchema, bytes));
  } catch {
    return refused('NotProtobuf', 'the message is no X509SVIDResponse');
  }
}

interface StreamEnd extends Fault {
  /** Whether trying again is pointless. */
  readonly final: boolean;
}

/** A cancelled stream is not special: that is how a killed agent looks. Only our own signal ends the watch. */
function meaningOf({ code, details }: StatusObject, address: string): StreamEnd {
  const end = (suffix: string, message: string, final = false): StreamEnd => {
    return { code: `WorkloadApi${suffix}`, message, final };
  };
  switch (code) {
    case status.PERMISSION_DENIED:
      return end('Denied', `the Workload API at ${address} has no identity for us: check the registration entry`);
    case status.INVALID_ARGUMENT:
      return end('RequestRefused', `the Workload API at ${address} refused the request; restart after fixing it`, true);
    case status.UNIMPLEMENTED:
      return end('Unsupported', `${address} is no Workload API with X509-SVIDs; correct the address and restart`, true);
    default: {
      const reason = /\bE[A-Z]{3,}\b/.exec(details)?.[0] ?? status[code];
      return end('Unavailable', `the Workload API at ${address} does not answer (${reason}): check the SPIRE agent`);
    }
  }
}
