import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Agent } from './kit/agent.ts';
import { settled } from './kit/calm.ts';
import type { Part } from './kit/puppet.ts';
import { World } from './kit/world.ts';

let world: World;
let namespace: string;
let agent: Agent;

beforeAll(async () => {
  world = await World.open();
  await world.install();
  namespace = await world.namespace('faults');
  agent = await Agent.deploy(world, namespace, 'fickle');
  await agent.says({ Ready: 'True ReadyToServe' });
  // Every write of the cluster is counted.
  await settled(world);
});

afterAll(async () => {
  await world.kubectl('delete', 'namespace', namespace, '--wait=false');
});

const faults: readonly [Part, string][] = [
  ['empty', 'CardInvalid'],
  ['huge', 'CardInvalid'],
  ['bad-utf8', 'CardInvalid'],
  ['duplicate-keys', 'CardInvalid'],
  ['deep', 'CardInvalid'],
  ['redirect', 'FetchFailed'],
  ['drip', 'FetchFailed'],
  ['reset', 'FetchFailed'],
  ['silent', 'FetchFailed'],
  ['error-500', 'FetchFailed'],
];

describe('an agent that breaks and recovers', () => {
  test.each(faults)(
    '%s turns Ready False with %s, holds the verdict, and costs two status writes',
    async (part, reason) => {
      await agent.says({ Ready: 'True ReadyToServe', Verified: 'True mTLSVerified' });
      const before = await world.writes();
      await agent.play(part);
      const broken = await agent.says({
        Ready: `False ${reason}`,
        Synced: `False ${reason}`,
        Verified: 'True EvidenceHeld',
      });
      expect(broken.status?.heldSince).toMatch(/^\d{4}-\d\d-\d\dT[\d:]{8}Z$/);
      expect(broken.status?.card?.name).toBe('fickle');
      await agent.wears(true);
      await agent.play('good');
      await agent.says({ Ready: 'True ReadyToServe', Verified: 'True mTLSVerified' });
      const after = await world.writes();
      expect(after).toEqual({ ...before, 'agentcards/status': (before['agentcards/status'] ?? 0) + 2 });
    },
  );

  test('a card that changed is published, remembered, and told once', async () => {
    const before = (await agent.says({ Ready: 'True ReadyToServe' })).status;
    await agent.play('good', { ...(before?.card ?? {}), version: '2.0.0' });
    const after = await world.cardSays(namespace, 'fickle', { Ready: 'True ReadyToServe' }).then(async () => {
      for (;;) {
        const { status } = await world.card(namespace, 'fickle');
        if (status?.cardId !== before?.cardId) return status;
      }
    });
    expect(after?.card?.version).toBe('2.0.0');
    expect(after?.history?.map(({ cardId }) => cardId)).toEqual([after?.cardId, before?.cardId]);
  });
});

describe('what stands behind a card goes and comes back', () => {
  test('a deleted pod is replaced, proven anew and labelled', async () => {
    await agent.says({ Ready: 'True ReadyToServe' });
    const old = (await agent.pods())[0]?.metadata.name ?? '';
    await world.kubectl('-n', namespace, 'delete', 'pod', old);
    await agent.wears(true);
    expect((await agent.pods()).map(({ metadata }) => metadata.name)).not.toContain(old);
    await agent.says({ Ready: 'True ReadyToServe', Verified: 'True mTLSVerified' });
  });

  test('a deleted Service is named, and its return brings Ready back', async () => {
    await world.kubectl('-n', namespace, 'delete', 'service', 'fickle');
    await agent.says({ Ready: 'False ServiceNotFound', Verified: 'True EvidenceHeld' });
    await world.apply(agent.service(true));
    await agent.says({ Ready: 'True ReadyToServe', Verified: 'True mTLSVerified' });
  });

  test('a workload scaled to nothing is not ready; scaled up it is proven again', async () => {
    await world.kubectl('-n', namespace, 'scale', 'deployment/fickle', '--replicas=0');
    await agent.says({ Ready: 'False WorkloadNotReady' });
    await world.kubectl('-n', namespace, 'scale', 'deployment/fickle', '--replicas=1');
    await agent.says({ Ready: 'True ReadyToServe', Verified: 'True mTLSVerified' });
    await agent.wears(true);
  });

  test('a deleted Deployment takes trust, card and policy along; a new one starts from nothing', async () => {
    await world.kubectl('-n', namespace, 'delete', 'deployment', 'fickle');
    const gone = await agent.says({
      Ready: 'False WorkloadNotFound',
      Verified: 'False NotVerified',
      Bound: 'False WorkloadUnresolved',
    });
    expect(gone.status?.card).toBeUndefined();
    expect(gone.status?.attestedAgentSpiffeId).toBeUndefined();
    expect(await world.kubectl('-n', namespace, 'get', 'networkpolicies', '-o', 'name')).toBe('');
    await world.apply(agent.deployment({}, 'fickle'));
    await agent.says({ Ready: 'True ReadyToServe', Verified: 'True mTLSVerified', Enforced: 'True PolicyApplied' });
    await agent.wears(true);
  });
});

describe('calm', () => {
  test('a silent agent delays no other', async () => {
    await agent.play('silent');
    const others = await Promise.all([1, 2, 3].map((index) => Agent.deploy(world, namespace, `prompt-${index}`)));
    await Promise.all(others.map((other) => other.says({ Ready: 'True ReadyToServe' })));
    await agent.says({ Ready: 'False FetchFailed' });
    await agent.play('good');
    await agent.says({ Ready: 'True ReadyToServe' });
  });
});
