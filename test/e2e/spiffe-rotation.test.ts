import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { addTrustDomain, type TrustDomain } from '../cluster/trust-domain.ts';
import { Agent } from './kit/agent.ts';
import { asked, calmly, restartOperator } from './kit/calm.ts';
import { servedCertificate } from './kit/certificate.ts';
import { patience, World } from './kit/world.ts';

let world: World;
let namespace: string;
let spire: TrustDomain;
let weather: Agent;
const trusted = { Verified: 'True mTLSVerified', Bound: 'True Bound', Ready: 'True ReadyToServe' };

// Everybody lives in a trust domain whose SVIDs last thirty seconds, so that each is replaced about every ten.
beforeAll(async () => {
  world = await World.open();
  spire = await addTrustDomain(world.cluster, 'short.example', { svidTtl: '30s', caTtl: '24h' });
  await world.install({
    replicas: 1,
    verifiedFetch: { enabled: true, trustDomain: spire.name },
    spiffe: { volume: 'hostPath', hostPath: spire.socketFolder },
  });
  namespace = await world.namespace('rotation');
  weather = await Agent.deploy(world, namespace, 'weather', {
    replicas: 2,
    socketFolder: spire.socketFolder,
    spec: { syncPeriod: '5s' },
  });
  await weather.says({ ...trusted, Enforced: 'True PolicyApplied' });
  await weather.wears(true);
});

afterAll(async () => {
  await world.kubectl('delete', 'namespace', namespace, '--wait=false');
  await spire.remove();
});

/** Waits until every pod has shown this many certificates that it did not show before, and that fit. */
async function rotations(count: number, fits: (issuer: string) => boolean = () => true): Promise<void> {
  const pods = await weather.pods();
  await Promise.all(pods.map(({ status }) => rotationsOf(status?.podIP ?? '', count, fits)));
}

async function rotationsOf(address: string, count: number, fits: (issuer: string) => boolean): Promise<void> {
  const first = (await servedCertificate(world, address)).serialNumber;
  const seen = new Set<string>();
  await vi.waitFor(
    async () => {
      const { serialNumber, issuer } = await servedCertificate(world, address);
      if (serialNumber !== first && fits(issuer)) seen.add(serialNumber);
      expect(seen.size).toBeGreaterThanOrEqual(count);
    },
    { timeout: 120_000, interval: 500 },
  );
}

/** A pod is asked a turn: after one more turn than there are pods, what they showed before is forgotten. */
async function everyPodIsAsked(): Promise<void> {
  const [before, { length }] = [await asked(world), await weather.pods()];
  await vi.waitFor(async () => expect(await asked(world)).toBeGreaterThan(before + length), patience);
}

describe('nothing is written', () => {
  test('while SVIDs are replaced, the operator’s own among them, and while their CA is and leaves the bundle', async () => {
    const address = (await weather.pods())[0]?.status?.podIP ?? '';
    const { issuer } = await servedCertificate(world, address);
    await calmly(world, async () => {
      await rotations(2);
      await spire.rotateAuthority();
      await rotations(2, (other) => other !== issuer);
      // Evidence that rests on an authority ends with it.
      await everyPodIsAsked();
      await spire.retireAuthority();
      await rotations(1);
    });
    const { status } = await weather.says(trusted);
    expect(status?.replicas).toEqual({ ready: 2, attested: 2 });
  });

  test('when the operator is restarted long after the stored end of the identity', async () => {
    const { status } = await weather.says(trusted);
    expect(Date.parse(status?.identityExpiresAt ?? '')).toBeLessThan(Date.now());
    await calmly(world, () => restartOperator(world, 2));
    await weather.wears(true);
  });
});

describe("when SPIRE's agent stays away for longer than an SVID lasts", () => {
  test('trust ends with the certificate, not with the longer hold', async () => {
    await spire.stopAgent();
    await weather.says({ Verified: 'False EvidenceExpired', Ready: 'False FetchFailed' });
    await weather.wears(false);
  });

  test('trust begins again once it is back', async () => {
    await spire.startAgent();
    await weather.says({ ...trusted, Synced: 'True SyncSucceeded', Enforced: 'True PolicyApplied' });
    await weather.wears(true);
  });
});
