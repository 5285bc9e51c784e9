import type { JsonObject } from '@agentcard-operator/agentcard';
import { canonicalize, sha256 } from '@agentcard-operator/agentcard';
import type { KubeClient } from '@agentcard-operator/kube';
import { Informer, type InformerOptions, type InformerTelemetry, OptionalInformer } from '@agentcard-operator/kube';
import {
  type ConfigMap,
  type EndpointSlice,
  type KubeObject,
  type Namespace,
  type NetworkPolicy,
  type ObjectMeta,
  type Pod,
  resources,
  type Service,
} from '@agentcard-operator/kube/objects';
import { quarantineListName, signedCardLabel, verifiedLabel } from '../api/labels.ts';
import { customResources } from '../api/resources.ts';
import { apiServerService } from '../network/facts.ts';
import type { Config } from '../settings/config.ts';
import { workloadKinds } from '../workload/kinds.ts';
import type { CachedCard, CachedWorkload } from './cached.ts';
import {
  firstSelectorPair,
  foreignIn,
  inNamespace,
  labelPairs,
  ownerUid,
  policyOf,
  serviceOf,
  servicesNamed,
  targetOf,
  templatePairs,
} from './indexes.ts';

/** Everything that is watched. The operator reads nothing else of the cluster but single pods that it is about to ask. */
export interface Caches {
  readonly cards: Informer<CachedCard>;
  /** One per kind of workload, by group and kind. */
  readonly workloads: ReadonlyMap<string, WorkloadCache>;
  readonly services: Informer<Service>;
  readonly slices: Informer<EndpointSlice>;
  readonly labelledPods: Informer<Pod>;
  readonly policies: Informer<NetworkPolicy>;
  /** Absent when only some namespaces are watched: reading them is a right on the whole cluster. */
  readonly namespaces: Informer<Namespace> | undefined;
  /** ConfigMaps that signers labelled; watched while signatures are verified. */
  readonly signedCards: Informer<ConfigMap> | undefined;
  /** The one ConfigMap agentcard-quarantine, where the operator knows its own namespace. */
  readonly quarantine: Informer<ConfigMap> | undefined;
}

export type WorkloadCache = Informer<CachedWorkload> | OptionalInformer<CachedWorkload>;

export interface CacheScope {
  /** None = the whole cluster. */
  readonly namespaces: readonly string[];
  /** Namespaces of the API server's and the DNS Services, watched besides. */
  readonly infrastructure: readonly string[];
  readonly signatures: boolean;
  /** Where the list of quarantines is kept; empty = nowhere. */
  readonly ownNamespace: string;
}

export function scopeFrom(config: Config): CacheScope {
  const { namespaces, dnsService, podNamespace: ownNamespace, enableSignatureVerification: signatures } = config;
  const infrastructure = [apiServerService, ...dnsService].map((key) => key.split('/', 1)[0] ?? '');
  return { namespaces, infrastructure, signatures, ownNamespace };
}

/** All of them by name, for the manager to start and watch over. */
export function everyCache({ workloads, ...rest }: Caches) {
  const all = [...Object.values(rest), ...workloads.values()].filter((cache) => cache !== undefined);
  return all.map((cache) => {
    const { plural } = cache.resource;
    return { name: cache === rest.quarantine ? `${plural}-quarantine` : plural, cache };
  });
}

export function createCaches(client: KubeClient, scope: CacheScope, telemetry: WatchTelemetry): Caches {
  const common: Common = { client, telemetry, namespaces: scope.namespaces };
  const { signatures } = scope;
  return {
    cards: informer<CachedCard>({
      ...common,
      resource: customResources.agentCards,
      transform: trimCard,
      indexes: { target: targetOf, namespace: inNamespace, refers: servicesNamed, policy: policyOf },
    }),
    workloads: workloadCaches(common, scope),
    ...serviceCaches({ ...common, namespaces: withInfrastructure(scope) }),
    labelledPods: informer<Pod>({
      ...common,
      resource: resources.pods,
      labelSelector: `${verifiedLabel}=true`,
      transform: trimPod,
      indexes: { namespace: inNamespace, pair: labelPairs },
    }),
    policies: informer<NetworkPolicy>({
      ...common,
      resource: resources.networkPolicies,
      indexes: { owner: ownerUid, foreign: foreignIn },
    }),
    signedCards: signatures ? signedCardCache(common) : undefined,
    quarantine: scope.ownNamespace === '' ? undefined : quarantineCache(common, scope.ownNamespace),
    namespaces: scope.namespaces.length > 0 ? undefined : namespaceCache(client, telemetry),
  };
}

/** Where a resource's watch reports to. */
export type WatchTelemetry = (resource: string) => InformerTelemetry;

interface Common {
  readonly client: KubeClient;
  readonly telemetry: WatchTelemetry;
  readonly namespaces: readonly string[];
}

function informer<T extends KubeObject>({
  telemetry,
  ...options
}: Omit<InformerOptions<T>, 'telemetry'> & { telemetry: WatchTelemetry }): Informer<T> {
  return new Informer<T>({ ...options, telemetry: telemetry(options.resource.plural) });
}

function withInfrastructure({ namespaces, infrastructure }: CacheScope): readonly string[] {
  return namespaces.length === 0 ? [] : [...new Set([...namespaces, ...infrastructure])];
}

function workloadCaches(common: Common, scope: CacheScope): ReadonlyMap<string, WorkloadCache> {
  const kinds = workloadKinds.filter(({ optional }) => !optional || scope.namespaces.length === 0);
  return new Map(
    kinds.map((kind) => {
      const { telemetry, ...rest } = common;
      const { group, kind: name, plural } = kind.resource;
      const transform = (raw: CachedWorkload): CachedWorkload => {
        return { metadata: identityOf(raw.metadata), workload: kind.read(raw) };
      };
      const options = {
        ...rest,
        telemetry: telemetry(plural),
        resource: kind.resource,
        transform,
        indexes: { pair: templatePairs },
      };
      const cache = kind.optional ? new OptionalInformer(options) : new Informer(options);
      return [`${group}/${name}`, cache];
    }),
  );
}

function serviceCaches(common: Common): Pick<Caches, 'services' | 'slices'> {
  return {
    services: informer<Service>({
      ...common,
      resource: resources.services,
      transform: trimService,
      indexes: { pair: firstSelectorPair },
    }),
    slices: informer<EndpointSlice>({
      ...common,
      resource: resources.endpointSlices,
      transform: trimSlice,
      indexes: { service: serviceOf },
    }),
  };
}

function signedCardCache(common: Common): Informer<ConfigMap> {
  return informer<ConfigMap>({
    ...common,
    resource: resources.configMaps,
    labelSelector: `${signedCardLabel}=true`,
  });
}

function namespaceCache(client: KubeClient, telemetry: WatchTelemetry): Informer<Namespace> {
  return informer<Namespace>({ client, telemetry, resource: resources.namespaces, transform: bare });
}

function quarantineCache(common: Common, namespace: string): Informer<ConfigMap> {
  return informer<ConfigMap>({
    ...common,
    namespaces: [namespace],
    resource: resources.configMaps,
    fieldSelector: `metadata.name=${quarantineListName}`,
  });
}

/** The published card is kept as its hash. */
function trimCard(raw: CachedCard): CachedCard {
  const { card, ...status } = (raw.status ?? {}) as CachedCard['status'] & { card?: JsonObject };
  const { metadata, spec } = raw;
  return {
    metadata: { ...identityOf(metadata), ...annotationsOf(metadata), ...ownersOf(metadata), ...finalizersOf(metadata) },
    spec,
    ...(raw.status === undefined ? {} : { status }),
    ...(card === undefined ? {} : { publishedHash: sha256(canonicalize(card)) }),
  };
}

function trimService({ metadata, spec }: Service): Service {
  const { selector, ports, clusterIPs, ipFamilies } = spec ?? {};
  return { metadata: identityOf(metadata), spec: { selector, ports, clusterIPs, ipFamilies } } as Service;
}

function trimSlice({ metadata, addressType, endpoints, ports }: EndpointSlice): EndpointSlice {
  const kept = (endpoints ?? []).map(({ addresses, conditions, targetRef }) => ({ addresses, conditions, targetRef }));
  return { metadata: identityOf(metadata), addressType, endpoints: kept, ports } as EndpointSlice;
}

function trimPod({ metadata, spec, status }: Pod): Pod {
  const { serviceAccountName, hostNetwork } = spec ?? {};
  const { podIP, podIPs, containerStatuses = [], initContainerStatuses = [] } = status ?? {};
  const ids = (list: typeof containerStatuses) => list.map(({ name, containerID }) => ({ name, containerID }));
  return {
    metadata: { ...identityOf(metadata), ...annotationsOf(metadata), ownerReferences: metadata.ownerReferences },
    spec: { serviceAccountName, hostNetwork },
    status: {
      podIP,
      podIPs,
      containerStatuses: ids(containerStatuses),
      initContainerStatuses: ids(initContainerStatuses),
    },
  } as Pod;
}

function bare<T extends KubeObject>({ metadata }: T): T {
  return { metadata: identityOf(metadata) } as T;
}

function identityOf(metadata: ObjectMeta): ObjectMeta {
  const { name, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp, labels } = metadata;
  const kept = { name, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp, labels };
  return Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined)) as unknown as ObjectMeta;
}

function finalizersOf({ finalizers }: ObjectMeta): Pick<ObjectMeta, 'finalizers'> {
  return finalizers === undefined ? {} : { finalizers };
}

function ownersOf({ ownerReferences }: ObjectMeta): Pick<ObjectMeta, 'ownerReferences'> {
  return ownerReferences === undefined ? {} : { ownerReferences };
}

function annotationsOf({ annotations }: ObjectMeta): Pick<ObjectMeta, 'annotations'> {
  return annotations === undefined ? {} : { annotations };
}
