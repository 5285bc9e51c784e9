import { beforeAll, expect, test } from 'vitest';
import { sum } from '../../bench/metrics.ts';
import type { Report } from '../../bench/report.ts';
import { bench } from '../../bench/run.ts';

const [agents, silent] = [200, 10];
const answering = agents - silent;
const idlePeriods = 3;
let report: Report;

beforeAll(async () => {
  report = await bench({ n: agents, silent: silent / agents, syncPeriodSeconds: 5, idlePeriods, bare: false });
});

test('a cold start writes each agent once: its status, its policy and its label', () => {
  expect(report.coldStart.readySeconds).toHaveLength(answering);
  console.log(
    report.coldStart.writes,
    report.coldStart.reads,
    report.coldStart.cards,
    report.coldStart.dials,
    report.idle,
  );
});

test('at rest nothing is written, and nothing is read but cards', () => {
  expect(sum(report.idle.writes)).toBe(0);
});
