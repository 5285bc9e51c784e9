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

export interface WorkloadApiListener {
  /** Replaces everything known before: what is no longer listed is gone. */
  readonly update: (context: X509Context) => void;
  /** `kept` says whether the last context may still be used. */
  readonly problem: (problem: Fault, kept: boolean) => void;
}

const FETCH_X509_SVID = '/SpiffeWorkloadAPI/FetchX509SVID';
/** A new workload is denied until SPIRE has heard of it, which takes seconds; asking a socket of the same node costs little. */
const BACKOFF = { first: 500, early: 2_000, late: 5_000, earlyAttempts: 60 } as const;
/** Even the luckiest jitter does not make a busy loop. */
const LEAST_BACKOFF = 100;
const CHANNEL = {
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
 * Streams until the signal is aborted, or until the endpoint says that it will never answer. Problems are reported with the
 * codes WorkloadApiAddressInvalid, WorkloadApiUnavailable, WorkloadApiDenied, WorkloadApiUnsupported,
 * WorkloadApiRequestRefused and WorkloadApiMessageInvalid (SPIFFE_Workload_Endpoint §6, SPIFFE_Workload_API §4 and §5.2).
 */
export async function watchX509Context(
  options: WorkloadApiOptions,
  listener: WorkloadApiListener,
  signal: AbortSignal,
): Promise<void> {
  const target = parseWorkloadApiAddress(options.address);
  if (!target.ok) {
    listener.problem(target.error, true);
    return;
  }
  let failures = 0;
  const receive = (bytes: Uint8Array): void => {
    const context = decode(bytes);
    if (context.ok) {
      failures = 0;
      listener.update(context.value);
    } else listener.problem(messageInvalid(context.error), true);
  };
  while (!signal.aborted) {
    const end = await stream(target.value, receive, signal);
    if (signal.aborted) return;
    const { problem, kept, final } = meaningOf(end, options.address);
    listener.problem(problem, kept);
    if (final) return;
    await options.wait(backoff(failures++, options.random), signal);
  }
}

/** Exponential with full jitter: at most two seconds for about the first minute, five seconds afterwards. */
export function backoff(failures: number, random: () => number): number {
  const { first, early, late, earlyAttempts } = BACKOFF;
  const ceiling = failures < earlyAttempts ? Math.min(early, first * 2 ** Math.min(failures, 10)) : late;
  return Math.max(LEAST_BACKOFF, random() * ceiling);
}

/**
 * One call on a connection of its own: a channel that failed would hold back its next attempt for up to two minutes,
 * and the back-off here is the only one that is wanted.
 */
function stream(target: string, receive: (bytes: Uint8Array) => void, signal: AbortSignal): Promise<StatusObject> {
  const client = new Client(target, credentials.createInsecure(), CHANNEL);
  const metadata = new Metadata();
  metadata.set('workload.spiffe.io', 'true');
  const request = Buffer.from(toBinary(X509SVIDRequestSchema, create(X509SVIDRequestSchema)));
  const same = (bytes: Buffer): Buffer => bytes;
  return new Promise((resolve) => {
    const call = client.makeServerStreamRequest(FETCH_X509_SVID, same, same, request, metadata);
    const cancel = (): void => call.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    call.on('data', receive);
    call.on('error', () => undefined);
    call.on('status', (end: StatusObject) => {
      signal.removeEventListener('abort', cancel);
      client.close();
      resolve(end);
    });
  });
}

function decode(bytes: Uint8Array): Result<X509Context> {
  try {
    return parseX509Context(fromBinary(X509SVIDResponseSchema, bytes));
  } catch {
    return refused('NotProtobuf', 'the message is no X509SVIDResponse');
  }
}

function messageInvalid({ code, message }: Fault): Fault {
  return { code: 'WorkloadApiMessageInvalid', message: `a Workload API message was discarded: ${message} (${code})` };
}

interface StreamEnd {
  readonly problem: Fault;
  /** Whether the last context may still be used. */
  readonly kept: boolean;
  /** Whether trying again is pointless. */
  readonly final: boolean;
}

/** A cancelled stream is not special: that is how a killed agent looks. Only our own signal ends the watch. */
function meaningOf({ code, details }: StatusObject, address: string): StreamEnd {
  const end = (suffix: string, message: string, { kept = true, final = false } = {}): StreamEnd => ({
    problem: { code: `WorkloadApi${suffix}`, message },
    kept,
    final,
  });
  switch (code) {
    case status.PERMISSION_DENIED:
      return end('Denied', `the Workload API at ${address} has no identity for us: check the registration entry`, {
        kept: false,
      });
    case status.INVALID_ARGUMENT:
      return end('RequestRefused', `the Workload API at ${address} refused the request; restart after fixing it`, {
        final: true,
      });
    case status.UNIMPLEMENTED:
      return end('Unsupported', `${address} is no Workload API with X509-SVIDs; correct the address and restart`, {
        final: true,
      });
    default: {
      const reason = /\bE[A-Z]{3,}\b/.exec(details)?.[0] ?? status[code];
      return end('Unavailable', `the Workload API at ${address} does not answer (${reason}): check the SPIRE agent`);
    }
  }
}
