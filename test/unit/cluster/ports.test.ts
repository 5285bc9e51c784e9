import { expect, test } from 'vitest';
import { freePorts } from '../../cluster/ports.ts';

test('free ports are many different ones, and none is in the range of NodePort Services', async () => {
  const ports = await freePorts(300);
  expect(new Set(ports).size).toBe(300);
  expect(ports.filter((port) => port >= 30_000 && port <= 32_767)).toEqual([]);
});
