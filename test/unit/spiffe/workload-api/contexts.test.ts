import { status } from '@grpc/grpc-js';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Result } from '../../../../src/spiffe/result.ts';
import { watchX509Contexts } from '../../../../src/spiffe/workload-api/stream.ts';
import type { X509Context } from '../../../../src/spiffe/x509/svid.ts';
import { FakeWorkloadApi } from '../../../pki/fake-workload-api.ts';
import { agentId, message, patience } from '../following.ts';

const never = new AbortController().signal;
const said = (context: Result<X509Context>) => (context.ok ? context.value.svid.id.uri : context.error.code);

async function rig() {
  const api = new FakeWorkloadApi();
  await api.start();
  onTestFinished(() => api.stop());
  return { api, options: { address: api.address, random: () => 0, wait: async () => {} } };
}

test('contexts and faults come in the order in which they happened, and a fault ends nothing', async () => {
  const { api, options } = await rig();
  api.send(message());
  const seen: string[] = [];
  for await (const context of watchX509Contexts(options, never)) {
    seen.push(said(context));
    if (seen.length === 1) api.sendBytes(Buffer.from([0xff]));
    if (seen.length === 2) api.end(status.PERMISSION_DENIED);
    if (seen.length === 3) api.send(message());
    if (seen.length === 4) break;
  }
  expect(seen).toEqual([agentId, 'WorkloadApiMessageInvalid', 'WorkloadApiDenied', agentId]);
});

test('whoever leaves the loop closes the stream, and whoever throws in it does', async () => {
  const { api, options } = await rig();
  api.send(message());
  for await (const context of watchX509Contexts(options, never)) {
    expect(context.ok).toBe(true);
    expect(api.streams).toBe(1);
    break;
  }
  await vi.waitFor(() => expect(api.streams).toBe(0), patience);
  const failing = async () => {
    for await (const context of watchX509Contexts(options, never)) throw new Error(said(context));
  };
  await expect(failing()).rejects.toThrow(agentId);
  await vi.waitFor(() => expect(api.streams).toBe(0), patience);
});

test('a signal ends the loop without a word, and one given too late opens no stream', async () => {
  const { api, options } = await rig();
  api.send(message());
  const stop = new AbortController();
  const seen: string[] = [];
  for await (const context of watchX509Contexts(options, stop.signal)) {
    seen.push(said(context));
    stop.abort();
  }
  for await (const context of watchX509Contexts(options, stop.signal)) seen.push(said(context));
  expect(seen).toEqual([agentId]);
  expect(api.headers).toHaveLength(1);
});

test('an address that is none, and an endpoint that will never answer, are one fault and the end', async () => {
  const { api, options } = await rig();
  api.end(status.UNIMPLEMENTED);
  for (const [address, code] of [
    ['nonsense', 'WorkloadApiAddressInvalid'],
    [api.address, 'WorkloadApiUnsupported'],
  ] as const) {
    const seen: string[] = [];
    for await (const context of watchX509Contexts({ ...options, address }, never)) seen.push(said(context));
    expect(seen).toEqual([code]);
  }
});
