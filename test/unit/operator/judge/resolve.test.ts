import { expect, test } from 'vitest';
import { tell } from '../kit/tell.ts';

test.each([
  ['NotAgentWorkload', { labels: {} }],
  ['NoProtocol', { labels: { 'kagenti.io/type': 'agent' } }],
])('a workload that lacks its label is told so: %s', (reason, workload) => {
  expect(tell({ workload }).says('Synced')).toBe(`False ${reason}`);
});

const targetRef = { apiVersion: 'agents.x-k8s.io/v1alpha1', kind: 'Sandbox', name: 'weather' };

test('a card whose kind of workload cannot be read says why, and what to do', () => {
  const unreadKind = 'the cluster serves it in v2 alone, not in v1beta1 or v1alpha1';
  const told = tell({ card: { spec: { targetRef } }, workload: null, unreadKind });
  expect(told.says('Synced')).toBe('False WorkloadNotFound');
  expect(told.says('Ready')).toBe('False WorkloadNotFound');
  const { message = '' } = told.condition('Synced') ?? {};
  expect(message).toMatch(/^No Sandbox can be read: the cluster serves it in v2 alone, not in v1beta1 or v1alpha1\. /);
  expect(message).toMatch(/update the operator\.$/);
  expect(told.check('workload')?.hint).toMatch(/update the operator\.$/);
});

test('a Sandbox that was created suspended is not said to be missing, nor to be there', () => {
  const told = tell({ card: { spec: { targetRef } }, workload: null, unborn: true });
  expect(told.says('Synced')).toBe('False WorkloadNotFound');
  expect(told.condition('Synced')?.message).toBe(
    'Sandbox weather is suspended and has had no pod yet. Resume it, or leave it so.',
  );
});

test('a workload that is suspended says so instead of asking for its pods, and what it proved is held', () => {
  const proven = tell();
  const told = tell({ after: 1, workload: { suspended: true }, pods: {} }, proven);
  expect(told.says('Synced')).toBe('False WorkloadNotReady');
  expect(told.condition('Synced')?.message).toMatch(/ is suspended\. Resume it, or leave it so\.$/);
  expect(told.says('Verified')).toBe('True EvidenceHeld');
});
