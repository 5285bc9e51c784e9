import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { choosing, connects as connectsBy, type Party, type Port } from '../../../../src/cli/explain/reach.ts';
import type { NetworkPolicy } from '../../../../src/kube/objects.ts';
import { excessOf } from '../../../../src/operator/network/rules.ts';

const connects = (from: Party, to: Party, port: Port | undefined, policies: readonly NetworkPolicy[]) =>
  connectsBy(from, to, port, choosing(policies));
const named = (name: string) => ({ 'kubernetes.io/metadata.name': name });
const pod = (namespace: string, labels: Record<string, string>, address = '198.19.0.1'): Party => {
  return { namespace, namespaceLabels: named(namespace), labels, addresses: [address] };
};
const outside: Party = { namespace: undefined, namespaceLabels: {}, labels: {}, addresses: ['192.0.2.7'] };
const namedPorts = [{ name: 'http', protocol: 'TCP', port: 8080 }];
const weather = { ...pod('team', { app: 'weather' }, '198.19.0.9'), namedPorts };
const caller = pod('team', { app: 'caller' });
const foreigner = pod('shop', { app: 'caller' }, 'fd00::1');
const web = { protocol: 'TCP', port: 8080 };

function policy(namespace: string, spec: NetworkPolicy['spec'], name = 'p'): NetworkPolicy {
  return { metadata: { name, namespace }, spec };
}
const into = (...from: NonNullable<NonNullable<NetworkPolicy['spec']['ingress']>[number]['from']>) =>
  policy('team', { podSelector: { matchLabels: { app: 'weather' } }, policyTypes: ['Ingress'], ingress: [{ from }] });

describe('a new connection', () => {
  test('passes where no policy chooses either pod', () => {
    const elsewhere = policy('team', { podSelector: { matchLabels: { app: 'other' } }, policyTypes: ['Ingress'] });
    expect(connects(caller, weather, web, [elsewhere])).toEqual({ allowed: true, by: undefined });
  });

  test.each([
    [
      'a pod of the same namespace by its labels',
      into({ podSelector: { matchLabels: { app: 'caller' } } }),
      caller,
      true,
    ],
    ['not its namesake elsewhere', into({ podSelector: { matchLabels: { app: 'caller' } } }), foreigner, false],
    ['a pod of a namespace', into({ namespaceSelector: { matchLabels: named('shop') } }), foreigner, true],
    [
      'both selectors together',
      into({ namespaceSelector: {}, podSelector: { matchLabels: { app: 'x' } } }),
      caller,
      false,
    ],
    ['an address', into({ ipBlock: { cidr: '192.0.2.0/24' } }), outside, true],
    ['an address in a hole', into({ ipBlock: { cidr: '192.0.2.0/24', except: ['192.0.2.0/29'] } }), outside, false],
    ['an IPv6 address', into({ ipBlock: { cidr: 'fd00::/8' } }), foreigner, true],
    ['an address is no pod', into({ namespaceSelector: {} }), outside, false],
    ['nobody', policy('team', { podSelector: {}, policyTypes: ['Ingress'] }), caller, false],
    ['everybody', policy('team', { podSelector: {}, policyTypes: ['Ingress'], ingress: [{}] }), outside, true],
  ])('is let in: %s', (_, one, from, allowed) => {
    expect(connects(from, weather, web, [one])).toEqual({ allowed, by: 'p' });
  });

  test('needs the caller’s way out as well as the callee’s way in', () => {
    const closed = policy(
      'team',
      { podSelector: { matchLabels: { app: 'caller' } }, policyTypes: ['Egress'] },
      'closed',
    );
    expect(connects(caller, weather, web, [closed])).toEqual({ allowed: false, by: 'closed' });
    expect(connects(weather, caller, web, [closed]).allowed).toBe(true);
  });

  test('policies add up', () => {
    const deny = policy('team', { podSelector: {}, policyTypes: ['Ingress'] }, 'deny');
    expect(connects(caller, weather, web, [deny, into({ podSelector: {} })])).toEqual({ allowed: true, by: 'p' });
  });

  test.each([
    [[], true],
    [[{ port: 8080 }], true],
    [[{ port: 8000, endPort: 8100 }], true],
    [[{ port: 80 }], false],
    [[{ protocol: 'UDP', port: 8080 }], false],
    [[{ port: 'http' }], true],
    [[{ protocol: 'UDP', port: 'http' }], false],
    [[{ protocol: 'TCP' }], true],
  ])('to port 8080 under ports %j: %s', (ports, allowed) => {
    const one = policy('team', { podSelector: {}, policyTypes: ['Ingress'], ingress: [{ ports }] });
    expect(connects(caller, weather, web, [one]).allowed).toBe(allowed);
  });

  test('to some port passes where a rule names one that the callee has', () => {
    const under = (port: string | number) => {
      const one = policy('team', { podSelector: {}, policyTypes: ['Egress'], egress: [{ ports: [{ port }] }] });
      return [weather, outside].map((callee) => connects(caller, callee, undefined, [one]).allowed);
    };
    expect(under('http')).toEqual([true, false]);
    expect(under('metrics')).toEqual([false, false]);
    expect(under(443)).toEqual([true, true]);
  });
});

test('a policy that adds nothing to ours lets nobody in whom ours does not', () => {
  const selector = fc.constantFrom(
    {},
    { matchLabels: { app: 'caller' } },
    { matchExpressions: [{ key: 'app', operator: 'Exists' }] },
  );
  const space = fc.constantFrom(undefined, {}, { matchLabels: named('team') }, { matchLabels: named('shop') });
  const peer = fc.oneof(
    fc.record({ podSelector: selector, namespaceSelector: space }).map(({ podSelector, namespaceSelector }) => ({
      podSelector,
      ...(namespaceSelector === undefined ? {} : { namespaceSelector }),
    })),
    fc.constantFrom('192.0.2.0/24', '192.0.2.7/32', '0.0.0.0/0', 'fd00::/8').map((cidr) => ({ ipBlock: { cidr } })),
  );
  const ports = fc.constantFrom([], [{ port: 8080 }], [{ protocol: 'UDP', port: 8080 }], [{ port: 80 }]);
  const rules = fc.array(fc.record({ from: fc.array(peer, { maxLength: 2 }), ports }), { maxLength: 2 });
  const made = rules.map((ingress) => policy('team', { podSelector: {}, policyTypes: ['Ingress'], ingress }));
  fc.assert(
    fc.property(made, made, fc.constantFrom(caller, foreigner, outside), (other, ours, from) => {
      fc.pre(excessOf(other, ours).length === 0);
      if (connects(from, weather, web, [other]).allowed)
        expect(connects(from, weather, web, [ours]).allowed).toBe(true);
    }),
    { numRuns: 500 },
  );
});
