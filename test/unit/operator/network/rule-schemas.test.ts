import { describe, expect, test } from 'vitest';
import { egressRules, ingressRules } from '../../../../src/operator/network/rule-schemas.ts';
import { readConfig } from '../../../../src/operator/settings/config.ts';

const selector = { matchLabels: { app: 'x' } };

describe('rules of a flag', () => {
  test.each([
    [[]],
    [[{}]],
    [[{ from: [{ namespaceSelector: {} }, { podSelector: selector, namespaceSelector: selector }] }]],
    [[{ from: [{ ipBlock: { cidr: '192.0.2.0/24', except: ['192.0.2.1/32'] } }, { ipBlock: { cidr: 'fd00::/8' } }] }]],
    [[{ ports: [{ port: 80 }, { protocol: 'UDP', port: 'dns' }, { port: 1, endPort: 9 }] }]],
    [[{ from: [{ podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['x'] }] } }] }]],
  ])('%j is taken as it is', (rules) => expect(ingressRules.parse(rules)).toEqual(rules));

  test.each([
    ['a misspelt side, which would let everybody in', [{ form: [] }]],
    ['the side of the other direction', [{ to: [{ podSelector: selector }] }]],
    ['a misspelt selector', [{ from: [{ namespaceSelectors: {} }] }]],
    ['a misspelt member of a selector', [{ from: [{ podSelector: { matchLabel: {} } }] }]],
    ['a peer that chooses nothing', [{ from: [{}] }]],
    ['an address and a selector at once', [{ from: [{ ipBlock: { cidr: '192.0.2.0/24' }, podSelector: {} }] }]],
    ['a range that is none', [{ from: [{ ipBlock: { cidr: '192.0.2.0' } }] }]],
    ['a port above all', [{ ports: [{ port: 65_536 }] }]],
    ['an unknown operator', [{ from: [{ podSelector: { matchExpressions: [{ key: 'a', operator: 'Is' }] } }] }]],
  ])('%s is refused', (_, rules) => expect(ingressRules.safeParse(rules).success).toBe(false));

  test('of outgoing traffic have the other side', () => {
    expect(egressRules.safeParse([{ to: [{ podSelector: selector }] }]).success).toBe(true);
    expect(egressRules.safeParse([{ from: [] }]).success).toBe(false);
  });

  test('say which of them is wrong', () => {
    const read = readConfig(['--ingress-allow=[{},{"form":[]}]'], {});
    expect(read).toEqual({
      problems: ['--ingress-allow: must be a JSON list of NetworkPolicy rules with from and ports; rule 1 is none'],
    });
  });
});
