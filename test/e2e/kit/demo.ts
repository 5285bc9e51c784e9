import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../../cluster/command.ts';
import { operatorImage } from './images.ts';
import { World } from './world.ts';

/** Holds a folder of `demos` to its page, on an operator with these values of the chart. It works in namespace `<name>-demo`. */
export function demoTest(name: string, values: Parameters<World['install']>[0]): void {
  const demo = join(import.meta.dirname, '../../../demos', name);
  const namespace = `${name}-demo`;
  let world: World;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    world = await World.open();
    await world.install(values);
    const { kubeconfig, kubectlPath } = world.cluster;
    env = { ...process.env, KUBECONFIG: kubeconfig, KUBECTL: kubectlPath, IMAGE: operatorImage };
  });

  afterAll(async () => {
    await world.kubectl('delete', 'namespace', namespace, '--ignore-not-found', '--wait=false');
  });

  test(`demos/${name} prints what its page shows, and its teardown leaves nothing`, async () => {
    const said = await run(join(demo, 'run.sh'), [], { env });
    expect(said).toBe(await readFile(join(demo, 'expected-output.txt'), 'utf8'));
    await run(join(demo, 'teardown.sh'), [], { env });
    const left = await world.kubectl('get', 'namespace', namespace, '--ignore-not-found', '-o', 'name');
    expect(left).toBe('');
  });
}
