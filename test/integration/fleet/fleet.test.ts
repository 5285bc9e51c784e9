import { beforeAll, expect, test } from 'vitest';
import { withoutEvents } from '../../bench/metrics.ts';
import type { Report } from '../../bench/report.ts';
import { bench } from '../../bench/run.ts';

const [agents, silent] = [200, 10];
const answering = agents - silent;
const syncPeriodSeconds = 5;
let report: Report;

beforeAll(async () => {
  const sizes = { n: agents, namespaces: agents, silent: silent / agents };
  report = await bench({ ...sizes, syncPeriodSeconds, idlePeriods: 4, settle: false, bare: false });
});

test('a cold start writes each agent once: its status, its policy and its label', () => {
  expect(report.coldStart.readySeconds).toHaveLength(answering);
  const writes = withoutEvents(report.coldStart.writes);
  const { 'PATCH agentcards/status': status = 0, 'POST networkpolicies': policies = 0, ...rest } = writes;
  expect(rest).toEqual({ 'PATCH pods': answering });
  // Some of the silent ones may still be waited for.
  for (const count of [status, policies]) {
    expect(count).toBeGreaterThanOrEqual(answering);
    expect(count).toBeLessThanOrEqual(agents);
  }
});

test('a cold start reads each pod before it is dialled, and its owner once', () => {
  const { 'GET pods': pods = 0, ...rest } = report.coldStart.reads;
  expect(rest).toEqual({ 'GET replicasets': agents });
  expect(pods).toBeGreaterThanOrEqual(agents);
  // Some of the silent ones may be asked again.
  expect(pods).toBeLessThan(2 * agents);
});

test('at rest every agent is asked in its turn, and nothing is written or read but that', () => {
  expect([withoutEvents(report.idle.writes), report.idle.reads]).toEqual([{}, {}]);
  expect(report.idle.cards).toBeGreaterThan(2 * answering);
  expect(report.idle.cards).toBeLessThan((1 + report.idle.seconds / syncPeriodSeconds) * answering);
});
