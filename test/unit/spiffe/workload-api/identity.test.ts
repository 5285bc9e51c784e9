import { describe, expect, test } from 'vitest';
import { IdentitySource } from '../../../../src/spiffe/workload-api/identity.ts';
import { workloadApi } from '../../../../src/spiffe/workload-api/stream.ts';
import { svidMessage } from '../../../pki/fake-workload-api.ts';
import { bundle, hour, svid } from '../../../pki/mint.ts';
import {
  a,
  a2,
  agentId,
  api,
  becomes,
  followBeforeEach,
  identity,
  message,
  ready,
  stopping,
  waits,
} from '../following.ts';

followBeforeEach();

describe('an identity', () => {
  test('says that nothing is configured, or that the address is wrong, and stays up', async () => {
    const none = new IdentitySource({ clock: Date.now });
    await none.start(stopping.signal);
    expect(none.current()).toMatchObject({ state: 'waiting', lastError: { code: 'WorkloadApiNotConfigured' } });
    const wrong = new IdentitySource({ workloadApi: workloadApi('http://x'), clock: Date.now });
    await wrong.start(stopping.signal);
    expect(wrong.current()).toMatchObject({ state: 'waiting', lastError: { code: 'WorkloadApiAddressInvalid' } });
  });

  test('tells a new SVID from new bundles, and nothing from something', async () => {
    api.send(message());
    const first = await ready();
    api.send(message({}, { crl: [Buffer.from('ignored')] }));
    const renewed = svidMessage(agentId, [svid(a, agentId)], [a]);
    api.send({ svids: [renewed] });
    const second = await becomes(({ svid: now }) => now !== first.svid);
    expect(second).toMatchObject({ epoch: first.epoch + 1, bundleEpoch: first.bundleEpoch });
    expect(second.bundles).toBe(first.bundles);
    api.send({ svids: [{ ...renewed, bundle: Buffer.concat([a.der, a2.der]) }] });
    const third = await becomes(({ bundles }) => bundles !== first.bundles);
    expect(third).toMatchObject({ epoch: first.epoch + 2, bundleEpoch: first.bundleEpoch + 1, svid: second.svid });
  });

  test('never hands out an SVID that has ended, and recovers with the next', async () => {
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
    now += 25 * hour;
    expect(aging.current()).toMatchObject({ state: 'expired', lastError: { code: 'SvidExpired' } });
    expect(aging.current().svid).toBeUndefined();
    expect(aging.current().bundles.size).toBe(1);
    api.send({ svids: [svidMessage(agentId, [svid(a, agentId, { to: now + hour })], [a])] });
    await aging.ready(stopping.signal);
    expect(seen).toEqual(['expired', 'ready']);
    stopping.abort();
    await done;
  });

  test('notices the end of its SVID without being asked', async () => {
    const end = Math.ceil(Date.now() / 1000) * 1000;
    const seen = new Promise((resolve) => identity.onChange(({ state }) => state === 'expired' && resolve(state)));
    api.send({ svids: [svidMessage(agentId, [svid(a, agentId, { to: end })], [a])] });
    expect(await seen).toBe('expired');
  });

  test('lets a bundle from elsewhere stand in for the one of the Workload API', async () => {
    api.send(message());
    const before = await ready();
    const other = bundle('a.test', a2);
    identity.setBundle(other.trustDomain, other);
    expect(identity.current().bundles.get(other.trustDomain)).toBe(other);
    expect(identity.current().bundleEpoch).toBe(before.bundleEpoch + 1);
    identity.setBundle(other.trustDomain, undefined);
    expect(identity.current().bundles.get(other.trustDomain)?.digest).toBe(bundle('a.test', a).digest);
  });

  test('rejects who waits for it when the wait is given up', async () => {
    const patience = new AbortController();
    const waiting = identity.ready(patience.signal);
    patience.abort(new Error('no longer needed'));
    await expect(waiting).rejects.toThrow('no longer needed');
  });

  test('reports ages and ends for metrics', async () => {
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
