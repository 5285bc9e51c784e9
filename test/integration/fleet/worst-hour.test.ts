import { beforeAll, expect, test } from 'vitest';
import { type ChaosReport, failuresOf } from '../../chaos/report.ts';
import { chaos } from '../../chaos/run.ts';

/** One of each sort; `make chaos` has them all, twice, and looks that half a minute is enough. */
const wanted = 'API server (stalls|restarts)|Workload API|authority|at once|lie|killed|jumps|full';
let report: ChaosReport;

beforeAll(async () => {
  report = await chaos({ FAULT: wanted, ROUNDS: '1', PATIENCE: '120' });
}, 1_200_000);

test('after every fault all is as it should be, and nothing was broken meanwhile', () => {
  expect(report.faults).toHaveLength(10);
  expect(failuresOf(report)).toEqual([]);
});
