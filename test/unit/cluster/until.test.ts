import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { until } from '../../cluster/until.ts';

const patience = { what: 'the kettle', timeoutMs: 10_000, everyMs: 1 };
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('asks until there is an answer', async () => {
  const answers = [undefined, undefined, 'boiling'];
  expect(await until(patience, async () => answers.shift())).toBe('boiling');
  expect(answers).toEqual([]);
});

test('a throw ends the wait at once', async () => {
  const ask = vi.fn(async (): Promise<string | undefined> => {
    throw new Error('no water');
  });
  await expect(until(patience, ask)).rejects.toThrow('no water');
  expect(ask).toHaveBeenCalledOnce();
});

test('gives up by saying what it waited for', async () => {
  const waiting = until(patience, async () => {
    vi.setSystemTime(Date.now() + 11_000);
    return undefined;
  });
  await expect(waiting).rejects.toThrow('gave up waiting for the kettle after 10 s');
});
