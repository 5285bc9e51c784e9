import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../cluster/command.ts';
import { places } from '../cluster/state.ts';
import { operatorImage } from './kit/images.ts';
import { World } from './kit/world.ts';

const demo = join(import.meta.dirname, '../../demos/signing');
let world: World;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  world = await World.open();
  await world.install({ signatureVerification: { enabled: true } });
  const { kubeconfig: KUBECONFIG } = world.cluster;
  env = { ...process.env, KUBECONFIG, KUBECTL: places().kubectl, IMAGE: operatorImage };
});

afterAll(async () => {
  await world.kubectl('delete', 'namespace', 'signing-demo', '--ignore-not-found', '--wait=false');
});

test('demos/signing prints what its page shows, and its teardown leaves nothing', async () => {
  const said = await run(join(demo, 'run.sh'), [], { env });
  expect(said).toBe(await readFile(join(demo, 'expected-output.txt'), 'utf8'));
  await run(join(demo, 'teardown.sh'), [], { env });
  const left = await world.kubectl('get', 'namespace', 'signing-demo', '--ignore-not-found', '-o', 'name');
  expect(left).toBe('');
});
