import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NetworkPolicy, NetworkPolicyRule } from '../../../../src/kube/objects.ts';
import { verifiedLabel } from '../../../../src/operator/api/labels.ts';
import { holdsRange } from '../../../../src/operator/network/ranges.ts';
import { excessOf } from '../../../../src/operator/network/rules.ts';

const verified = { matchLabels: { [verifiedLabel]: 'true' } };
const named = (name: string) => ({ matchLabels: { 'kubernetes.io/metadata.name': name } });

function policy(spec: Partial<NetworkPolicy['spec']>): NetworkPolicy {
  return { metadata: { name: 'p', namespace: 'team' }, spec: { podSelector: {}, ...spec } };
}
const lets = (...ingress: NetworkPolicyRule[]) => policy({ policyTypes: ['Ingress'], ingress });
const out = (...egress: NetworkPolicyRule[]) => policy({ policyTypes: ['Egress'], egress });
const ours = lets(
  { from: [{ namespaceSelector: {}, podSelector: verified }] },
  { from: [{ ipBlock: { cidr: '192.0.2.0/24' } }], ports: [{ port: 80 }] },
);

describe('a policy beside ours adds something', () => {
  test.each([
    ['everybody', lets({}), ['ingress']],
    ['a label of its own', lets({ from: [{ podSelector: { matchLabels: { app: 'x' } } }] }), ['ingress']],
    ['more ports', lets({ from: [{ ipBlock: { cidr: '192.0.2.7/32' } }] }), ['ingress']],
    ['another port', lets({ from: [{ ipBlock: { cidr: '192.0.2.7/32' } }], ports: [{ port: 81 }] }), ['ingress']],
    ['a wider range', lets({ from: [{ ipBlock: { cidr: '192.0.0.0/16' } }], ports: [{ port: 80 }] }), ['ingress']],
    ['one peer more', lets({ from: [{ podSelector: verified }, { podSelector: {} }] }), ['ingress']],
    ['the default type', policy({ ingress: [{}] }), ['ingress']],
  ])('with %s', (_, other, expected) => expect(excessOf(other, ours)).toEqual(expected));

  test('with what may go out, where ours isolates that', () => {
    expect(excessOf(out({}), out())).toEqual(['egress']);
    expect(excessOf(policy({ egress: [{}] }), policy({ policyTypes: ['Ingress', 'Egress'] }))).toEqual(['egress']);
  });
});

test('a policy that lets in one of those whom a list of ours names adds nothing, and one more does', () => {
  const listing = { matchExpressions: [{ key: 'id', operator: 'In' as const, values: ['a', 'b'] }] };
  const one = (labels: Record<string, string>) => lets({ from: [{ podSelector: { matchLabels: labels } }] });
  const list = lets({ from: [{ podSelector: listing }] });
  expect(excessOf(one({ id: 'b', app: 'x' }), list)).toEqual([]);
  expect(excessOf(one({ id: 'c' }), list)).toEqual(['ingress']);
  expect(excessOf(one({ app: 'x' }), list)).toEqual(['ingress']);
});

describe('a policy beside ours adds nothing', () => {
  test.each([
    ['default deny', lets()],
    ['what ours allows', ours],
    ['verified pods of its own namespace', lets({ from: [{ podSelector: verified }] })],
    [
      'some verified pods on one port',
      lets({
        from: [{ namespaceSelector: named('x'), podSelector: { matchLabels: { ...verified.matchLabels, app: 'x' } } }],
        ports: [{ port: 1 }],
      }),
    ],
    [
      'an address of the range, the protocol spelled out',
      lets({ from: [{ ipBlock: { cidr: '192.0.2.7/32' } }], ports: [{ port: 80, protocol: 'TCP' }] }),
    ],
    ['outgoing, which ours leaves open', out({})],
  ])('with %s', (_, other) => expect(excessOf(other, ours)).toEqual([]));

  test('a selector without a namespace means the own one', () => {
    const here = lets({ from: [{ namespaceSelector: named('team') }] });
    expect(excessOf(lets({ from: [{ podSelector: {} }] }), here)).toEqual([]);
    expect(
      excessOf(lets({ from: [{ podSelector: {} }] }), lets({ from: [{ namespaceSelector: named('other') }] })),
    ).toEqual(['ingress']);
  });

  test('no policy adds anything to itself', () => {
    const peer = fc.constantFrom(
      { podSelector: {} },
      { podSelector: verified },
      { namespaceSelector: {} },
      { ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } },
    );
    const rule = fc.record({
      from: fc.array(peer, { maxLength: 2 }),
      ports: fc.constantFrom([], [{ port: 80 }], [{ protocol: 'UDP', port: 53 }]),
    });
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 3 }), (rules) => {
        expect(excessOf(lets(...rules), lets(...rules))).toEqual([]);
      }),
    );
  });
});

test.each([
  ['10.0.0.0/8', '10.1.2.3', true],
  ['10.0.0.0/8', '10.1.0.0/16', true],
  ['10.0.0.0/8', '10.0.0.0/7', false],
  ['10.0.0.0/8', '11.0.0.1', false],
  ['0.0.0.0/0', '11.0.0.0/8', true],
  ['fd00::/8', 'fd00::1/128', true],
  ['fd00::/8', '10.0.0.1', false],
  ['nonsense', '10.0.0.1', false],
  ['10.0.0.0', '10.0.0.0', false],
  ['10.0.0.0/33', '10.0.0.1', false],
])('range %s holds %s: %s', (range, other, holds) => expect(holdsRange(range, other)).toBe(holds));
