import { isIP } from 'node:net';
import type { EndpointSlice, Service } from '@agentcard-operator/kube/objects';
import { isPort } from '../workload/service.ts';

/** The Service that stands for the API server in every cluster. */
export const apiServerService = 'default/kubernetes';

/** What one policy names of it at the most, far above any control plane. */
const mostAddresses = 64;
const mostPorts = 16;

/**
 * The API server's endpoints and its ClusterIPs, each with its own ports: policies apply before or after translation. Only the
 * slice named like the Service counts, which API servers write and put right: any other one with its label is made by whoever
 * may edit slices in `default`, and would stand in every policy of the cluster.
 */
export function apiServerFacts(service: Service | undefined, slices: readonly EndpointSlice[]) {
  const own = slices.filter(({ metadata }) => `default/${metadata.name}` === apiServerService);
  const behind = own.map(({ addressType, endpoints, ports }) => {
    const addresses = (endpoints ?? []).flatMap((endpoint) => endpoint.addresses);
    const ofType = addresses.filter((address) => `IPv${isIP(address)}` === addressType);
    return factsOf(
      ofType,
      (ports ?? []).flatMap(({ port }) => port ?? []),
    );
  });
  const ports = (service?.spec?.ports ?? []).map(({ port }) => port);
  return [factsOf(service?.spec?.clusterIPs ?? [], ports), ...behind];
}

/** A policy with anything else is refused by the API server, and then nothing is enforced. */
function factsOf(addresses: readonly string[], ports: readonly number[]) {
  const real = addresses.filter((address) => isIP(address) !== 0 && !address.includes('%'));
  return { addresses: real.sort().slice(0, mostAddresses), ports: ports.filter(isPort).slice(0, mostPorts) };
}

/**
 * The pods behind a DNS Service and the ports on which they answer: those that the Service names by number, else those
 * that its slices name, else 53, so that DNS pods that come and go change no policy.
 */
export function dnsFacts(service: Service | undefined, slices: readonly EndpointSlice[]) {
  const podLabels = service?.spec?.selector;
  if (service === undefined || podLabels === undefined) return undefined;
  const ports = new Map<string, { protocol: string; port: number }>();
  for (const { name, port, targetPort = port, protocol = 'TCP' } of service.spec?.ports ?? []) {
    if (port !== 53) continue;
    const listed = slices.flatMap((slice) => slice.ports ?? []).filter((candidate) => candidate.name === name);
    const named = listed.map((candidate) => candidate.port).find(isPort);
    const real = isPort(targetPort) ? targetPort : (named ?? port);
    ports.set(`${protocol} ${real}`, { protocol, port: real });
  }
  const sorted = [...ports].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, port]) => port);
  return { namespace: service.metadata.namespace ?? '', podLabels, ports: sorted };
}
