import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { primaryTrustDomain, type TrustDomain } from '../cluster/trust-domain.ts';
import { Agent } from './kit/agent.ts';
import { asked, calmly, restartOperator, settled } from './kit/calm.ts';
import { patience, World } from './kit/world.ts';

let world: World;
let namespace: string;
let spire: TrustDomain;
let weather: Agent;
let mobile: Agent;
const trusted = { Verified: 'True mTLSVerified', Synced: 'True SyncSucceeded', Ready: 'True ReadyToServe' };
const held = { Verified: 'True EvidenceHeld', Synced: 'False FetchFailed', Ready: 'False FetchFailed' };

beforeAll(async () => {
  world = await World.open();
  spire = primaryTrustDomain(world.cluster);
  await world.install({ replicas: 1 });
  namespace = await world.namespace('outage');
  [weather, mobile] = await Promise.all([
    Agent.deploy(world, namespace, 'weather', { replicas: 2 }),
    Agent.deploy(world, namespace, 'mobile'),
  ]);
  await Promise.all([weather.says({ ...trusted, Enforced: 'True PolicyApplied' }), mobile.says(trusted)]);
  await Promise.all([weather.wears(true), mobile.wears(true)]);
});

afterAll(async () => {
  await spire.startAgent();
  await world.kubectl('delete', 'namespace', namespace, '--wait=false');
});

describe("while SPIRE's agent is away", () => {
  test('nothing changes: everybody goes on with the SVIDs that they hold', async () => {
    await spire.stopAgent();
    await calmly(world, async () => {
      const before = await asked(world);
      await Promise.all([weather.refresh(), mobile.refresh()]);
      await vi.waitFor(async () => expect(await asked(world)).toBeGreaterThanOrEqual(before + 3), patience);
    });
    await weather.says(trusted);
  });

  test('an operator that starts without an identity holds every verdict, label and policy, and says so once', async () => {
    await settled(world);
    const before = await world.writes();
    await restartOperator(world, 3);
    const { status } = await weather.says(held);
    await mobile.says(held);
    expect(status?.heldSince).toMatch(/^\d{4}-\d\d-\d\dT[\d:]{8}Z$/);
    expect(status?.card?.name).toBe('weather');
    const message = status?.conditions?.find(({ type }) => type === 'Ready')?.message;
    expect(message).toMatch(/^We have no SVID to ask with\. Look at SPIRE's agent/);
    expect(await world.writes()).toEqual({ ...before, 'agentcards/status': (before['agentcards/status'] ?? 0) + 2 });
  });

  test('another restart does not extend the hold', async () => {
    const before = (await weather.says(held)).status?.heldSince;
    await calmly(world, () => restartOperator(world, 3));
    expect((await weather.says(held)).status?.heldSince).toBe(before);
  });

  test('a container that is restarted meanwhile loses its label, though nobody can ask it', async () => {
    const [pod] = await mobile.pods();
    if (pod !== undefined) await mobile.restartContainer(pod, 'agent');
    await mobile.wears(false);
    await weather.wears(true);
  });

  test('a new agent is not trusted', async () => {
    const newcomer = await Agent.deploy(world, namespace, 'newcomer');
    await newcomer.says({ Verified: 'False FetchFailed', Ready: 'False FetchFailed', Enforced: 'True PolicyApplied' });
    await newcomer.wears(false);
  });
});

describe("when SPIRE's agent is back", () => {
  test('everybody is proven again, and nobody who was held lost a label in between', async () => {
    const before = await world.writes();
    await spire.startAgent();
    await Promise.all(['weather', 'mobile', 'newcomer'].map((name) => world.cardSays(namespace, name, trusted)));
    await Promise.all([mobile.wears(true), weather.wears(true)]);
    const after = await world.writes();
    // Three cards recovered; two pods without label got it; the held ones were left alone.
    expect(after['pods in place']).toBe((before['pods in place'] ?? 0) + 2);
  });

  test('a restart of the operator changes nothing', async () => {
    await calmly(world, () => restartOperator(world, 4));
  });
});
