import { access } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { dockerBuilds, recipes } from '../../../demos/agents/images.ts';

test('every image of the demonstration has its Dockerfile, and is built in the order in which one stands on another', async () => {
  const builds = await dockerBuilds();
  expect(Object.keys(recipes)).toEqual(Object.keys(builds));
  for (const { dockerfile } of Object.values(recipes)) await access(dockerfile);
  expect(Object.values(builds)).toEqual([
    '.',
    '--build-arg BASE_IMAGE=$IMAGES/agentcard-operator:demo --build-context files=dist/sdk-agent .',
    expect.stringMatching(/BASE_IMAGE=<Python 3\.\d+> -f demos\/agents\/Dockerfile\.python dist\/python-agent$/),
  ]);
});
