import { describe, expect, test } from 'vitest';
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
