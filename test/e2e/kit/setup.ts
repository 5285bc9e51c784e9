import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundle, makeContext } from '../../../tools/bundle.ts';
import { type Cluster, useOrStartCluster } from '../../cluster/cluster.ts';
import { buildImage } from '../../cluster/images.ts';
import { operatorImage, puppetImage } from './images.ts';

let cluster: Cluster | undefined;

/** Once for all end-to-end tests: the node, and in it the product's image and the tests' agent. */
export async function setup(): Promise<void> {
  cluster = await useOrStartCluster();
  await loadImages(cluster);
}

export async function teardown(): Promise<void> {
  await cluster?.stop();
}

async function loadImages(on: Cluster): Promise<void> {
  const context = await makeContext();
  const base = { BASE_IMAGE: 'localhost/base-node:1' };
  await buildImage({ dockerfile: 'Dockerfile', context, tag: operatorImage, buildArgs: base });
  const puppet = 'dist/puppet';
  await mkdir(puppet, { recursive: true });
  await bundle({ puppet: 'test/e2e/kit/puppet.ts' }, join(puppet, 'app'));
  const dockerfile = join(puppet, 'Dockerfile');
  await writeFile(dockerfile, `FROM ${operatorImage}\nCOPY --chmod=0755 app /app\n`);
  // The argument is there for the harness, which imports the base that it names.
  await buildImage({ dockerfile, context: puppet, tag: puppetImage, buildArgs: { BASE_IMAGE: operatorImage } });
  await on.loadImage(operatorImage);
  await on.loadImage(puppetImage);
}
