import { expect, test } from 'vitest';
import { Undo } from '../../../../src/kube/runtime/undo.ts';

async function undone(...steps: readonly (() => unknown)[]): Promise<void> {
  await using undo = new Undo();
  for (const step of steps) undo.defer(step);
}

test('what was started last is undone first, each after the end of the one before', async () => {
  const story: string[] = [];
  const slow = async (name: string) => {
    story.push(`${name} begins`);
    await Promise.resolve();
    story.push(`${name} ends`);
  };
  await undone(
    () => slow('first'),
    () => slow('last'),
  );
  expect(story).toEqual(['last begins', 'last ends', 'first begins', 'first ends']);
});

test('a failure skips nothing, and the first of them is told', async () => {
  const story: string[] = [];
  const failing = (name: string) => () => {
    story.push(name);
    throw new Error(name);
  };
  const steps = [failing('first'), async () => failing('middle')(), () => story.push('fine'), failing('last')];
  await expect(undone(...steps)).rejects.toThrow('last');
  expect(story).toEqual(['last', 'fine', 'middle', 'first']);
});
