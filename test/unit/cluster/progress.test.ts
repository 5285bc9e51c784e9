import { expect, test } from 'vitest';
import { type Progress, progressOf } from '../../cluster/progress.ts';

test('of several pieces of work that are under way at once, each line says whose it is', async () => {
  const lines: string[] = [];
  const progress: Progress = {
    say: (line) => void lines.push(line),
    step: (name, work) => {
      lines.push(`… ${name}`);
      return work();
    },
  };
  const second = progressOf('node 2', progress);
  await expect(second.step('starting the node', async () => second.say('  etcd is up'))).resolves.toBeUndefined();
  expect(lines).toEqual(['… node 2: starting the node', 'node 2:   etcd is up']);
});
