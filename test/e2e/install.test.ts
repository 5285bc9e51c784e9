import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Pod } from '../../src/kube/objects.ts';
import { Agent } from './kit/agent.ts';
import { operatorImage } from './kit/images.ts';
import { plugin } from './kit/remains.ts';
import { SignedAgent } from './kit/signed-agent.ts';
import { operatorNamespace, World } from './kit/world.ts';

let world: World;
let namespace: string;

beforeAll(async () => {
  world = await World.open();
  namespace = await world.namespace('first');
});
afterAll(async () => {
  await world.kubectl('delete', 'namespace', namespace, '--wait=false');
});

const explain = () => plugin(world, 'explain', 'weather', '-n', namespace);
const patch = (spec: object) =>
  world.kubectl('-n', namespace, 'patch', 'agentcard', 'weather', '--type=merge', '-p', JSON.stringify({ spec }));

test('the agent of the samples is Ready as the README says, and what goes wrong with it is explained', async () => {
  await world.install();
  const sample = (await readFile('config/samples/agent.yaml', 'utf8'))
    .replace(/(?<=image: )\S+/, operatorImage)
    .replace(/csi: .*/, 'hostPath: { path: /run/spire/agent-sockets }');
  await world.cluster.kubectl(['-n', namespace, 'apply', '-f', '-'], sample);
  await world.cardSays(namespace, 'weather', { Verified: 'True mTLSVerified', Ready: 'True ReadyToServe' });
  expect(await explain()).toMatchObject({ status: 0, out: expect.stringContaining('✓ server-identity') });

  const other = `spiffe://example.org/ns/${namespace}/sa/other`;
  await patch({ identityBinding: { allowedSpiffeIDs: [other] } });
  await world.cardSays(namespace, 'weather', { Bound: 'False SpiffeIDMismatch', Ready: 'False IdentityMismatch' });
  const { status, out } = await explain();
  expect(status).toBe(1);
  expect(out).toContain(`expected ${other}`);
  expect(out).toContain(`spiffe://example.org/ns/${namespace}/sa/weather`);
  expect(out).toContain('what to do: Find out who answers');

  await patch({ identityBinding: null });
  await world.cardSays(namespace, 'weather', { Verified: 'True mTLSVerified', Ready: 'True ReadyToServe' });
});

/** Volumes of the operator's pods but for its account's token. */
async function volumes(): Promise<readonly string[]> {
  const { items } = await world.json<{ items: (Pod & { spec: { volumes: { name: string }[] } })[] }>(
    ...['-n', operatorNamespace, 'get', 'pods', '-l', 'app.kubernetes.io/name=agentcard-operator'],
  );
  const names = items.flatMap(({ spec }) => spec.volumes.map(({ name }) => name));
  return names.filter((name) => !name.startsWith('kube-api-access'));
}

test('without SPIRE cards are listed, and nothing is said about trust', async () => {
  await world.install({ verifiedFetch: { enabled: false }, enforcement: { mode: 'off' } });
  expect(await volumes()).toEqual([]);
  const agent = await Agent.deploy(world, namespace, 'listed', { tls: false });
  const { status } = await agent.says({ Ready: 'True ReadyToServe', Synced: 'True SyncSucceeded' });
  expect(status?.card?.name).toBe('listed');
  expect(status?.conditions?.map(({ type }) => type).sort()).toEqual(['Enforced', 'Ready', 'Synced']);
  await agent.wears(false);
});

test('signatures alone need a trust bundle, and no Workload API in the operator', async () => {
  const config = { 'trust-bundle-configmap': 'spire/spire-bundle', 'trust-bundle-configmap-key': 'bundle.crt' };
  const verifiedFetch = { enabled: false, trustDomain: 'example.org' };
  await world.install({ verifiedFetch, signatureVerification: { enabled: true }, config });
  expect(await volumes()).toEqual([]);
  const agent = new SignedAgent(world, namespace, 'signed');
  await world.apply(...agent.manifests({}));
  await agent.says({ Verified: 'True SignatureVerified', Bound: 'True Bound', Ready: 'True ReadyToServe' });
  await agent.wears(true);
});
