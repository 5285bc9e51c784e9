import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Pod } from '../../src/kube/objects.ts';
import { Agent } from './kit/agent.ts';
import { operatorImage } from './kit/images.ts';
import { plugin } from './kit/remains.ts';
import { SignedAgent } from './kit/signed-agent.ts';
import { operatorNamespace, patience, World } from './kit/world.ts';

let world: World;
let namespace: string;

beforeAll(async () => {
  world = await World.open();
  namespace = await world.namespace('first');
});
afterAll(async () => {
  await world.kubectl('delete', 'namespace', namespace, '--wait=false');
});

test('helm test says that the operator runs, by the image of the operator, and leaves nothing', async () => {
  await world.install();
  const said = await world.cluster.helm(['test', 'agentcard-operator', '--namespace', operatorNamespace]);
  expect(said).toMatch(/Phase: +Succeeded/);
  expect(await world.kubectl('-n', operatorNamespace, 'get', 'pods,roles,serviceaccounts', '-o', 'name')).not.toMatch(
    /-test$/m,
  );
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

/** Of the operator's pods, as installed. */
async function volumes(): Promise<readonly string[]> {
  const { spec } = await world.json<{ spec: { template: { spec: { volumes?: { name: string }[] } } } }>(
    ...['-n', operatorNamespace, 'get', 'deployment', 'agentcard-operator'],
  );
  return (spec.template.spec.volumes ?? []).map(({ name }) => name);
}

test('without SPIRE cards are listed, and nothing is said about trust', async () => {
  await world.install({ verifiedFetch: { enabled: false }, enforcement: { mode: 'off' } });
  expect(await volumes()).toEqual([]);
  const agent = await Agent.deploy(world, namespace, 'listed', { tls: false });
  const { status } = await agent.says({ Ready: 'True ReadyUnverified', Synced: 'True SyncSucceeded' });
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

test('with every optional part, SPIRE hears of the operator, and only who may scrape reaches it', async () => {
  const metricsFrom = [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }];
  await world.install({
    spiffe: { volume: 'hostPath', clusterSPIFFEID: { create: true } },
    networkPolicy: { enabled: true, metricsFrom },
    metrics: { dashboard: { enabled: true } },
    priorityClassName: 'system-cluster-critical',
  });
  await vi.waitFor(async () => {
    const made = `clusterspiffeid/${operatorNamespace}-agentcard-operator`;
    const seen = await world.kubectl('get', made, '-o', 'jsonpath={.status.stats.podsSelected}');
    expect(Number(seen)).toBeGreaterThan(0);
  }, patience);
  const agent = await Agent.deploy(world, namespace, 'asked');
  await agent.says({ Verified: 'True mTLSVerified', Ready: 'True ReadyToServe' });
  const { items } = await world.json<{ items: Pod[] }>(
    ...['-n', operatorNamespace, 'get', 'pods', '-l', 'app.kubernetes.io/name=agentcard-operator'],
  );
  const staying = items.find(({ metadata }) => metadata.deletionTimestamp === undefined);
  const address = staying?.status?.podIPs?.[0]?.ip ?? '';
  expect(await agent.dials(address, 8081)).toBe('open');
  expect(await agent.dials(address, 8080)).not.toBe('open');
});
