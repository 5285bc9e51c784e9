import { afterAll, beforeAll, expect, test } from 'vitest';
import { Agent } from './kit/agent.ts';
import { marks } from './kit/remains.ts';
import { operatorNamespace, World } from './kit/world.ts';

let world: World;
let watched: string;
let other: string;
let agent: Agent;
let unseen: Agent;

beforeAll(async () => {
  world = await World.open();
  [watched, other] = [await world.namespace('watched'), await world.namespace('other')];
  await world.uninstall();
  const config = { 'metrics-bind-address': ':8080', namespaces: [watched] };
  await world.install({ replicas: 1, config });
  agent = await Agent.deploy(world, watched, 'weather');
  unseen = await Agent.deploy(world, other, 'unseen');
});
afterAll(async () => {
  await world.kubectl('delete', 'namespace', watched, other, '--wait=false');
});

test('an operator of single namespaces holds no right on the cluster, and verifies and enforces there', async () => {
  expect(await world.kubectl('get', 'clusterroles,clusterrolebindings', '-o', 'name')).not.toContain('agentcard');
  await agent.says({ Verified: 'True mTLSVerified', Enforced: 'True PolicyApplied', Ready: 'True ReadyToServe' });
  await agent.wears(true);
});

test('what it writes knows the API server and DNS', async () => {
  await world.kubectl('-n', watched, 'patch', 'service', 'weather', '--type=json', '-p', dropTlsPort);
  await agent.refresh();
  await agent.says({ Verified: 'False NotVerified', Enforced: 'True PolicyApplied' });
  const policy = await world.kubectl('-n', watched, 'get', 'networkpolicy', 'weather-signature-policy', '-o', 'json');
  const { spec } = JSON.parse(policy) as { spec: { egress: { ports: { port: number }[] }[] } };
  const ports = spec.egress.flatMap((rule) => rule.ports.map(({ port }) => port));
  expect(ports).toEqual(expect.arrayContaining([53, 443]));
});

const dropTlsPort = JSON.stringify([{ op: 'remove', path: '/spec/ports/1' }]);

test('the other namespaces are none of its business', async () => {
  const card = await world.card(other, 'unseen');
  expect(card.status).toEqual({ observedGeneration: -1 });
  await unseen.wears(false);
  const as = `--as=system:serviceaccount:${operatorNamespace}:agentcard-operator`;
  const may = (...what: string[]) => world.kubectl('auth', 'can-i', ...what, as).catch((error: Error) => error.message);
  expect(await may('list', 'pods', '-n', other)).toContain('no');
  expect(await may('list', 'pods', '-n', watched)).toContain('yes');
});

test('uninstalling cleans up there', async () => {
  expect(await marks(world)).not.toEqual([]);
  await world.uninstall();
  expect(await marks(world)).toEqual([]);
});
