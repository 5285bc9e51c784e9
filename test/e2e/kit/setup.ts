import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { bundle, makeContext } from '../../../tools/bundle.ts';
import type { Cluster } from '../../cluster/cluster.ts';
import { buildImage } from '../../cluster/images.ts';
import { operatorImage, puppetImage } from './images.ts';
import { openNode } from './nodes.ts';

const clusters: Cluster[] = [];

/** Once for all end-to-end tests: the nodes, and in each the product's image and the tests' agent. */
export async function setup({ config, vitest }: TestProject): Promise<void> {
  // Each worker has a node to itself, and there are no more of them than files.
  const count = Math.min(config.maxWorkers, vitest.state.getPaths().length);
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  // All settled first: a node that is up when another fails to start must be stopped as well.
  const opened = await Promise.allSettled(numbers.map(openNode));
  for (const each of opened) if (each.status === 'fulfilled') clusters.push(each.value);
  for (const each of opened) if (each.status === 'rejected') throw each.reason;
  await buildImages();
  await Promise.all(clusters.map(loadImages));
}

export async function teardown(): Promise<void> {
  await Promise.all(clusters.map((cluster) => cluster.stop()));
}

async function buildImages(): Promise<void> {
  const context = await makeContext();
  const base = 'localhost/base-node:1';
  await buildImage({ dockerfile: 'Dockerfile', context, tag: operatorImage, base });
  const puppet = 'dist/puppet';
  await mkdir(puppet, { recursive: true });
  await bundle({ puppet: 'test/e2e/kit/puppet.ts' }, join(puppet, 'app'));
  const dockerfile = join(puppet, 'Dockerfile');
  await writeFile(dockerfile, 'ARG BASE_IMAGE\nFROM $BASE_IMAGE\nCOPY --chmod=0755 app /app\n');
  await buildImage({ dockerfile, context: puppet, tag: puppetImage, base: operatorImage });
}

async function loadImages(on: Cluster): Promise<void> {
  await on.loadImage(operatorImage);
  await on.loadImage(puppetImage);
}
