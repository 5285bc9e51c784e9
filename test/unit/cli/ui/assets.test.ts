import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { pageFiles } from '../../../../src/cli/ui/assets.ts';

test('all that the browser gets is there, and 40 KB compressed at most', async () => {
  const files = Object.entries(await pageFiles());
  const sizes = Object.fromEntries(files.map(([path, { body }]) => [path, gzipSync(body).length]));
  expect(Object.keys(sizes)).toEqual(['/', '/main.js', '/page.css', '/icon.svg']);
  for (const [path, size] of Object.entries(sizes)) expect([path, size > 50]).toEqual([path, true]);
  expect(Object.values(sizes).reduce((sum, size) => sum + size)).toBeLessThanOrEqual(40_000);
});
