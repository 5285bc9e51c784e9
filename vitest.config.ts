import { totalmem } from 'node:os';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './tools/test/longest-first.ts';
import { memoryOf, nodesOf } from './tools/test/nodes.ts';
import { recorder } from './tools/test/record.ts';

/** Where `make test` reads what ran. */
const { TEST_RECORD: record, E2E_NODES: nodes } = process.env;

/** Bounds are for tests that hang; a busy machine is no failure. By themselves polls would give up after a second. */
const expect = { poll: { timeout: 30_000 } };

export default defineConfig({
  test: {
    ...(record === undefined ? {} : { reporters: ['default', recorder(record)] }),
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          expect,
          include: ['test/unit/**/*.test.ts', 'test/architecture.test.ts'],
          // By itself vitest leaves one core idle, of two half the machine.
          maxWorkers: '100%',
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'integration',
          expect,
          include: ['test/integration/**/*.test.ts'],
          // Each file has an API server and ports of its own. More than two would measure each other's work in the fleets.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          testTimeout: 120_000,
          hookTimeout: 240_000,
        },
      },
      {
        test: {
          name: 'e2e',
          expect,
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/e2e/kit/setup.ts'],
          // Each has a node to itself, which idles while its tests wait.
          maxWorkers: nodesOf(nodes, memoryOf(totalmem(), process.constrainedMemory())),
          sequence: { groupOrder: 2 },
          testTimeout: 300_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
