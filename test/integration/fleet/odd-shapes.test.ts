import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { runIsolated } from '../../bench/namespace.ts';
import type { OddReport } from './odd-shapes.ts';

let report: OddReport;

beforeAll(async () => {
  report = await runIsolated(join(import.meta.dirname, './odd-shapes.ts'));
}, 600_000);

test('many replicas, the longest names and large cards are verified, and each pod is labelled once', () => {
  const { start, ready, labelled, replicas, siblings } = report;
  expect([ready, labelled]).toEqual([{ true: 4, conflict: siblings - 1 }, replicas + 3]);
  expect(start.writes).toMatchObject({ 'PATCH pods': replicas + 3, 'POST networkpolicies': 4 });
  // A pod is asked once for itself; what comes on top are the turns of four cards.
  expect(start.cards).toBeLessThan(1.2 * replicas);
});

test('of many cards for one workload each is told once that another stands for it', () => {
  const { start, succession, siblings } = report;
  expect(start.writes['PATCH agentcards/status']).toBeLessThan(2 * siblings);
  // The names of their winner and its successor stand in the others' conditions.
  expect(succession.writes['PATCH agentcards/status']).toBeLessThanOrEqual(siblings);
  expect(succession.writes['PATCH pods']).toBeUndefined();
});

test('at rest a workload of many pods is asked at one of them in a sync period, and nothing is written', () => {
  expect(report.rest.writes).toEqual({});
  expect(report.rest.cards).toBeLessThanOrEqual(4 * report.rest.turns);
});

test('a card that changes every second costs a status write and an event in a sync period, and no more', () => {
  const { turns, writes } = report.restless;
  const { 'PATCH agentcards/status': status, 'POST events': events = 0, ...rest } = writes;
  expect(status).toBeGreaterThan(1);
  expect(status).toBeLessThanOrEqual(turns);
  expect(events).toBeLessThanOrEqual(turns);
  expect(rest).toEqual({});
});
