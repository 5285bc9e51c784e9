import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cacheKey, cacheRoot, fillOnce } from '../../cluster/cache.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cache-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('the same inputs give the same key, and moving a byte from one input to the next gives another', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string(), (first, second) => {
      expect(cacheKey(first, second)).toBe(cacheKey(first, second));
      expect(cacheKey(first, second)).not.toBe(cacheKey(first.slice(0, -1), first.slice(-1) + second));
    }),
  );
});

test('AGENTCARD_CACHE beats XDG_CACHE_HOME, which beats the home folder', () => {
  expect(cacheRoot({ AGENTCARD_CACHE: '/a', XDG_CACHE_HOME: '/x' })).toBe('/a');
  expect(cacheRoot({ XDG_CACHE_HOME: '/x' })).toBe('/x/agentcard-operator');
  expect(cacheRoot({})).toMatch(/\/\.cache\/agentcard-operator$/);
});

test('a folder is filled once', async () => {
  const target = join(folder, 'target');
  let fills = 0;
  const fill = async (scratch: string) => {
    fills += 1;
    await writeFile(join(scratch, 'file'), String(fills));
  };
  await fillOnce(target, fill);
  await fillOnce(target, fill);
  expect(fills).toBe(1);
  expect(await readFile(join(target, 'file'), 'utf8')).toBe('1');
});

test('a fill that fails leaves neither the folder nor scratch', async () => {
  const target = join(folder, 'target');
  const failing = fillOnce(target, async (scratch) => {
    await writeFile(join(scratch, 'half'), '');
    throw new Error('half way');
  });
  await expect(failing).rejects.toThrow('half way');
  expect(await readdir(folder)).toEqual([]);
});

test('of two fills at once both succeed, and the folder is whole', async () => {
  const target = join(folder, 'target');
  const fill = (scratch: string) => writeFile(join(scratch, 'file'), 'same');
  await Promise.all([fillOnce(target, fill), fillOnce(target, fill)]);
  expect(await readdir(folder)).toEqual(['target']);
  expect(await readFile(join(target, 'file'), 'utf8')).toBe('same');
});
