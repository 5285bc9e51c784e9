import { status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type IdentitySnapshot, IdentitySource } from '../../../src/spiffe/identity.ts';
import { backoff, workloadApi } from '../../../src/spiffe/workload-api.ts';
import { FakeWorkloadApi, svidMessage, type X509Message } from '../../pki/fake-workload-api.ts';
import { bundle, HOUR, intermediate, root, svid } from '../../pki/mint.ts';

const ID = 'spiffe://a.test/ns/sys/sa/operator';
const [a, a2, b] = [root('a.test'), root('a.test'), root('b.test')];
const between = intermediate(a, 'a.test');
const chain = [svid(between, ID), between];
const message = (change: Partial<ReturnType<typeof svidMessage>> = {}, more: X509Message = {}): X509Message => ({
  svids: [{ ...svidMessage(ID, chain, [a]), ...change }],
  ...more,
});

const PATIENCE = { timeout: 10_000, interval: 5 };

/** Waits between attempts end when the test says so. */
class Waits {
  readonly asked: number[] = [];
  #release: (() => void) | undefined;
  readonly wait = (milliseconds: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      this.asked.push(milliseconds);
      this.#release = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
    });

  async next(): Promise<void> {
    await vi.waitFor(() => expect(this.#release).toBeDefined(), PATIENCE);
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }
}

let api: FakeWorkloadApi;
let waits: Waits;
let identity: IdentitySource;
let stopping: AbortController;
let running: Promise<void>;

beforeEach(async () => {
  api = new FakeWorkloadApi();
  await api.start();
  waits = new Waits();
  stopping = new AbortController();
  identity = new IdentitySource({
    workloadApi: { address: api.address, random: () => 0.5, wait: waits.wait },
    clock: Date.now,
  });
  running = identity.start(stopping.signal);
});

afterEach(async () => {
  stopping.abort();
  await running;
  api.stop();
});

const becomes = (check: (now: IdentitySnapshot) => boolean): Promise<IdentitySnapshot> =>
  vi.waitFor(() => {
    const now = identity.current();
    expect(check(now), `${now.state} ${now.lastError?.code}`).toBe(true);
    return now;
  }, PATIENCE);
const ready = (): Promise<IdentitySnapshot> => becomes(({ state }) => state === 'ready');
const failing = (code: string): Promise<IdentitySnapshot> => becomes(({ lastError }) => lastError?.code === code);

describe('the Workload API client', () => {
  it('sends the security header once and turns an answer into an identity', async () => {
    api.send(message({}, { federatedBundles: { 'spiffe://b.test': b.der } }));
    const now = await ready();
    expect(api.headers).toEqual([['true']]);
    expect(now.svid?.id.uri).toBe(ID);
    expect(now.svid?.chain).toHaveLength(2);
    expect(now.svid?.keyPem).toContain('PRIVATE KEY');
    expect([...now.bundles.keys()]).toEqual(['b.test', 'a.test']);
    expect(now.lastError).toBeUndefined();
  });

  it('takes the first of several SVIDs', async () => {
    const other = 'spiffe://a.test/other';
    api.send({ svids: [svidMessage(ID, chain, [a], 'one'), svidMessage(other, [svid(a, other)], [a], 'two')] });
    expect((await ready()).svid).toMatchObject({ id: { uri: ID }, hint: 'one' });
  });

  it('replaces everything with each message: a bundle that is not listed again is gone', async () => {
    api.send(message({}, { federatedBundles: { 'b.test': b.der } }));
    const before = await ready();
    api.send(message());
    const now = await becomes(({ bundles }) => bundles.size === 1);
    expect(now.bundleEpoch).toBe(before.bundleEpoch + 1);
    expect(now.svid).toBe(before.svid);
  });

  it.each([
    ['no SVID', {}],
    ['an SVID without bundle', message({ bundle: Buffer.alloc(0) })],
    ['an SVID without ID', message({ spiffeId: '' })],
    ['another ID than the certificate', message({ spiffeId: 'spiffe://a.test/other' })],
    ['a key of another certificate', message({ x509SvidKey: svidMessage(ID, [svid(a, ID)], [a]).x509SvidKey })],
    ['a key that is none', message({ x509SvidKey: Buffer.from('x') })],
    ['a CA as its SVID', message(svidMessage(ID, [a], [a]))],
    ['a leaf in the bundle', message({ bundle: svidMessage(ID, chain, chain.slice(0, 1)).bundle })],
    ['trailing bytes in the chain', message({ x509Svid: Buffer.concat([svid(a, ID).der, Buffer.from([0])]) })],
    ['a federated bundle of no trust domain', message({}, { federatedBundles: { 'spiffe://B.test': b.der } })],
    ['a malformed federated bundle', message({}, { federatedBundles: { 'b.test': Buffer.from('x') } })],
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

  it('discards bytes that are no message', async () => {
    api.sendBytes(Buffer.from([0xff, 0xff, 0xff]));
    expect(await failing('WorkloadApiMessageInvalid')).toMatchObject({ state: 'waiting' });
    api.send(message());
    await ready();
  });

  it('takes an answer of more than 4 MiB', async () => {
    api.send(message({}, { crl: [new Uint8Array(5 * 1024 * 1024)] }));
    await ready();
  });

  it('asks no proxy, whatever the environment says', async () => {
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

  it('gives its SVID up when permission is denied, keeps the bundles, and asks again', async () => {
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

  it.each([
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

  it('starts without an agent, says so, and becomes ready when one appears', async () => {
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
    await vi.waitFor(() => expect(early.current().lastError?.message).toMatch(/ENOENT|ECONNREFUSED/), PATIENCE);
    expect(early.current()).toMatchObject({ state: 'waiting', epoch: 0 });
    await api.start();
    api.send(message());
    await patient.next();
    await early.ready(stopping.signal);
    stopping.abort();
    await done;
  });

  it('survives an agent that is killed and comes back', async () => {
    api.send(message());
    await ready();
    api.kill();
    await failing('WorkloadApiUnavailable');
    await waits.next();
    await vi.waitFor(() => expect(waits.asked).toHaveLength(2), PATIENCE);
    expect(identity.current().lastError?.message).toMatch(/ENOENT|ECONNREFUSED/);
    await api.start();
    await waits.next();
    await becomes(({ lastError }) => lastError === undefined);
  });

  it.each([
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

  it('backs off exponentially and starts over after a good message', async () => {
    api.end(status.UNAVAILABLE);
    for (let attempt = 0; attempt < 4; attempt++) await waits.next();
    await vi.waitFor(() => expect(waits.asked).toEqual([500, 1000, 2000, 4000, 8000]), PATIENCE);
    api.send(message());
    await waits.next();
    await ready();
    api.end(status.UNAVAILABLE);
    await failing('WorkloadApiUnavailable');
    await vi.waitFor(() => expect(waits.asked.at(-1)).toBe(500), PATIENCE);
  });

  it('stops when it is told to, with a stream open or while it waits', async () => {
    api.send(message());
    await ready();
    stopping.abort();
    await running;
    expect(identity.current().lastError).toBeUndefined();
  });
});

it('the back-off lies between 100 ms and 30 s and never exceeds its exponential ceiling', () => {
  fc.assert(
    fc.property(fc.nat(2000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (failures, random) => {
      const wait = backoff(failures, () => random);
      expect(wait).toBeGreaterThanOrEqual(100);
      expect(wait).toBeLessThanOrEqual(Math.min(30_000, 1000 * 2 ** failures));
    }),
  );
});

describe('an identity', () => {
  it('says that nothing is configured, or that the address is wrong, and stays up', async () => {
    const none = new IdentitySource({ clock: Date.now });
    await none.start(stopping.signal);
    expect(none.current()).toMatchObject({ state: 'waiting', lastError: { code: 'WorkloadApiNotConfigured' } });
    const wrong = new IdentitySource({ workloadApi: workloadApi('http://x'), clock: Date.now });
    await wrong.start(stopping.signal);
    expect(wrong.current()).toMatchObject({ state: 'waiting', lastError: { code: 'WorkloadApiAddressInvalid' } });
  });

  it('tells a new SVID from new bundles, and nothing from something', async () => {
    api.send(message());
    const first = await ready();
    api.send(message({}, { crl: [Buffer.from('ignored')] }));
    const renewed = svidMessage(ID, [svid(a, ID)], [a]);
    api.send({ svids: [renewed] });
    const second = await becomes(({ svid: now }) => now !== first.svid);
    expect(second).toMatchObject({ epoch: first.epoch + 1, bundleEpoch: first.bundleEpoch });
    expect(second.bundles).toBe(first.bundles);
    api.send({ svids: [{ ...renewed, bundle: Buffer.concat([a.der, a2.der]) }] });
    const third = await becomes(({ bundles }) => bundles !== first.bundles);
    expect(third).toMatchObject({ epoch: first.epoch + 2, bundleEpoch: first.bundleEpoch + 1, svid: second.svid });
  });

  it('never hands out an SVID that has ended, and recovers with the next', async () => {
    let now = Date.now();
    const aging = new IdentitySource({
      workloadApi: { address: api.address, random: () => 0, wait: waits.wait },
      clock: () => now,
    });
    const done = aging.start(stopping.signal);
    api.send(message());
    await aging.ready(stopping.signal);
    const seen: string[] = [];
    aging.onChange(({ state }) => seen.push(state));
    now += 25 * HOUR;
    expect(aging.current()).toMatchObject({ state: 'expired', lastError: { code: 'SvidExpired' } });
    expect(aging.current().svid).toBeUndefined();
    expect(aging.current().bundles.size).toBe(1);
    api.send({ svids: [svidMessage(ID, [svid(a, ID, { to: now + HOUR })], [a])] });
    await aging.ready(stopping.signal);
    expect(seen).toEqual(['expired', 'ready']);
    stopping.abort();
    await done;
  });

  it('notices the end of its SVID without being asked', async () => {
    const end = Math.ceil(Date.now() / 1000) * 1000;
    const seen = new Promise((resolve) => identity.onChange(({ state }) => state === 'expired' && resolve(state)));
    api.send({ svids: [svidMessage(ID, [svid(a, ID, { to: end })], [a])] });
    expect(await seen).toBe('expired');
  });

  it('lets a bundle from elsewhere stand in for the one of the Workload API', async () => {
    api.send(message());
    const before = await ready();
    const other = bundle('a.test', a2);
    identity.setBundle(other.trustDomain, other);
    expect(identity.current().bundles.get(other.trustDomain)).toBe(other);
    expect(identity.current().bundleEpoch).toBe(before.bundleEpoch + 1);
    identity.setBundle(other.trustDomain, undefined);
    expect(identity.current().bundles.get(other.trustDomain)?.digest).toBe(bundle('a.test', a).digest);
  });

  it('rejects who waits for it when the wait is given up', async () => {
    const patience = new AbortController();
    const waiting = identity.ready(patience.signal);
    patience.abort(new Error('no longer needed'));
    await expect(waiting).rejects.toThrow('no longer needed');
  });

  it('reports ages and ends for metrics', async () => {
    api.send(message());
    await ready();
    const { state, svid: own, bundles } = identity.health();
    expect(state).toBe('ready');
    expect(own?.ageSeconds).toBeGreaterThanOrEqual(3599);
    expect(own?.secondsLeft).toBeGreaterThan(23 * 3600);
    expect(bundles).toMatchObject([{ trustDomain: 'a.test', authorities: 1 }]);
    expect(bundles[0]?.ageSeconds).toBeLessThan(60);
    expect(bundles[0]?.secondsLeft).toBeGreaterThan(23 * 3600);
  });
});
