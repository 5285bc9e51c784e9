import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { NetworkPolicy, NetworkPolicyRule } from '../../../../src/kube/objects.ts';
import { keptPolicy } from '../../../../src/operator/network/kept.ts';
import { ownerOf } from '../../../../src/operator/network/policy.ts';
import { excessOf } from '../../../../src/operator/network/rules.ts';
import { selects } from '../../../../src/operator/workload/selector.ts';

const labels = { app: 'weather' };
const metadata = { name: 'p', namespace: 'team', uid: 'u' };
const caller = { podSelector: { matchLabels: { app: 'caller' } } };
const ours: NetworkPolicy = {
  metadata: { name: 'ours', namespace: 'team' },
  spec: { podSelector: { matchLabels: labels }, policyTypes: ['Ingress', 'Egress'], ingress: [{ from: [caller] }] },
};
/** As large as the API server takes. */
const many = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    ipBlock: { cidr: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}/32` },
  }));

test('a policy that people write is kept whole', () => {
  const policy = { metadata, spec: { ...ours.spec, ingress: [{ from: many(150) }] } };
  expect(keptPolicy(policy)).toEqual(policy);
});

test('one of 1.5 MB is kept in less than a kilobyte, and its name with it', () => {
  const kept = keptPolicy({ metadata, spec: { podSelector: {}, ingress: [{ from: many(40_000) }] } });
  expect(JSON.stringify(kept).length).toBeLessThan(1_000);
  expect(kept).toMatchObject({ metadata, tooLarge: true });
});

const rule: fc.Arbitrary<NetworkPolicyRule> = fc.constantFrom(
  { from: [caller] },
  { from: many(1) },
  {},
  { to: many(1) },
);
const rules = fc.option(fc.array(rule, { maxLength: 2 }), { nil: undefined });

test('what is too large to judge counts for at least what it allows, on at least the pods that it chooses', () => {
  const huge = fc.constantFrom<'ingress' | 'egress' | 'podSelector'>('ingress', 'egress', 'podSelector');
  const types = fc.option(fc.subarray(['Ingress', 'Egress']), { nil: undefined });
  fc.assert(
    fc.property(rules, rules, types, huge, (ingress, egress, policyTypes, where) => {
      const values = many(2_000).map(({ ipBlock }) => ipBlock.cidr);
      const expression = { key: 'app', operator: 'In', values: [...values, 'weather'] };
      const podSelector = where === 'podSelector' ? { matchExpressions: [expression] } : { matchLabels: labels };
      const padded = { ingress: [{ from: many(2_000) }], egress: [{ to: many(2_000) }], podSelector: undefined }[where];
      const given = { ingress, egress, policyTypes, ...(padded ? { [where]: padded } : {}) };
      const there = Object.entries(given).filter(([, value]) => value !== undefined);
      const policy: NetworkPolicy = { metadata, spec: { podSelector, ...Object.fromEntries(there) } };
      const kept = keptPolicy(policy);
      expect(kept.tooLarge).toBe(true);
      expect(selects(kept.spec.podSelector, labels)).toBe(true);
      expect(excessOf(kept, ours)).toEqual(expect.arrayContaining([...excessOf(policy, ours)]));
    }),
  );
});

test('a policy that isolates and allows nothing allows nothing, however many pods it names', () => {
  const values = many(2_000).map(({ ipBlock }) => ipBlock.cidr);
  const podSelector = { matchExpressions: [{ key: 'app', operator: 'NotIn', values }] };
  const kept = keptPolicy({ metadata, spec: { podSelector, policyTypes: ['Ingress', 'Egress'], ingress: [] } });
  expect(kept.tooLarge).toBe(true);
  expect(excessOf(kept, ours)).toEqual([]);
});

test('of one that says it is ours no more is kept', () => {
  const values = many(9_000).map(({ ipBlock }) => ipBlock.cidr);
  const podSelector = { matchExpressions: [{ key: 'app', operator: 'In', values }] };
  const own = { ...metadata, ownerReferences: [ownerOf({ name: 'weather', uid: 'c' })] };
  const spec = { podSelector, ingress: [{ from: many(9_000) }] };
  expect(keptPolicy({ metadata: own, spec }).spec.podSelector).toEqual({});
});
