import { status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { TrustDomain } from '../../../../src/spiffe/id.ts';
import { IdentitySource } from '../../../../src/spiffe/workload-api/identity.ts';
import { backoff, workloadApi } from '../../../../src/spiffe/workload-api/stream.ts';
import { svidMessage, type X509Message } from '../../../pki/fake-workload-api.ts';
import { root, svid } from '../../../pki/mint.ts';
import {
  a,
  agentId,
  api,
  b,
  becomes,
  chain,
  failing,
  followBeforeEach,
  identity,
  message,
  patience,
  ready,
  running,
  stopping,
  Waits,
  waits,
} from '../following.ts';

followBeforeEach();

describe('the Workload API client', () => {
  test('sends the security header once and turns an answer into an identity', async () => {
    api.send(message({}, { federatedBundles: { 'spiffe://b.test': b.der } }));
    const now = await ready();
    expect(api.headers).toEqual([['true']]);
    expect(now.svid?.id.uri).toBe(agentId);
    expect(now.svid?.chain).toHaveLength(2);
    expect(now.svid?.keyPem).toContain('PRIVATE KEY');
    expect([...now.bundles.keys()]).toEqual(['b.test', 'a.test']);
    expect(now.lastError).toBeUndefined();
  });

  test('takes the first of several SVIDs', async () => {
    const other = 'spiffe://a.test/other';
    api.send({ svids: [svidMessage(agentId, chain, [a], 'one'), svidMessage(other, [svid(a, other)], [a], 'two')] });
    expect((await ready()).svid).toMatchObject({ id: { uri: agentId }, hint: 'one' });
  });

  test('replaces everything with each message: a bundle that is not listed again is gone', async () => {
    api.send(message({}, { federatedBundles: { 'b.test': b.der } }));
    const before = await ready();
    api.send(message());
    const now = await becomes(({ bundles }) => bundles.size === 1);
    expect(now.bundleEpoch).toBe(before.bundleEpoch + 1);
    expect(now.svid).toBe(before.svid);
  });

  test.each([
    ['no SVID', {}],
    ['an SVID without bundle', message({ bundle: Buffer.alloc(0) })],
    ['an SVID without ID', message({ spiffeId: '' })],
    ['another ID than the certificate', message({ spiffeId: 'spiffe://a.test/other' })],
    [
      'a key of another certificate',
      message({ x509SvidKey: svidMessage(agentId, [svid(a, agentId)], [a]).x509SvidKey }),
    ],
    ['a key that is none', message({ x509SvidKey: Buffer.from('x') })],
    ['a CA as its SVID', message(svidMessage(agentId, [a], [a]))],
    ['a leaf in the bundle', message({ bundle: svidMessage(agentId, chain, chain.slice(0, 1)).bundle })],
    ['trailing bytes in the chain', message({ x509Svid: Buffer.concat([svid(a, agentId).der, Buffer.from([0])]) })],
  ] satisfies [string, X509Message][])(
    'discards a message with %s and keeps the stream and the last good one',
    async (_name, bad) => {
      api.send(message());
      const before = await ready();
      api.send(bad);
      const now = await failing('WorkloadApiMessageInvalid');
      expect(now).toMatchObject({ state: 'ready', epoch: before.epoch, svid: before.svid });
      api.send(message());
      await becomes(({ lastError }) => lastError === undefined);
      expect(api.headers).toHaveLength(1);
    },
  );

  test.each([
    ['of no trust domain', 'spiffe://B.test', b.der, 'TrustDomainInvalid'],
    ['that is malformed', 'b.test', Buffer.from('x'), 'BundleMalformed'],
    ['of which nothing is an authority', 'b.test', svid(b, 'spiffe://b.test/x').der, 'AuthorityInvalid'],
  ])('a federated bundle %s costs nobody else anything, and is told', async (_what, name, der, code) => {
    api.send(message({}, { federatedBundles: { [name]: der, 'c.test': root('c.test').der } }));
    const now = await failing(code);
    expect([now.state, now.svid?.id.uri, [...now.bundles.keys()]]).toEqual(['ready', agentId, ['c.test', 'a.test']]);
    expect(now.lastError?.message).toContain(name);
    api.send(message({}, { federatedBundles: { 'b.test': b.der, 'c.test': root('c.test').der } }));
    const good = await becomes(({ lastError }) => lastError === undefined);
    api.send(message({}, { federatedBundles: { [name]: der, 'c.test': root('c.test').der } }));
    const kept = (await failing(code)).bundles.get('b.test' as TrustDomain);
    expect(kept).toBe(name === 'b.test' ? good.bundles.get('b.test' as TrustDomain) : undefined);
  });

  test('discards bytes that are no message', async () => {
    api.sendBytes(Buffer.from([0xff, 0xff, 0xff]));
    expect(await failing('WorkloadApiMessageInvalid')).toMatchObject({ state: 'waiting' });
    api.send(message());
    await ready();
  });

  test('takes an answer of more than 4 MiB', async () => {
    api.send(message({}, { crl: [new Uint8Array(5 * 1024 * 1024)] }));
    await ready();
  });

  test('asks no proxy, whatever the environment says', async () => {
    for (const name of ['grpc_proxy', 'http_proxy', 'https_proxy']) vi.stubEnv(name, 'http://127.0.0.1:1');
    const port = await api.listenOnTcp();
    const overTcp = new IdentitySource({
      workloadApi: { ...workloadApi(`tcp://127.0.0.1:${port}`), wait: waits.wait },
      clock: Date.now,
    });
    const done = overTcp.start(stopping.signal);
    api.send(message());
    await overTcp.ready(stopping.signal);
    vi.unstubAllEnvs();
    stopping.abort();
    await done;
  });

  test('gives its SVID up when permission is denied, keeps the bundles, and asks again', async () => {
    api.send(message());
    const before = await ready();
    api.end(status.PERMISSION_DENIED);
    const denied = await failing('WorkloadApiDenied');
    expect(denied.state).toBe('denied');
    expect(denied.svid).toBeUndefined();
    expect(denied.bundles).toBe(before.bundles);
    expect(denied.bundleEpoch).toBe(before.bundleEpoch);
    api.send(message());
    await waits.next();
    await ready();
  });

  test.each([
    ['unavailable', status.UNAVAILABLE],
    ['exhausted', status.RESOURCE_EXHAUSTED],
    ['cancelled by the other side', status.CANCELLED],
    ['ended cleanly', status.OK],
  ])('keeps its SVID when the stream is %s, and opens it again', async (_name, code) => {
    api.send(message());
    const before = await ready();
    api.end(code);
    const now = await failing('WorkloadApiUnavailable');
    expect(now).toMatchObject({ state: 'ready', epoch: before.epoch });
    api.send(message());
    await waits.next();
    await becomes(({ lastError }) => lastError === undefined);
    expect(api.headers).toHaveLength(2);
  });

  test('starts without an agent, says so, and becomes ready when one appears', async () => {
    api.kill();
    const patient = new Waits();
    const early = new IdentitySource({
      workloadApi: { ...workloadApi(api.address), wait: patient.wait },
      clock: Date.now,
    });
    expect(early.current()).toMatchObject({
      state: 'waiting',
      epoch: 0,
      lastError: { code: 'WorkloadApiUnavailable' },
    });
    const done = early.start(stopping.signal);
    await vi.waitFor(() => expect(early.current().lastError?.message).toMatch(/ENOENT|ECONNREFUSED/), patience);
    expect(early.current()).toMatchObject({ state: 'waiting', epoch: 0 });
    await api.start();
    api.send(message());
    await patient.next();
    await early.ready(stopping.signal);
    stopping.abort();
    await done;
  });

  test('survives an agent that is killed and comes back', async () => {
    api.send(message());
    await ready();
    api.kill();
    await failing('WorkloadApiUnavailable');
    await waits.next();
    await vi.waitFor(() => expect(waits.asked).toHaveLength(2), patience);
    expect(identity.current().lastError?.message).toMatch(/ENOENT|ECONNREFUSED/);
    await api.start();
    await waits.next();
    await becomes(({ lastError }) => lastError === undefined);
  });

  test.each([
    ['WorkloadApiRequestRefused', status.INVALID_ARGUMENT],
    ['WorkloadApiUnsupported', status.UNIMPLEMENTED],
  ])('does not ask again after %s, and keeps what it has', async (code, end) => {
    api.send(message());
    await ready();
    api.end(end);
    await running;
    expect(identity.current()).toMatchObject({ state: 'ready', lastError: { code } });
    expect(waits.asked).toEqual([]);
  });

  test('backs off exponentially and starts over after a good message', async () => {
    api.end(status.UNAVAILABLE);
    for (let attempt = 0; attempt < 4; attempt++) await waits.next();
    await vi.waitFor(() => expect(waits.asked).toEqual([250, 500, 1000, 1000, 1000]), patience);
    api.send(message());
    await waits.next();
    await ready();
    api.end(status.UNAVAILABLE);
    await failing('WorkloadApiUnavailable');
    await vi.waitFor(() => expect(waits.asked.at(-1)).toBe(250), patience);
  });

  test('stops when it is told to, with a stream open or while it waits', async () => {
    api.send(message());
    await ready();
    stopping.abort();
    await running;
    expect(identity.current().lastError).toBeUndefined();
  });
});

test('the back-off lies between 100 ms and 5 s, below 2 s for the first minute, and never exceeds its ceiling', () => {
  fc.assert(
    fc.property(fc.nat(2000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (failures, random) => {
      const wait = backoff(failures, () => random);
      expect(wait).toBeGreaterThanOrEqual(100);
      expect(wait).toBeLessThanOrEqual(Math.min(failures < 60 ? 2_000 : 5_000, 500 * 2 ** failures));
    }),
  );
});
