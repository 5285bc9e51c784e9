import { describe, expect, test } from 'vitest';
import { keptPolicy } from '../../../../src/operator/network/kept.ts';
import { modeFor } from '../../../../src/operator/network/mode.ts';
import { desiredPolicy, type PolicyPeers } from '../../../../src/operator/network/policy.ts';

const peers: PolicyPeers = {
  operatorNamespace: 'agentcard-system',
  apiServer: [
    { addresses: ['198.19.128.1', 'fd00::1'], ports: [443] },
    { addresses: ['198.18.0.1'], ports: [6443] },
  ],
  dns: [{ namespace: 'kube-system', podLabels: { 'k8s-app': 'kube-dns' }, ports: [{ protocol: 'UDP', port: 1053 }] }],
  dnsCidr: ['169.254.20.10/32'],
  ingressAllow: [{ from: [{ ipBlock: { cidr: '192.0.2.0/24' } }] }],
  egressAllow: [{ to: [{ ipBlock: { cidr: '198.51.100.0/24' } }] }],
  namespaces: [],
};
const subject = {
  card: { name: 'weather', namespace: 'team', uid: 'u' },
  workload: { kind: 'Deployment', name: 'weather', selector: { matchLabels: { app: 'weather' } } },
};
const operator = {
  from: [
    {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'agentcard-system' } },
      podSelector: { matchLabels: { 'app.kubernetes.io/name': 'agentcard-operator' } },
    },
  ],
};

describe('a verified agent', () => {
  const { spec } = desiredPolicy(subject, 'verified', peers);

  test('is called by verified pods of any namespace, by the operator, and by what the flag allows', () => {
    expect(spec.ingress).toEqual([
      {
        from: [
          { namespaceSelector: {}, podSelector: { matchLabels: { 'agent.kagenti.dev/signature-verified': 'true' } } },
        ],
      },
      operator,
      ...peers.ingressAllow,
    ]);
  });

  test('has no egress part, which would open a namespace that denies by default', () => {
    expect(spec.policyTypes).toEqual(['Ingress']);
    expect(spec.egress).toBeUndefined();
  });

  test('in namespaced mode is called from the watched namespaces alone', () => {
    const narrow = desiredPolicy(subject, 'verified', { ...peers, namespaces: ['team'] });
    expect(narrow.spec.ingress?.[0]?.from?.[0]?.namespaceSelector).toEqual({
      matchLabels: { 'kubernetes.io/metadata.name': 'team' },
    });
  });
});

describe('an unverified agent', () => {
  const { spec } = desiredPolicy(subject, 'unverified', peers);

  test('is called by the operator alone', () => {
    expect(spec.ingress).toEqual([operator]);
  });

  test('reaches the pods behind DNS on their real ports, and the API server in both families', () => {
    expect(spec.egress).toEqual([
      {
        to: [
          {
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
            podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
          },
        ],
        ports: [{ protocol: 'UDP', port: 1053 }],
      },
      {
        to: [{ ipBlock: { cidr: '169.254.20.10/32' } }],
        ports: [
          { protocol: 'UDP', port: 53 },
          { protocol: 'TCP', port: 53 },
        ],
      },
      {
        to: [{ ipBlock: { cidr: '198.19.128.1/32' } }, { ipBlock: { cidr: 'fd00::1/128' } }],
        ports: [{ protocol: 'TCP', port: 443 }],
      },
      { to: [{ ipBlock: { cidr: '198.18.0.1/32' } }], ports: [{ protocol: 'TCP', port: 6443 }] },
      ...peers.egressAllow,
    ]);
  });
});

test('a quarantined agent is called by the operator alone and reaches nothing', () => {
  const { spec } = desiredPolicy(subject, 'quarantined', peers);
  expect(spec).toEqual({
    podSelector: subject.workload.selector,
    policyTypes: ['Ingress', 'Egress'],
    ingress: [operator],
  });
});

test('the owner is the card, and never blocks its deletion', () => {
  const { metadata } = desiredPolicy(subject, 'verified', peers);
  expect(metadata.ownerReferences).toEqual([
    {
      apiVersion: 'agent.kagenti.dev/v1alpha1',
      kind: 'AgentCard',
      name: 'weather',
      uid: 'u',
      controller: true,
      blockOwnerDeletion: false,
    },
  ]);
});

test.each([
  [{}, 'audit', 'audit'],
  [{ 'agent.kagenti.dev/enforcement': 'enforce' }, 'off', 'enforce'],
  [{ 'agent.kagenti.dev/enforcement': 'off' }, 'enforce', 'off'],
  [{ 'agent.kagenti.dev/enforcement': 'nonsense' }, 'enforce', 'enforce'],
] as const)('namespace labels %j under --enforcement=%s give %s', (labels, flag, mode) => {
  expect(modeFor(labels, flag)).toBe(mode);
});

describe('a list of callers', () => {
  const ids = ['b', 'a', 'b'].map((name) => `spiffe://example.org/${name}`);
  const from = (over: Partial<PolicyPeers>, callers: readonly string[]) =>
    desiredPolicy({ ...subject, callers }, 'verified', { ...peers, ...over }).spec.ingress?.[0]?.from;

  test('names each identity once beside the verified label, in an order of its own', () => {
    const [peer] = from({}, ids) ?? [];
    expect(peer?.podSelector?.matchLabels).toEqual({ 'agent.kagenti.dev/signature-verified': 'true' });
    const [{ key = '', values = [] } = {}] = peer?.podSelector?.matchExpressions ?? [];
    expect(key).toBe('agent.kagenti.dev/identity');
    expect(values).toEqual([...new Set(values)].sort());
    expect(values).toHaveLength(2);
  });

  test('is said once for all namespaces that are watched, however many', () => {
    const many = Array.from({ length: 1_024 }, (_, n) => `spiffe://example.org/${n}`);
    const namespaces = Array.from({ length: 500 }, (_, n) => `namespace-${n}`);
    const { metadata, spec } = desiredPolicy({ ...subject, callers: many }, 'verified', { ...peers, namespaces });
    expect(from({ namespaces }, many)).toHaveLength(1);
    // It is kept as it was written, or it would be written again at every look.
    expect(keptPolicy({ metadata, spec })).toEqual({ metadata, spec });
  });
});
