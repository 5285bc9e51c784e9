import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { operatorImage } from './kit/images.ts';
import { plugin } from './kit/remains.ts';
import { World } from './kit/world.ts';

let world: World;
let namespace: string;

beforeAll(async () => {
  world = await World.open();
  await world.install();
  namespace = await world.namespace('first');
});
afterAll(async () => {
  await world.kubectl('delete', 'namespace', namespace, '--wait=false');
});

const explain = () => plugin(world, 'explain', 'weather', '-n', namespace);
const patch = (spec: object) =>
  world.kubectl('-n', namespace, 'patch', 'agentcard', 'weather', '--type=merge', '-p', JSON.stringify({ spec }));

test('the agent of the samples is Ready as the README says, and what goes wrong with it is explained', async () => {
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
