import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Pod } from '../../src/kube/objects.ts';
import { Agent } from './kit/agent.ts';
import { calmly, restartOperator } from './kit/calm.ts';
import { told } from './kit/events.ts';
import { patience, World } from './kit/world.ts';

let world: World;
let namespace: string;
let weather: Agent;
let lurker: Agent;
const idOf = (name: string) => `spiffe://example.org/ns/${namespace}/sa/${name}`;
const trusted = { Verified: 'True mTLSVerified', Bound: 'True Bound', Ready: 'True ReadyToServe' };

beforeAll(async () => {
  world = await World.open();
  // No enforcement, so that a relay keeps its way; a short hold, so that its end is seen.
  await world.install({
    replicas: 1,
    enforcement: { mode: 'off' },
    config: { ...metrics, 'evidence-ttl': '6s', 'fetch-timeout': '3s' },
  });
  namespace = await world.namespace('replicas');
  [weather, lurker] = await Promise.all([
    Agent.deploy(world, namespace, 'weather', { replicas: 3, podLabels: { team: 'sky' } }),
    Agent.deploy(world, namespace, 'lurker', { podLabels: { team: 'sky' } }),
  ]);
  await proven(3);
});

afterAll(async () => {
  await world.kubectl('delete', 'namespace', namespace, '--wait=false');
});

const metrics = { 'metrics-bind-address': ':8080' };

async function proven(attested: number): Promise<void> {
  await weather.says(trusted);
  await vi.waitFor(async () => {
    expect((await world.card(namespace, 'weather')).status?.replicas).toEqual({ ready: 3, attested });
  }, patience);
}

async function pod(index: number): Promise<Pod> {
  const found = (await weather.pods())[index];
  if (found === undefined) throw new Error(`there is no pod ${index}`);
  return found;
}

describe('one of three replicas', () => {
  test('is silent: the card stays Verified, and the silent pod loses its label when its hold ends', async () => {
    const silent = await pod(0);
    await weather.direct(silent, { part: 'silent' });
    await weather.refresh();
    await proven(2);
    expect(await labels()).toEqual([undefined, 'true', 'true']);
    await calmly(world, () => restartOperator(world, 4));
    await weather.direct(silent, { part: 'good' });
    await weather.refresh();
    await proven(3);
  });

  test('is wrong: the card loses its trust and all pods their labels, until it is mended', async () => {
    const wrong = await pod(0);
    const [impostor] = await lurker.pods();
    await weather.direct(wrong, { relay: `${impostor?.status?.podIP}:8443` });
    await weather.refresh();
    const { status } = await weather.says({ Verified: 'False IdentityMismatch', Bound: 'False SpiffeIDMismatch' });
    expect(status?.attestedAgentSpiffeId).toBe(idOf('lurker'));
    expect(status?.conditions?.find(({ type }) => type === 'Verified')?.message).toContain(wrong.metadata.name);
    await weather.wears(false);
    await calmly(world, () => restartOperator(world, 4));
    await weather.direct(wrong, { relay: '' });
    await weather.refresh();
    await proven(3);
    await weather.wears(true);
  });

  test('serves another card: Synced says so, and trust is untouched', async () => {
    const other = await pod(0);
    const { status } = await world.card(namespace, 'weather');
    await weather.direct(other, { card: { ...status?.card, version: '9.9.9' } });
    await weather.refresh();
    await weather.says({ Synced: 'False ReplicasDisagree', Verified: 'True mTLSVerified', Bound: 'True Bound' });
    await weather.wears(true);
    await calmly(world, () => restartOperator(world, 4));
    await weather.direct(other, { card: { ...status?.card } });
    await weather.refresh();
    await proven(3);
  });

  test('is of another revision: its card may differ, and it is published once it is ready', async () => {
    await rollOut('weather-2', 500);
    await vi.waitFor(async () => {
      const { status } = await weather.says(trusted);
      expect(status?.replicas).toEqual({ ready: 4, attested: 4 });
      expect(status?.card?.name).toBe('weather-2');
    }, patience);
    await calmly(world, () => restartOperator(world, 5));
    await rollOut('weather', 0);
    await proven(3);
    expect((await world.card(namespace, 'weather')).status?.card?.name).toBe('weather');
  });
});

describe('a pod that is not the agent', () => {
  test('stands behind the Service: it is named, told once, not dialled and not labelled', async () => {
    const [foreign] = await lurker.pods();
    await vi.waitFor(() => lurker.says(trusted), patience);
    const own = foreign && (await lurker.direct(foreign));
    await world.apply(withSelector(weather.service(true), { team: 'sky' }));
    const { status } = await vi.waitFor(async () => {
      const card = await weather.says(trusted);
      expect(card.status?.checks?.find(({ name }) => name === 'endpoint')?.observed).toContain(foreign?.metadata.name);
      return card;
    }, patience);
    expect(status?.replicas).toEqual({ ready: 3, attested: 3 });
    await vi.waitFor(
      async () => expect(await told(world, namespace, 'weather', 'ForeignPod')).toHaveLength(1),
      patience,
    );
    await calmly(world, () => restartOperator(world, 5));
    expect(await told(world, namespace, 'weather', 'ForeignPod')).toHaveLength(1);
    // The restarted operator asked it once for its own card, and nobody for weather's.
    expect(foreign && (await lurker.direct(foreign))).toBe((own ?? 0) + 1);
    await world.apply(weather.service(true));
  });

  test('relays to the real agent: it is caught with the identity that it borrows', async () => {
    const relay = await Agent.deploy(world, namespace, 'relay');
    const [own] = await relay.pods();
    await relay.says(trusted);
    const target = (await pod(1)).status?.podIP;
    if (own !== undefined) await relay.direct(own, { relay: `${target}:8443` });
    await relay.refresh();
    const { status } = await relay.says({ Verified: 'False IdentityMismatch', Bound: 'False SpiffeIDMismatch' });
    expect(status?.attestedAgentSpiffeId).toBe(idOf('weather'));
    expect(status?.expectedSpiffeID).toBe(idOf('relay'));
    await relay.wears(false);
    await calmly(world, () => restartOperator(world, 5));
  });
});

/** With seconds to be ready the rollout stops at one pod of the new revision beside the three of the old one. */
async function rollOut(name: string, minReadySeconds: number): Promise<void> {
  const strategy = { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
  const containers = [{ name: 'agent', env: [{ name: 'AGENT_NAME', value: name }] }];
  const patch = JSON.stringify({ spec: { minReadySeconds, strategy, template: { spec: { containers } } } });
  await world.kubectl('-n', namespace, 'patch', 'deployment', 'weather', '--patch', patch);
}

async function labels(): Promise<(string | undefined)[]> {
  return (await weather.pods()).map(({ metadata }) => metadata.labels?.['agent.kagenti.dev/signature-verified']);
}

function withSelector(service: object, selector: object): object {
  const { spec } = service as { spec: object };
  return { ...service, spec: { ...spec, selector } };
}
