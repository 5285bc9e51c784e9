import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { runIsolated } from '../../bench/namespace.ts';
import { type OddReport, replicas, siblings } from './odd-shapes.ts';

let report: OddReport;

beforeAll(async () => {
  report = await runIsolated(join(import.meta.dirname, 'odd-shapes.ts'));
});

test('see', () => {
  console.log(JSON.stringify({ ...report, replicas, siblings }, null, 1));
  expect(report.labelled).toBe(503);
});
