/** The program that asks agents: with our SVID, and without anything else of ours. */

import { Socket } from 'node:net';
import { type FetchOutcome, fetch, type MutualTls } from '@agentcard-operator/spiffe/tls';
import { encodeFrame, FrameReader } from './frames.ts';
import { longestMessage, type Message, toBase64, unpackIdentity } from './question.ts';

const pipe = new Socket({ fd: 3 });
const reader = new FrameReader(Number.MAX_SAFE_INTEGER);
const running = new Map<number, AbortController>();
let epoch = 0;
let identity: MutualTls['identity'] = { bundles: new Map() };

function receive({ ping, identity: packed, ask, cancel }: Message): void {
  if (ping) pipe.write(encodeFrame({ pong: true }));
  if (packed !== undefined) [epoch, identity] = [packed.epoch, unpackIdentity(packed)];
  if (cancel !== undefined) running.get(cancel)?.abort();
  if (ask !== undefined) void answer(ask);
}

async function answer({ id, request, trustDomains }: NonNullable<Message['ask']>): Promise<void> {
  const stop = new AbortController();
  running.set(id, stop);
  const askedAt = epoch;
  const tls = trustDomains === undefined ? {} : { tls: { identity, trustDomains } };
  const outcome = await fetch({ ...request, ...tls, signal: stop.signal });
  running.delete(id);
  pipe.write(told(id, askedAt, outcome));
}

function told(id: number, epoch: number, { peer, ...outcome }: FetchOutcome): Buffer {
  const chain = peer?.chain.map(toBase64);
  if (outcome.kind === 'failed') {
    const { kind, code, claimedId } = outcome;
    const message = outcome.message.slice(0, longestMessage);
    return encodeFrame({ id, epoch, outcome: { kind, code, message, claimedId, chain } });
  }
  const { kind, status, body } = outcome;
  return encodeFrame({ id, epoch, outcome: { kind, status, chain } }, body);
}

// A terminal's Ctrl-C is for the parent, whose end ends us.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
pipe.on('data', (piece: Buffer) => {
  for (const { header } of reader.read(piece)) receive(header as Message);
});
pipe.on('close', () => process.exit());
pipe.on('error', () => process.exit());
pipe.write(encodeFrame({ pong: true }));
