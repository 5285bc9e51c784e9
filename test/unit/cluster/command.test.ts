import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { lastLines, run, which } from '../../cluster/command.ts';
import { seconds } from '../../cluster/progress.ts';

test('a command gets its input, as text or as a stream, and answers with its output', async () => {
  expect(await run('cat', [], { stdin: 'text' })).toBe('text');
  expect(await run('cat', [], { stdin: Readable.from(['a', 'b']) })).toBe('ab');
});

test('a command that fails is named with its end and what it said', async () => {
  await expect(run('sh', ['-c', 'echo why >&2; exit 3'])).rejects.toThrow(/^sh -c .* ended with 3:\nwhy$/);
});

test('a command that does not read its input is judged by its exit code', async () => {
  expect(await run('true', [], { stdin: 'x'.repeat(1 << 20) })).toBe('');
});

test('a command is found on PATH, and in the folders of administrators', async () => {
  expect(await which('sh', { PATH: '/nowhere:/bin' })).toBe('/bin/sh');
  expect(await which('no-such-command')).toBeUndefined();
});

test('the last lines of a text do not count its closing newline', () => {
  expect(lastLines('a\nb\nc\n', 2)).toBe('b\nc');
});

test('times are as exact as a person wants them', () => {
  expect([420, 12_345, 89_000, 125_000].map(seconds)).toEqual(['0.4 s', '12 s', '89 s', '2 min 5 s']);
});
