import { expect, test } from 'vitest';
import { card } from '../kit/builders.ts';
import { tell } from '../kit/tell.ts';

const longAgo = '2025-01-01T00:00:00Z';

test('of two cards on one workload the older wins, and the loser touches nothing', () => {
  const older = card({ metadata: { name: 'older', namespace: 'team', uid: 'o', creationTimestamp: longAgo } });
  const told = tell({ siblings: [older], pods: { 'weather-0': {} }, labelled: { 'weather-0': 'fits' } });
  expect(told.says('Synced')).toBe('False Conflict');
  expect(told.condition('Synced')?.message).toContain('older');
  expect(told.marks).toEqual([]);
  expect(told.plan.policy.operations).toEqual([]);
});

test('a hand-written card beats an auto-created one, however young', () => {
  const labels = { 'app.kubernetes.io/managed-by': 'agentcard-operator' };
  const auto = card({ metadata: { name: 'auto', namespace: 'team', uid: 'a', creationTimestamp: longAgo, labels } });
  expect(tell({ siblings: [auto] }).says('Synced')).toBe('True SyncSucceeded');
});
