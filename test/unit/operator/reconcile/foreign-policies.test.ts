import { expect, test } from 'vitest';
import { keptPolicy } from '../../../../src/operator/network/kept.ts';
import { decide, tell } from '../kit/tell.ts';

const named = (name: string) => ({ metadata: { name, namespace: 'team' }, spec: { podSelector: {} } });

test("another's NetworkPolicy that is too large to judge counts as one that may allow more, and is named", () => {
  const from = Array.from({ length: 1_000 }, (_, index) => ({
    ipBlock: { cidr: `10.0.${index >> 8}.${index & 255}/32` },
  }));
  const big = keptPolicy({ ...named('big'), spec: { podSelector: {}, ingress: [{ from }] } });
  const { snapshot, settings, at } = tell();
  const told = decide({ ...snapshot, foreignPolicies: [big] }, settings, at);
  expect(told.says('Enforced')).toBe('False Weakened');
  expect(told.condition('Enforced')?.message).toContain(
    'NetworkPolicy big, which is too large to judge, may be one that lets more callers in than ours.',
  );
});

test.each([
  [64, 'True PolicyApplied'],
  [65, 'False Weakened'],
])('of %d NetworkPolicies of others on the pods of one agent that allow nothing it is said: %s', (count, says) => {
  const { snapshot, settings, at } = tell();
  const foreignPolicies = Array.from({ length: count }, (_, index) => named(`p-${index}`));
  expect(decide({ ...snapshot, foreignPolicies }, settings, at).says('Enforced')).toBe(says);
});

test('a policy that says it is ours, and opens what a quarantine closes, is told', () => {
  const forged = { name: 'forged', spec: { podSelector: {}, ingress: [{}], egress: [{}] } };
  const quarantine = { card: { spec: { quarantine: { reason: 'drill' } } } };
  expect(tell(quarantine).says('Enforced')).toBe('True PolicyApplied');
  const told = tell({ ...quarantine, policies: { own: [forged] } });
  expect(told.says('Enforced')).toBe('False Weakened');
  expect(told.condition('Enforced')?.message).toContain('forged');
});
