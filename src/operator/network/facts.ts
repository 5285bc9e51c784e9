import type { EndpointSlice, Service } from '@agentcard-operator/kube/objects';

/** The Service that stands for the API server in every cluster. */
export const apiServerService = 'default/kubernetes';

/** The API server's endpoints and its ClusterIPs, each with its own ports: policies apply before or after translation. */
export function apiServerFacts(service: Service | undefined, slices: readonly EndpointSlice[]) {
  const behind = slices.map((slice) => ({
    addresses: (slice.endpoints ?? []).flatMap(({ addresses }) => addresses),
    ports: (slice.ports ?? []).flatMap(({ port }) => (port === undefined ? [] : [port])),
  }));
  const ports = (service?.spec?.ports ?? []).map(({ port }) => port);
  return [{ addresses: service?.spec?.clusterIPs ?? [], ports }, ...behind];
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
    const named = slices.flatMap((slice) => slice.ports ?? []).find((candidate) => candidate.name === name)?.port;
    const real = typeof targetPort === 'number' ? targetPort : (named ?? port);
    ports.set(`${protocol} ${real}`, { protocol, port: real });
  }
  const sorted = [...ports].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, port]) => port);
  return { namespace: service.metadata.namespace ?? '', podLabels, ports: sorted };
}
