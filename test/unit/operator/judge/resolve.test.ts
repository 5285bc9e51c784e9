import { expect, test } from 'vitest';
import { tell } from '../kit/tell.ts';

test.each([
  ['NotAgentWorkload', { labels: {} }],
  ['NoProtocol', { labels: { 'kagenti.io/type': 'agent' } }],
])('a workload that lacks its label is told so: %s', (reason, workload) => {
  expect(tell({ workload }).says('Synced')).toBe(`False ${reason}`);
});
