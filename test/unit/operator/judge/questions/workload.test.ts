import { expect, test } from 'vitest';
import { workload } from '../../../../../src/operator/judge/questions/workload.ts';
import { answers } from '../../kit/answers.ts';
import { card } from '../../kit/builders.ts';
import type { Given } from '../../kit/given.ts';

const older = card({
  metadata: { name: 'older', namespace: 'team', uid: 'o', creationTimestamp: '2025-01-01T00:00:00Z' },
});

test.each<[string, Given]>([
  ['stands and has pods', {}],
  ['stands, though no Service leads to it', { services: [] }],
  ['stands, though it has no pod', { pods: {} }],
])('a workload passes that %s', (_, given) => {
  expect(answers(workload, given)).toEqual([{ result: 'pass', observed: 'Deployment weather' }]);
});

test.each<[string, Given, keyof typeof workload.decides]>([
  ['does not exist', { workload: null }, 'WorkloadNotFound'],
  ['is not labelled as an agent', { workload: { labels: {} } }, 'NotAgentWorkload'],
  ['names no protocol', { workload: { labels: { 'kagenti.io/type': 'agent' } } }, 'NoProtocol'],
  ['has an older card', { siblings: [older] }, 'Conflict'],
])('a workload that %s fails with what was seen and what to do, and is no guilt', (_, given, reason) => {
  const [answer] = answers(workload, given);
  expect(answer?.result).toBe('fail');
  expect(answer?.effect).toBe(workload.decides[reason]);
  expect(answer?.effect).toEqual({ weight: 'absence', Synced: reason, Verified: 'NotVerified' });
  expect(answer?.observed).toMatch(/\.$/);
  expect(answer?.hint).not.toBe('');
});
