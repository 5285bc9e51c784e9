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
  const base = 'localhost/base-node:1';
  await buildImage({ dockerfile: 'Dockerfile', context, tag: operatorImage, base });
  const puppet = 'dist/puppet';
  await mkdir(puppet, { recursive: true });
  await bundle({ puppet: 'test/e2e/kit/puppet.ts' }, join(puppet, 'app'));
  const dockerfile = join(puppet, 'Dockerfile');
  await writeFile(dockerfile, 'ARG BASE_IMAGE\nFROM $BASE_IMAGE\nCOPY --chmod=0755 app /app\n');
  await buildImage({ dockerfile, context: puppet, tag: puppetImage, base: operatorImage });
  await on.loadImage(operatorImage);
  await on.loadImage(puppetImage);
}
