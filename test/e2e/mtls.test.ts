import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { NetworkPolicy } from '../../src/kube/objects.ts';
import { addTrustDomain, type TrustDomain } from '../cluster/trust-domain.ts';
import { Agent } from './kit/agent.ts';
import { servedId } from './kit/certificate.ts';
import { told } from './kit/events.ts';
import { patience, World } from './kit/world.ts';

let world: World;
let namespace: string;
let agent: Agent;
let stranger: Agent;
let other: TrustDomain;
const expectedId = () => `spiffe://example.org/ns/${namespace}/sa/weather`;

beforeAll(async () => {
  world = await World.open();
  await world.install();
  namespace = await world.namespace('mtls');
  [agent, stranger] = await Promise.all([
    Agent.deploy(world, namespace, 'weather'),
    Agent.deploy(world, namespace, 'stranger', { tls: false }),
  ]);
});

afterAll(async () => {
  await other?.remove();
  await world.kubectl('delete', 'namespace', namespace, '--wait=false');
});

describe('mTLS', () => {
  test('deploys and syncs', async () => {
    const { status } = await agent.says({ Synced: 'True SyncSucceeded', Ready: 'True ReadyToServe' });
    expect(status).toMatchObject({ protocol: 'a2a', source: 'mtls', card: { name: 'weather' } });
    expect(status?.cardId).toMatch(/^[0-9a-f]{64}$/);
    expect(status?.targetRef).toEqual({ apiVersion: 'apps/v1', kind: 'Deployment', name: 'weather' });
  });

  test('verified over mTLS', async () => {
    const { status } = await agent.says({ Verified: 'True mTLSVerified' });
    const results = Object.fromEntries((status?.checks ?? []).map(({ name, result }) => [name, result]));
    expect(results).toMatchObject({ workload: 'pass', endpoint: 'pass', transport: 'pass', 'server-identity': 'pass' });
    await agent.wears(true);
  });

  test('SPIFFE ID captured', async () => {
    const { status } = await agent.says({ Verified: 'True mTLSVerified' });
    const [pod] = await agent.pods();
    expect(status?.attestedAgentSpiffeId).toBe(await servedId(world, pod?.status?.podIP ?? ''));
    expect(status?.attestedAgentSpiffeId).toBe(expectedId());
  });

  test('identity bound', async () => {
    const { status } = await agent.says({ Bound: 'True Bound' });
    expect(status?.expectedSpiffeID).toBe(expectedId());
    expect(status?.bindingStatus).toMatchObject({ bound: true, reason: 'Bound' });
  });

  test('NetworkPolicy applied', async () => {
    const { metadata, status } = await agent.says({ Enforced: 'True PolicyApplied' });
    expect(status?.policy).toEqual({ mode: 'enforce', name: 'weather-signature-policy' });
    const policy = await world.json<NetworkPolicy>('-n', namespace, 'get', 'networkpolicy', 'weather-signature-policy');
    expect(policy.metadata.ownerReferences?.[0]).toMatchObject({ uid: metadata.uid, blockOwnerDeletion: false });
    expect(policy.spec).toMatchObject({ podSelector: { matchLabels: { app: 'weather' } }, policyTypes: ['Ingress'] });
    const address = (await agent.pods())[0]?.status?.podIP ?? '';
    await vi.waitFor(async () => expect(await stranger.dials(address, 8443)).not.toBe('open'), patience);
  });

  test('removing the TLS port falls back to HTTP and loses Verified', async () => {
    await world.apply(agent.service(false));
    const { status } = await agent.says({
      Synced: 'True SyncSucceeded',
      Verified: 'False NotVerified',
      Bound: 'False NoIdentity',
      Ready: 'False NotVerified',
    });
    expect(status?.source).toBe('http');
    expect(status?.attestedAgentSpiffeId).toBeUndefined();
    await agent.wears(false);
    await vi.waitFor(
      async () => expect(await told(world, namespace, 'weather', 'FallbackToHTTP')).toHaveLength(1),
      patience,
    );
    const policy = await world.json<NetworkPolicy>('-n', namespace, 'get', 'networkpolicy', 'weather-signature-policy');
    expect(policy.spec.policyTypes).toEqual(['Ingress', 'Egress']);
  });

  test('restoring it regains Verified', async () => {
    await world.apply(agent.service(true));
    const { status } = await agent.says({
      Verified: 'True mTLSVerified',
      Bound: 'True Bound',
      Ready: 'True ReadyToServe',
    });
    expect(status?.source).toBe('mtls');
    expect(status?.attestedAgentSpiffeId).toBe(expectedId());
    await agent.wears(true);
    expect(await told(world, namespace, 'weather', 'FallbackToHTTP')).toHaveLength(1);
  });

  test('an agent of another trust domain is rejected', async () => {
    other = await addTrustDomain(world.cluster, 'other.example', { svidTtl: '1h', caTtl: '24h' });
    const foreigner = await Agent.deploy(world, namespace, 'foreigner', { socketFolder: other.socketFolder });
    const { status } = await foreigner.says({
      Verified: 'False IdentityMismatch',
      Bound: 'False TrustDomainMismatch',
      Ready: 'False IdentityMismatch',
    });
    const claimed = `spiffe://other.example/ns/${namespace}/sa/foreigner`;
    const check = status?.checks?.find(({ name }) => name === 'server-identity');
    expect(check).toMatchObject({ result: 'fail', observed: `claims ${claimed}` });
    expect(status?.attestedAgentSpiffeId).toBeUndefined();
    expect(status?.card).toBeUndefined();
    await foreigner.wears(false);
  });
});
