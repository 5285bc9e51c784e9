import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FairLine } from '../../../../src/kube/runtime/fair-line.ts';

const drained = (line: FairLine<string>) => Array.from({ length: line.size }, () => line.take());

test('of one share the higher rank goes first, then what came first', () => {
  const line = new FairLine<string>();
  for (const id of ['l1', 'l2']) line.add(id, id, 'one', 0);
  for (const id of ['h1', 'h2', 'h3']) line.add(id, id, 'one', 1);
  expect(drained(line)).toEqual(['h1', 'h2', 'h3', 'l1', 'l2']);
  expect(line.take()).toBeUndefined();
});

test('shares take turns, however much waits of one', () => {
  const line = new FairLine<string>();
  for (let i = 0; i < 5; i++) line.add(`a${i}`, `a${i}`, 'a');
  line.add('b0', 'b0', 'b');
  line.add('c0', 'c0', 'c');
  expect(drained(line)).toEqual(['a0', 'b0', 'c0', 'a1', 'a2', 'a3', 'a4']);
});

test('a share that calls everything important leaves every second turn to the others', () => {
  const line = new FairLine<string>();
  for (let i = 0; i < 6; i++) line.add(`a${i}`, `a${i}`, 'a', 9);
  for (let i = 0; i < 3; i++) line.add(`b${i}`, `b${i}`, 'b', 0);
  expect(drained(line)).toEqual(['a0', 'b0', 'a1', 'b1', 'a2', 'b2', 'a3', 'a4', 'a5']);
});

test('where several could go, it is one of those that bear least', () => {
  const line = new FairLine<string>();
  const bears: Readonly<Record<string, number>> = { a: 3, b: 1, c: 1 };
  for (const share of ['a', 'b', 'c']) line.add(share, share, share);
  expect(Array.from({ length: 3 }, () => line.take((share) => bears[share] ?? 0))).toEqual(['b', 'c', 'a']);
});

test('what is added again stands where it stood, and what is removed is gone', () => {
  const line = new FairLine<string>();
  line.add('x', 'old', 'a');
  line.add('y', 'y', 'a');
  line.add('x', 'new', 'a');
  expect([line.size, line.lengthOf('a'), line.lengthOf('b')]).toEqual([2, 2, 0]);
  expect([line.remove('y', 'a'), line.remove('y', 'a')]).toEqual([true, false]);
  expect([line.size, [...line.values()]]).toEqual([1, ['new']]);
  expect(drained(line)).toEqual(['new']);
});

test('what waits of one share is told without the others', () => {
  const line = new FairLine<string>();
  for (const [id, share, rank] of [
    ['x', 'a', 0],
    ['y', 'b', 0],
    ['z', 'a', 1],
  ] as const)
    line.add(id, id, share, rank);
  expect([[...line.values('a')], [...line.values('c')], [...line.values()]]).toEqual([['x', 'z'], [], ['x', 'y', 'z']]);
});

const others = ['a', 'b', 'c', 'd'];
const command = fc.oneof(
  { weight: 3, arbitrary: fc.record({ share: fc.constantFrom(...others), rank: fc.constantFrom(0, 1) }) },
  { weight: 1, arbitrary: fc.constant('take' as const) },
);

test('with any load of any others, who waits gets within twice its share of the turns', () => {
  fc.assert(
    fc.property(
      fc.array(command, { maxLength: 200 }),
      fc.array(fc.constantFrom(0, 1), { minLength: 1, maxLength: 4 }),
      (commands, ranks) => {
        const line = new FairLine<string>();
        let [count, turns] = [0, 0];
        const add = (share: string, rank: number) => line.add(`${count++}`, share, share, rank);
        const take = () => {
          turns = line.take() === 'honest' ? 0 : turns + 1;
          expect(turns).toBeLessThan(2 * (others.length + 1));
          // Whoever was handed something asks for more of it at once.
          if (turns === 0) add('honest', ranks[count % ranks.length] ?? 0);
        };
        for (const share of others) for (let i = 0; i < 3; i++) add(share, i % 2);
        add('honest', ranks[0] ?? 0);
        for (const given of commands) {
          if (given === 'take') take();
          else add(given.share, given.rank);
        }
        for (let i = 0; i < 60; i++) {
          for (const share of others) add(share, i % 3 === 0 ? 0 : 1);
          take();
        }
      },
    ),
    { numRuns: 200 },
  );
});
