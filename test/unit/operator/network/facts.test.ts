import { expect, test } from 'vitest';
import type { EndpointSlice, Service } from '../../../../src/kube/objects.ts';
import { apiServerFacts, dnsFacts } from '../../../../src/operator/network/facts.ts';

const slice = (
  addressType: EndpointSlice['addressType'],
  addresses: string[],
  ports: EndpointSlice['ports'],
): EndpointSlice => {
  return {
    metadata: { name: 'kubernetes' },
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

test('only the slice that the API server writes is believed, whatever others are labelled', () => {
  const own = slice('IPv4', ['192.0.2.1'], [{ port: 6443 }]);
  const foreign = { ...slice('IPv4', ['203.0.113.9'], [{ port: 22 }]), metadata: { name: 'kubernetes-x' } };
  expect(apiServerFacts(undefined, [foreign, own]).slice(1)).toEqual([{ addresses: ['192.0.2.1'], ports: [6443] }]);
});

test('nothing that a policy may not hold is a fact: names, other families, ports out of range, lists without end', () => {
  const ports = [{ port: 70_000 }, { port: -1 }, { port: 0 }, { port: 443 }, {}];
  const addresses = ['evil.example', '2001:db8::1', '192.0.2.1', '192.0.2.256'];
  const service: Service = { metadata: { name: 'kubernetes' }, spec: { clusterIPs: ['None'], ports: [{ port: 443 }] } };
  expect(apiServerFacts(service, [slice('IPv4', addresses, ports)])).toEqual([
    { addresses: [], ports: [443] },
    { addresses: ['192.0.2.1'], ports: [443] },
  ]);
  const named = { ...slice('IPv4', ['evil.example', '192.0.2.1'], ports), addressType: 'FQDN' as 'IPv4' };
  expect(apiServerFacts(undefined, [named])[1]?.addresses).toEqual([]);
  const many = Array.from({ length: 5000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
  const open = Array.from({ length: 5000 }, (_, i) => ({ port: i + 1 }));
  const [, most] = apiServerFacts(undefined, [slice('IPv4', many, open)]);
  expect([most?.addresses.length, most?.ports.length]).toEqual([64, 16]);
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
  ['a name whose slice says no port', dns('dns'), [slice('IPv4', [], [{ name: 'dns', port: 70_000 }])], 53],
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
