import type { EndpointSlice, Service } from '@agentcard-operator/kube/objects';
import type { AgentCardSpec } from '../api/agentcard.ts';
import { pairsSelect } from './selector.ts';
import type { Workload } from './workload.ts';

export const serviceNameLabel = 'kubernetes.io/service-name';

/** One pod behind the agent's Service, and the port to ask. */
export interface Endpoint {
  readonly podUid: string;
  readonly podName: string;
  readonly address: string;
  readonly family: 'IPv4' | 'IPv6';
  readonly port: number;
  readonly ready: boolean;
  /** Changes whenever the EndpointSlice says something new of the pod; then the pod is looked at again. */
  readonly version: string;
}

/** The API takes any number as the port of an EndpointSlice; sockets and policies do not. */
export const isPort = (port: unknown): port is number =>
  Number.isInteger(port) && Number(port) > 0 && Number(port) < 65_536;

export type ServiceChoice =
  | { readonly ok: true; readonly service: Service }
  | { readonly ok: false; readonly reason: 'ServiceNotFound' | 'AmbiguousService'; readonly message: string };

const wellKnownPaths = ['/.well-known/agent-card.json', '/.well-known/agent.json'];

/**
 * Where the agent is asked for its card; undefined where the card names another path than the platform allows: whoever edits
 * cards could otherwise have any path of a pod's GET with the operator's SVID. A `*` stands for a part of one segment.
 */
export function choosePaths({ endpoint }: AgentCardSpec, allowed: readonly string[]): readonly string[] | undefined {
  const { path } = endpoint ?? {};
  if (path === undefined) return wellKnownPaths;
  const isDots = path.split('/').some((segment) => /^\.\.?$/.test(segment));
  return !isDots && [...wellKnownPaths, ...allowed].some((pattern) => covers(pattern, path)) ? [path] : undefined;
}

function covers(pattern: string, path: string): boolean {
  const parts = pattern.split(/\*+/).map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  // Nothing encoded: a server may read that as something else.
  return new RegExp(`^${parts.join('[\\w.~-]+')}$`).test(path);
}

/** The Services that could lead to the workload: named by the card, named like it, or selecting its pods. */
export function isCandidate(spec: AgentCardSpec, workload: Workload, service: Service): boolean {
  const { name } = service.metadata;
  return (
    name === spec.endpoint?.service ||
    name === workload.name ||
    pairsSelect(service.spec?.selector, workload.templateLabels)
  );
}

/**
 * The Service that leads to the agent: the one that the card names, else the one named like the workload, else the
 * only selecting one with the TLS port, else the only selecting one.
 */
export function chooseService(
  spec: AgentCardSpec,
  workload: Workload,
  services: readonly Service[],
  tlsPort: string,
): ServiceChoice {
  const wanted = spec.endpoint?.service;
  const named = services.find((service) => service.metadata.name === (wanted ?? workload.name));
  if (named !== undefined) return { ok: true, service: named };
  if (wanted !== undefined) {
    return { ok: false, reason: 'ServiceNotFound', message: `Service ${wanted} does not exist.` };
  }
  const selecting = services.filter((service) => pairsSelect(service.spec?.selector, workload.templateLabels));
  const withTls = selecting.filter((service) => service.spec?.ports?.some((port) => port.name === tlsPort));
  const pool = withTls.length > 0 ? withTls : selecting;
  const [only] = pool;
  if (only === undefined) {
    const message = `No Service selects the pods of ${workload.kind} ${workload.name}.`;
    return { ok: false, reason: 'ServiceNotFound', message };
  }
  if (pool.length === 1) return { ok: true, service: only };
  const names = pool.map((service) => service.metadata.name).sort();
  const listed = names.slice(0, 5).join(', ') + (names.length > 5 ? `, and ${names.length - 5} more` : '');
  return { ok: false, reason: 'AmbiguousService', message: `Several Services select these pods: ${listed}.` };
}

export type PortChoice =
  | { readonly transport: 'mtls' | 'http'; readonly portName: string | undefined }
  | { readonly transport: 'none'; readonly message: string };

/** Mutual TLS where it is on and the Service has the TLS port; else the port for plain HTTP. */
export function choosePort(spec: AgentCardSpec, service: Service, mtls: boolean, tlsPort: string): PortChoice {
  const ports = service.spec?.ports ?? [];
  if (mtls && ports.some((port) => port.name === tlsPort)) return { transport: 'mtls', portName: tlsPort };
  const wanted = spec.endpoint?.port;
  const plain = ports.filter((port) => port.name !== tlsPort);
  const chosen =
    wanted === undefined
      ? (plain.find((port) => port.name === 'a2a') ?? plain.find((port) => port.name === 'http') ?? plain[0])
      : plain.find((port) => port.name === wanted);
  if (chosen !== undefined) return { transport: 'http', portName: chosen.name };
  const what = wanted === undefined ? 'port for plain HTTP' : `port named ${wanted} for plain HTTP`;
  return { transport: 'none', message: `Service ${service.metadata.name} has no ${what}.` };
}

/** Of one card: more would take the time of all others. */
export const mostEndpoints = 2048;

/** How many endpoints of the Service are not looked at. */
export function endpointsBeyond(service: Service, slices: readonly EndpointSlice[]): number {
  const all = ofFamily(service, slices).reduce((sum, { endpoints }) => sum + (endpoints?.length ?? 0), 0);
  return Math.max(0, all - mostEndpoints);
}

const familyOf = ({ spec }: Service) => (spec?.ipFamilies?.[0] === 'IPv6' ? 'IPv6' : 'IPv4');

function ofFamily(service: Service, slices: readonly EndpointSlice[]): readonly EndpointSlice[] {
  const family = familyOf(service);
  const found = slices.filter(({ addressType }) => addressType === family);
  return found.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/**
 * The pods behind the Service, ready or not, in the Service's first address family, one entry per pod. Terminating
 * pods are left out: they no longer answer for the agent. Of more than can be looked at, those that come first by the slice's
 * name and their place in it: who is beyond is neither asked nor trusted, and wears no label.
 */
export function endpointsOf(service: Service, slices: readonly EndpointSlice[], portName: string | undefined) {
  const family = familyOf(service);
  // A port that the Service just got is not in the slices yet; where it is a number they will say the same.
  const wanted = service.spec?.ports?.find(({ name }) => name === portName);
  const target = wanted?.targetPort ?? wanted?.port;
  const number = typeof target === 'number' ? target : undefined;
  const byPod = new Map<string, Endpoint>();
  let left = mostEndpoints;
  for (const slice of ofFamily(service, slices)) {
    const seen = (slice.endpoints ?? []).slice(0, left);
    left -= seen.length;
    const port = slice.ports?.find((candidate) => (candidate.name ?? '') === (portName ?? ''))?.port ?? number;
    if (!isPort(port)) continue;
    for (const { addresses, conditions, targetRef } of seen) {
      const address = addresses[0];
      if (conditions?.terminating === true || targetRef?.kind !== 'Pod' || address === undefined) continue;
      const { uid, name } = targetRef;
      if (uid === undefined || name === undefined) continue;
      const ready = conditions?.ready !== false;
      const version = `${address} ${port} ${ready}`;
      byPod.set(uid, { podUid: uid, podName: name, address, family, port, ready, version });
    }
  }
  return [...byPod.values()].sort((a, b) => (a.podName < b.podName ? -1 : 1));
}
