import { expect, test } from 'vitest';
import { memoryOf, nodesOf } from '../../../tools/test/nodes.ts';

const gib = 2 ** 30;

test('end-to-end tests run on a node for each four GiB of memory, of which the kernel keeps some, and on three at most', () => {
  expect([2, 4, 7, 7.6, 11.5, 64].map((memory) => nodesOf(undefined, memory * gib))).toEqual([1, 1, 1, 2, 3, 3]);
  expect(nodesOf('', 8 * gib)).toBe(2);
});

test('E2E_NODES decides, whatever memory there is, and must be a number', () => {
  expect(['1', '2', '4'].map((asked) => nodesOf(asked, 8 * gib))).toEqual([1, 2, 4]);
  for (const asked of ['0', 'two', '-1', '1.5'])
    expect(() => nodesOf(asked, 64 * gib)).toThrow(`E2E_NODES is "${asked}": make it a number`);
});

test('of a machine as much memory counts as a container may take', () => {
  expect([0, 8 * gib, 2 ** 63].map((limit) => memoryOf(64 * gib, limit))).toEqual([64 * gib, 8 * gib, 64 * gib]);
});
