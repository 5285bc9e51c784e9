import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Agent } from './kit/agent.ts';
import { patience, World } from './kit/world.ts';

let world: World;
let namespace: string;
let weather: Agent;
let plain: Agent;
let impostor: Agent;
const weatherId = () => `spiffe://example.org/ns/${namespace}/sa/weather`;

beforeAll(async () => {
  world = await World.open();
  await world.install();
  namespace = await world.namespace('main-job');
  [weather, plain, impostor] = await Promise.all([
    Agent.deploy(world, namespace, 'weather', { replicas: 2 }),
    Agent.deploy(world, namespace, 'plain', { tls: false }),
    Agent.deploy(world, namespace, 'impostor', { allowedSpiffeIDs: [weatherId()] }),
  ]);
});

afterAll(async () => {
  await world.kubectl('delete', 'namespace', namespace, '--wait=false');
});

describe('the verdicts', () => {
  test('an agent that proves its identity is Verified, Bound and Ready', async () => {
    const card = await weather.says({
      Verified: 'True mTLSVerified',
      Bound: 'True Bound',
      Synced: 'True SyncSucceeded',
      Enforced: 'True PolicyApplied',
      Ready: 'True ReadyToServe',
    });
    expect(card.status?.attestedAgentSpiffeId).toBe(weatherId());
    expect(card.status?.card?.name).toBe('weather');
    await vi.waitFor(async () => {
      expect((await world.card(namespace, 'weather')).status?.replicas).toEqual({ ready: 2, attested: 2 });
    }, patience);
  });

  test('an agent over plain HTTP is Synced and not Verified', async () => {
    const card = await plain.says({
      Synced: 'True SyncSucceeded',
      Verified: 'False NotVerified',
      Ready: 'False NotVerified',
    });
    expect(card.status?.source).toBe('http');
    expect(card.status?.card?.name).toBe('plain');
  });

  test('an impostor of the same trust domain is named with the identity it has', async () => {
    const card = await impostor.says({
      Verified: 'False IdentityMismatch',
      Bound: 'False SpiffeIDMismatch',
      Ready: 'False IdentityMismatch',
    });
    const own = `spiffe://example.org/ns/${namespace}/sa/impostor`;
    expect(card.status?.attestedAgentSpiffeId).toBe(own);
    const bound = card.status?.conditions?.find(({ type }) => type === 'Bound')?.message;
    expect(bound).toContain(own);
    expect(bound).toContain(weatherId());
    expect(card.status?.card).toBeUndefined();
  });

  test('the wide table shows it all', async () => {
    await impostor.says({ Ready: 'False IdentityMismatch' });
    const table = await world.kubectl('--namespace', namespace, 'get', 'agentcards', '-o', 'wide');
    const row = (name: string) => table.split('\n').find((line) => line.startsWith(name)) ?? '';
    expect(row('weather')).toMatch(
      /weather +weather +True +ReadyToServe +True +True +True +Deployment +weather +\S+ +a2a +mtls +spiffe:\S+\/sa\/weather/,
    );
    expect(row('plain')).toMatch(
      /plain +plain +False +NotVerified +False +False +True +Deployment +plain +\S+ +a2a +http/,
    );
    expect(row('impostor')).toMatch(/impostor +False +IdentityMismatch +False +False +True .*spiffe:\S+\/sa\/impostor/);
  });
});

describe('labels and packets', () => {
  test('only the proven pods wear the label', async () => {
    await weather.wears(true);
    await plain.wears(false);
    await impostor.wears(false);
  });

  test('a verified pod reaches a verified pod; a plain pod and an impostor do not', async () => {
    await weather.wears(true);
    const address = (await weather.pods())[1]?.status?.podIP ?? '';
    await vi.waitFor(async () => expect(await weather.dials(address, 8080)).toBe('open'), patience);
    await vi.waitFor(async () => expect(await plain.dials(address, 8080)).not.toBe('open'), patience);
    await vi.waitFor(async () => expect(await impostor.dials(address, 8080)).not.toBe('open'), patience);
  });

  test('nobody but the operator reaches an agent that is not verified, and that agent reaches DNS and the API server', async () => {
    await impostor.says({ Enforced: 'True PolicyApplied' });
    const address = (await impostor.pods())[0]?.status?.podIP ?? '';
    await vi.waitFor(async () => expect(await weather.dials(address, 8080)).not.toBe('open'), patience);
    expect(await impostor.dials('kubernetes.default.svc.cluster.local', 443)).toBe('open');
  });

  test('a label cannot be forged', async () => {
    const pod = (await plain.pods())[0]?.metadata.name ?? '';
    const forging = world.kubectl('-n', namespace, 'label', 'pod', pod, 'agent.kagenti.dev/signature-verified=true');
    await expect(forging).rejects.toThrow('only the agentcard operator may set the label');
    await plain.wears(false);
  });

  test('a label that was removed comes back', async () => {
    await weather.wears(true);
    const pod = (await weather.pods())[0]?.metadata.name ?? '';
    await world.kubectl('-n', namespace, 'label', 'pod', pod, 'agent.kagenti.dev/signature-verified-');
    await weather.wears(true);
  });

  test('a pod without any card does not keep the label', async () => {
    const bare = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'stray', namespace, labels: { 'agent.kagenti.dev/signature-verified': 'true' } },
    };
    await world.apply({
      ...bare,
      spec: {
        containers: [{ name: 'c', image: 'localhost/busybox:1', imagePullPolicy: 'Never', command: ['sleep', '3600'] }],
      },
    });
    await vi.waitFor(async () => {
      const pod = await world.json<{ metadata: { labels?: object } }>('-n', namespace, 'get', 'pod', 'stray');
      expect(pod.metadata.labels ?? {}).not.toHaveProperty('agent.kagenti.dev/signature-verified');
    }, patience);
  });
});
