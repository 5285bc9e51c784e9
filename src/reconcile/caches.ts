import { autoCardAnnotation, signedCardLabel, verifiedLabel } from '../api/labels.ts';
import type { JsonObject } from '../card/json.ts';
import type { KubeClient } from '../kube/client.ts';
import { Informer, type InformerObserver } from '../kube/informer.ts';
import {
  type ConfigMap,
  type Deployment,
  type EndpointSlice,
  type KubeObject,
  type Namespace,
  type NetworkPolicy,
  type ObjectMeta,
  type Pod,
  resources,
  type Service,
  type StatefulSet,
} from '../kube/objects.ts';
import { publishedHash } from '../status/projection.ts';
import { controllerOf } from '../workload/pod.ts';
import { serviceNameLabel } from '../workload/service.ts';
import { workloadKey } from '../workload/workload.ts';
import type { CachedCard } from './snapshot.ts';

/** Everything that is watched. The operator reads nothing else of the cluster but single pods that it is about to ask. */
export interface Caches {
  readonly cards: Informer<CachedCard>;
  readonly deployments: Informer<Deployment>;
  readonly statefulSets: Informer<StatefulSet>;
  readonly services: Informer<Service>;
  readonly slices: Informer<EndpointSlice>;
  readonly labelledPods: Informer<Pod>;
  readonly policies: Informer<NetworkPolicy>;
  readonly namespaces: Informer<Namespace>;
  /** ConfigMaps that signers labelled; watched while signatures are verified. */
  readonly signedCards: Informer<ConfigMap> | undefined;
}

export interface CacheScope {
  /** None = the whole cluster. */
  readonly namespaces: readonly string[];
  /** Namespaces of the API server's and the DNS Services, watched besides. */
  readonly infrastructure: readonly string[];
  readonly signatures: boolean;
}

/** An index entry for one label pair in one namespace. */
export function pairKey(namespace: string | undefined, key: string, value: string): string {
  return `${namespace ?? ''}/${key}=${value}`;
}

export function createCaches(client: KubeClient, scope: CacheScope, observer: InformerObserver): Caches {
  const { namespaces } = scope;
  const wide = namespaces.length === 0 ? [] : [...new Set([...namespaces, ...scope.infrastructure])];
  const common = { client, observer, namespaces };
  return {
    cards: new Informer<CachedCard>({
      ...common,
      resource: resources.agentCards,
      transform: trimCard,
      indexes: { target: targetOf, namespace: inNamespace, refers: servicesNamed },
    }),
    deployments: new Informer<Deployment>({
      ...common,
      resource: resources.deployments,
      transform: trimWorkload,
      indexes: { pair: templatePairs },
    }),
    statefulSets: new Informer<StatefulSet>({
      ...common,
      resource: resources.statefulSets,
      transform: trimWorkload,
      indexes: { pair: templatePairs },
    }),
    services: new Informer<Service>({
      ...common,
      namespaces: wide,
      resource: resources.services,
      transform: trimService,
      indexes: { pair: firstSelectorPair },
    }),
    slices: new Informer<EndpointSlice>({
      ...common,
      namespaces: wide,
      resource: resources.endpointSlices,
      transform: trimSlice,
      indexes: { service: serviceOf },
    }),
    labelledPods: new Informer<Pod>({
      ...common,
      resource: resources.pods,
      labelSelector: `${verifiedLabel}=true`,
      transform: trimPod,
      indexes: { namespace: inNamespace },
    }),
    policies: new Informer<NetworkPolicy>({
      ...common,
      resource: resources.networkPolicies,
      indexes: { owner: controllerUid },
    }),
    signedCards: scope.signatures
      ? new Informer<ConfigMap>({ ...common, resource: resources.configMaps, labelSelector: `${signedCardLabel}=true` })
      : undefined,
    namespaces: new Informer<Namespace>({ client, observer, resource: resources.namespaces, transform: bare }),
  };
}

function inNamespace({ metadata }: KubeObject): readonly string[] {
  return [metadata.namespace ?? ''];
}

function targetOf({ metadata, spec }: CachedCard): readonly string[] {
  return spec.targetRef === undefined ? [] : [workloadKey(metadata.namespace ?? '', spec.targetRef)];
}

/** The Services that lead to the card by name: the one it names, and the one named like its workload. */
function servicesNamed({ metadata, spec }: CachedCard): readonly string[] {
  const names = [spec.endpoint?.service, spec.targetRef?.name].filter((name) => name !== undefined);
  return [...new Set(names)].map((name) => `${metadata.namespace}/${name}`);
}

function templatePairs({ metadata, spec }: Deployment | StatefulSet): readonly string[] {
  const labels = Object.entries(spec.template.metadata?.labels ?? {});
  return labels.map(([key, value]) => pairKey(metadata.namespace, key, value));
}

function firstSelectorPair({ metadata, spec }: Service): readonly string[] {
  const [first] = Object.entries(spec?.selector ?? {}).sort();
  return first === undefined ? [] : [pairKey(metadata.namespace, ...first)];
}

function serviceOf({ metadata }: EndpointSlice): readonly string[] {
  const name = metadata.labels?.[serviceNameLabel];
  return name === undefined ? [] : [`${metadata.namespace}/${name}`];
}

function controllerUid({ metadata }: KubeObject): readonly string[] {
  const owner = controllerOf(metadata.ownerReferences);
  return owner === undefined ? [] : [owner.uid];
}

/** The published card is kept as its hash. */
function trimCard(raw: CachedCard): CachedCard {
  const { card, ...status } = (raw.status ?? {}) as CachedCard['status'] & { card?: JsonObject };
  const { metadata, spec } = raw;
  return {
    metadata: { ...identityOf(metadata), ...annotationsOf(metadata) },
    spec,
    ...(raw.status === undefined ? {} : { status }),
    ...(card === undefined ? {} : { publishedHash: publishedHash(card) }),
  };
}

function trimWorkload<T extends Deployment | StatefulSet>(raw: T): T {
  const { metadata, spec, status } = raw;
  const auto = metadata.annotations?.[autoCardAnnotation];
  const template = {
    metadata: { labels: spec.template.metadata?.labels ?? {} },
    spec: {
      serviceAccountName: spec.template.spec?.serviceAccountName ?? '',
      hostNetwork: spec.template.spec?.hostNetwork ?? false,
    },
  };
  const { readyReplicas, updateRevision } = (status ?? {}) as { readyReplicas?: number; updateRevision?: string };
  return {
    metadata: {
      ...identityOf(metadata),
      ...(auto === undefined ? {} : { annotations: { [autoCardAnnotation]: auto } }),
    },
    spec: { replicas: spec.replicas, selector: spec.selector, template },
    status: { readyReplicas, updateRevision },
  } as T;
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

function annotationsOf({ annotations }: ObjectMeta): Pick<ObjectMeta, 'annotations'> {
  return annotations === undefined ? {} : { annotations };
}
