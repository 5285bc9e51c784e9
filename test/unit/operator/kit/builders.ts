import type { EndpointSlice, Pod, ReplicaSet, Service } from '../../../../src/kube/objects.ts';
import { marksFor } from '../../../../src/operator/api/marks.ts';
import { type CardEvidence, noEvidence, type PodEvidence } from '../../../../src/operator/inquiry/evidence.ts';
import type { Snapshot } from '../../../../src/operator/judge/snapshot.ts';
import type { Settings } from '../../../../src/operator/settings/settings.ts';
import { defaultTemplate } from '../../../../src/operator/settings/spiffe-id-template.ts';
import type { CachedCard } from '../../../../src/operator/watch/cached.ts';
import { emptyList } from '../../../../src/operator/watch/quarantine-entries.ts';
import { containersHash, podFacts } from '../../../../src/operator/workload/pod.ts';
import { winnerOf } from '../../../../src/operator/workload/winner.ts';
import type { Workload } from '../../../../src/operator/workload/workload.ts';
import { trustDomainOf } from '../../../../src/spiffe/id.ts';

export const now = Date.parse('2026-03-01T12:00:00Z');
export const minute = 60_000;
export const expectedId = 'spiffe://example.org/ns/team/sa/weather';
/** Another workload of the trust domain. */
export const impostor = 'spiffe://example.org/ns/team/sa/impostor';

export const settings: Settings = {
  mtls: true,
  agentTlsPortName: 'agent-tls',
  signature: false,
  require: [],
  trustDomain: 'example.org',
  spiffeIdTemplate: defaultTemplate,
  strictBinding: 'true',
  floorAllowedIds: [],
  cardPaths: [],
  evidenceTtl: 10 * minute,
  ...{ dnsCidr: [], ingressAllow: [], egressAllow: [], namespaces: [] },
  enforcement: 'enforce',
};

export const workload: Workload = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  namespace: 'team',
  name: 'weather',
  uid: 'deployment-uid',
  labels: { 'kagenti.io/type': 'agent', 'protocol.kagenti.io/a2a': '' },
  autoCard: true,
  selector: { matchLabels: { app: 'weather' } },
  templateLabels: { app: 'weather' },
  meshMarks: {},
  serviceAccount: 'weather',
  hostNetwork: false,
  newestRevision: undefined,
};

export function card(over: Partial<CachedCard> = {}): CachedCard {
  return {
    metadata: {
      name: 'weather',
      namespace: 'team',
      uid: 'card-uid',
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: '2026-03-01T00:00:00Z',
    },
    spec: { targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'weather' }, syncPeriod: '5m' },
    ...over,
  };
}

export const service: Service = {
  metadata: { name: 'weather', namespace: 'team' },
  spec: {
    selector: { app: 'weather' },
    ports: [
      { name: 'http', port: 8080 },
      { name: 'agent-tls', port: 8443 },
    ],
    ipFamilies: ['IPv4'],
  },
};

/** One without a port for mutual TLS. */
export const plainService: Service = {
  metadata: { name: 'weather', namespace: 'team' },
  spec: { ports: [{ name: 'http', port: 8080 }] },
};

export function slice(pods: readonly string[], over: { ready?: boolean } = {}): EndpointSlice {
  return {
    metadata: { name: 'weather-1', namespace: 'team', labels: { 'kubernetes.io/service-name': 'weather' } },
    addressType: 'IPv4',
    ports: [
      { name: 'http', port: 8080 },
      { name: 'agent-tls', port: 8443 },
    ],
    endpoints: pods.map((name, index) => ({
      addresses: [`198.19.0.${index + 1}`],
      conditions: { ready: over.ready ?? true, terminating: false },
      targetRef: { kind: 'Pod', name, namespace: 'team', uid: `${name}-uid` },
    })),
  };
}

/** Above the pods. */
export const replicaSet: ReplicaSet = {
  metadata: {
    name: 'weather-1',
    namespace: 'team',
    uid: 'replicaset-uid',
    ownerReferences: [
      { apiVersion: 'apps/v1', kind: 'Deployment', name: 'weather', uid: 'deployment-uid', controller: true },
    ],
  },
};

interface PodOver {
  readonly labelled?: boolean;
  readonly attested?: string;
  readonly identity?: string;
  readonly container?: string;
}

export function pod(name: string, over: PodOver = {}): Pod {
  const bare: Pod = {
    metadata: {
      name,
      namespace: 'team',
      uid: `${name}-uid`,
      labels: { app: 'weather', 'pod-template-hash': 'r1' },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'weather-1', uid: 'replicaset-uid', controller: true },
      ],
    },
    spec: { serviceAccountName: 'weather' },
    status: { podIPs: [{ ip: '198.19.0.1' }], containerStatuses: [{ name: 'a', containerID: over.container ?? 'c1' }] },
  };
  const { attested = containersHash(bare), identity = expectedId } = over;
  if (over.labelled !== true) return bare;
  const { labels, annotations } = marksFor({ attested, identity });
  const { metadata } = bare;
  return {
    ...bare,
    metadata: { ...metadata, labels: { ...metadata.labels, ...(labels as object) }, annotations },
  } as Pod;
}

export const cardId = 'a'.repeat(64);

export interface Said {
  readonly at?: number;
  readonly id?: string;
  readonly notAfter?: number;
  readonly cardId?: string;
  readonly silentSince?: number;
  readonly transport?: 'mtls' | 'http';
  readonly revision?: string;
  readonly revisionNumber?: number;
}

/** Evidence of one pod that answered with a card, over mutual TLS unless said otherwise. */
export function answered(name: string, said: Said = {}): [string, PodEvidence] {
  const at = said.at ?? now - minute;
  const transport = said.transport ?? 'mtls';
  const { silentSince } = said;
  const peer = {
    uri: said.id ?? expectedId,
    trustDomain: trustDomainOf('spiffe://example.org'),
    notBefore: now - 30 * minute,
    notAfter: said.notAfter ?? now + 30 * minute,
    chain: [],
  };
  const received = {
    source: transport,
    digest: 'd'.repeat(64),
    signature: undefined,
    cardId: said.cardId ?? cardId,
    url: 'https://weather.example',
    agentName: 'Weather',
    published: {
      text: '{"name":"Weather"}',
      sha256: '04b99dad93cd3334de1d723554b989cfb25b0ef1bce182f5f3247436a7645f57',
    },
    truncated: false,
  };
  const evidence: PodEvidence = {
    facts: {
      ...podFacts(pod(name), replicaSet),
      ...(said.revision === undefined ? {} : { revision: said.revision }),
      ...(said.revisionNumber === undefined ? {} : { revisionNumber: said.revisionNumber }),
    },
    transport,
    endpointVersion: versionOf(name, transport),
    answer: { kind: 'card', at, peer: transport === 'mtls' ? peer : undefined, card: received },
    silence: silentSince === undefined ? undefined : silence(silentSince),
  };
  return [`${name}-uid`, evidence];
}

export function silent(name: string, since = now - minute): [string, PodEvidence] {
  const facts = podFacts(pod(name), replicaSet);
  const endpointVersion = versionOf(name, 'mtls');
  return [`${name}-uid`, { facts, transport: 'mtls', endpointVersion, answer: undefined, silence: silence(since) }];
}

export function refused(name: string, code: string, claimedId?: string): [string, PodEvidence] {
  const [uid, base] = answered(name);
  const answer = { kind: 'refusal' as const, at: now, code, message: 'The certificate cannot be proven.', claimedId };
  return [uid, { ...base, answer }];
}

function silence(since: number) {
  return { since, last: since, attempts: 1, reason: 'FetchFailed' as const, message: 'No answer.', peer: undefined };
}

function versionOf(name: string, transport: 'mtls' | 'http'): string {
  const index = Number(name.split('-').at(-1) ?? '0');
  return `198.19.0.${index + 1} ${transport === 'mtls' ? 8443 : 8080} true`;
}

export function evidence(...pods: [string, PodEvidence][]): CardEvidence {
  return { ...noEvidence, pods: new Map(pods) };
}

/** One agent with one pod, weather-0, that has not been asked yet. */
export function snapshot(over: Partial<Snapshot> & { pods?: readonly string[] } = {}): Snapshot {
  const { pods = ['weather-0'], card: one = card(), siblings = [], ...rest } = over;
  const first = winnerOf([one, ...siblings]);
  return {
    card: one,
    workload,
    unreadKind: undefined,
    siblings,
    winner: first === one ? undefined : first,
    services: [service],
    slicesOf: (name) => (name === 'weather' ? [slice(pods)] : []),
    labelledPods: [],
    unsure: new Set(),
    ownPolicies: [],
    foreignPolicies: [],
    chosenBesides: () => [],
    namesake: undefined,
    quarantineList: emptyList,
    listedBefore: [],
    neighbours: [],
    namespaceLabels: {},
    namespaceMesh: {},
    cluster: {
      operatorNamespace: 'agentcard-system',
      apiServer: [{ addresses: ['198.19.128.1'], ports: [443] }],
      dns: [{ namespace: 'kube-system', podLabels: { 'k8s-app': 'kube-dns' }, ports: [{ protocol: 'UDP', port: 53 }] }],
    },
    agentNamed: () => undefined,
    network: { state: 'proven', says: '' },
    evidence: noEvidence,
    signedCardVersion: undefined,
    fleetHeldUntil: undefined,
    openedAt: undefined,
    ...rest,
  };
}
