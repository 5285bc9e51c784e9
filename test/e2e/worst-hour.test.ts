import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { primaryTrustDomain, type TrustDomain } from '../cluster/trust-domain.ts';
import { Agent } from './kit/agent.ts';
import { asked, calmly } from './kit/calm.ts';
import { Lookout } from './kit/lookout.ts';
import { killOperator, leaseOf } from './kit/replicas.ts';
import { signal } from './kit/signal.ts';
import { patience, World } from './kit/world.ts';

let world: World;
let namespace: string;
let spire: TrustDomain;
let lookout: Lookout;
let honest: readonly Agent[];
let impostor: Agent;
const trusted = { Verified: 'True mTLSVerified', Ready: 'True ReadyToServe', Enforced: 'True PolicyApplied' };

beforeAll(async () => {
  world = await World.open();
  spire = primaryTrustDomain(world.cluster);
  await world.install({ replicas: 2 });
  namespace = await world.namespace('worst');
  const spec = { syncPeriod: '5s' };
  const deploy = (name: string, more: object = {}) => Agent.deploy(world, namespace, name, { spec, ...more });
  const someoneElse = { allowedSpiffeIDs: ['spiffe://example.org/ns/elsewhere/sa/someone'] };
  [impostor, ...honest] = await Promise.all([
    deploy('impostor', someoneElse),
    deploy('weather', { replicas: 2 }),
    deploy('mobile'),
    deploy('travel'),
  ]);
  await settled();
  lookout = await Lookout.open(world, namespace, honest);
}, 300_000);

afterAll(async () => {
  lookout.close();
  await spire.startAgent();
  await world.kubectl('delete', 'namespace', namespace, '--wait=false');
});

/** Everybody has the verdict that they deserve. */
async function settled(): Promise<void> {
  for (const agent of honest) {
    await agent.says(trusted);
    await agent.wears(true);
  }
  await impostor.says({ Verified: 'False IdentityMismatch', Ready: 'False IdentityMismatch' });
  await impostor.wears(false);
}

/** A change of each honest agent's card is published. */
async function heard(): Promise<void> {
  const description = `Changed at ${new Date().toISOString()}.`;
  for (const agent of honest) {
    const { status } = await agent.says({});
    await vi.waitFor(() => agent.play('good', { ...(status?.card ?? {}), description }), patience);
  }
  for (const agent of honest) {
    const published = async () => expect((await agent.says({})).status?.card).toMatchObject({ description });
    await vi.waitFor(published, patience);
  }
}

async function stall(program: string): Promise<void> {
  await signal(world, program, 'STOP');
  await sleep(8_000);
  await signal(world, program, 'CONT');
}

async function askedAll(): Promise<void> {
  const before = await asked(world);
  for (const agent of honest) await agent.refresh();
  await vi.waitFor(async () => expect(await asked(world)).toBeGreaterThan(before + honest.length), patience);
}

async function withoutSpireAgent(): Promise<void> {
  await spire.stopAgent();
  await askedAll();
  await spire.startAgent();
}

async function fallSilent(): Promise<void> {
  for (const agent of honest) await agent.play('silent');
  for (const agent of honest) await agent.says({ Verified: 'True EvidenceHeld', Ready: 'False FetchFailed' });
  for (const agent of honest) await agent.play('good');
}

const faults: readonly (readonly [name: string, strike: () => Promise<void>])[] = [
  ['the API server is killed', () => signal(world, 'kube-apiserver', 'KILL')],
  ['the API server stalls', () => stall('kube-apiserver')],
  ['etcd is killed', () => signal(world, 'etcd', 'KILL')],
  ['the kubelet is killed', () => signal(world, 'kubelet', 'KILL')],
  ['what enforces policies is killed', () => signal(world, 'kube-router', 'KILL')],
  ["SPIRE's server is killed", () => signal(world, 'spire-server', 'KILL')],
  ["SPIRE's agent is away", withoutSpireAgent],
  ['all agents fall silent', fallSilent],
  ['the leader is killed', async () => killOperator(world, (await leaseOf(world)).holder)],
];

test.each(faults)('%s: no trust is lost or given for it, and afterwards news are heard', async (_, strike) => {
  await strike();
  await settled();
  await heard();
  await settled();
  expect([...lookout.violations]).toEqual([]);
});

test('after all that, another look at everybody writes nothing', async () => {
  await calmly(world, askedAll);
});
