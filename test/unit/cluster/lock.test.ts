import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { takeLock } from '../../cluster/lock.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('a held lock is refused to those who do not wait, until it is released', async () => {
  const path = join(folder, 'lock');
  const first = await takeLock(path, false);
  expect(first).toBeDefined();
  expect(await takeLock(path, false)).toBeUndefined();
  await first?.release();
  const second = await takeLock(path, false);
  expect(second).toBeDefined();
  await second?.release();
});

test('a process that is killed lets go of its lock', async () => {
  const path = join(folder, 'lock');
  const module = new URL('../../cluster/lock.ts', import.meta.url).href;
  const script = `const { takeLock } = await import(${JSON.stringify(module)});
    await takeLock(${JSON.stringify(path)}, false);
    process.stdout.write('held');
    setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  expect(await takeLock(path, false)).toBeUndefined();
  holder.kill('SIGKILL');
  const ours = await takeLock(path, true);
  expect(ours).toBeDefined();
  await ours?.release();
});
