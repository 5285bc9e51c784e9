import { expect, test } from 'vitest';
import type { EndpointSlice, Service } from '../../../../src/kube/objects.ts';
import { apiServerFacts, dnsFacts } from '../../../../src/operator/network/facts.ts';

const slice = (addressType: 'IPv4' | 'IPv6', addresses: string[], ports: EndpointSlice['ports']): EndpointSlice => {
  return {
    metadata: { name: 's' },
    addressType,
    endpoints: addresses.map((address) => ({ addresses: [address] })),
    ports: ports ?? null,
  };
};

test('the API server is its ClusterIPs and its endpoints, in both families, each with its own ports', () => {
  const service: Service = {
    metadata: { name: 'kubernetes' },
    spec: { clusterIPs: ['10.96.0.1', 'fd00::1'], ports: [{ port: 443 }] },
  };
  const slices = [slice('IPv4', ['192.0.2.1'], [{ port: 6443 }]), slice('IPv6', ['2001:db8::1'], [{ port: 6443 }])];
  expect(apiServerFacts(service, slices)).toEqual([
    { addresses: ['10.96.0.1', 'fd00::1'], ports: [443] },
    { addresses: ['192.0.2.1'], ports: [6443] },
    { addresses: ['2001:db8::1'], ports: [6443] },
  ]);
});

function dns(targetPort: number | string | undefined): Service {
  const more = targetPort === undefined ? {} : { targetPort };
  const ports = [
    { name: 'dns', port: 53, protocol: 'UDP', ...more },
    { name: 'metrics', port: 9153, protocol: 'TCP' },
  ];
  return {
    metadata: { name: 'kube-dns', namespace: 'kube-system' },
    spec: { selector: { 'k8s-app': 'kube-dns' }, ports },
  };
}

test.each([
  ['a number', dns(5353), [], 5353],
  ['left out', dns(undefined), [], 53],
  ['a name that the slices resolve', dns('dns'), [slice('IPv4', [], [{ name: 'dns', port: 1053 }])], 1053],
  ['a name while no DNS pod is there', dns('dns'), [slice('IPv4', [], null)], 53],
] as const)('the DNS target port is %s', (_, service, slices, port) => {
  expect(dnsFacts(service, slices)).toEqual({
    namespace: 'kube-system',
    podLabels: { 'k8s-app': 'kube-dns' },
    ports: [{ protocol: 'UDP', port }],
  });
});

test('a DNS Service that is not there, or selects nothing, is no fact', () => {
  expect(dnsFacts(undefined, [])).toBeUndefined();
  expect(dnsFacts({ metadata: { name: 'x' }, spec: {} }, [])).toBeUndefined();
});
