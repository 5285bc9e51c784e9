import { access } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { recipes } from '../../../demos/agents/images.ts';

test('every image of the demonstration has its Dockerfile, and says what its base must bring', async () => {
  expect(Object.keys(recipes)).toHaveLength(3);
  for (const { dockerfile, base } of Object.values(recipes)) {
    await access(dockerfile);
    expect(base).not.toBe('');
  }
  expect(
    Object.values(recipes)
      .map(({ base }) => base)
      .join(),
  ).toMatch(/Python 3\.\d+/);
});
