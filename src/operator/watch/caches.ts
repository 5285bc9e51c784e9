import {
  Informer,
  type InformerOptions,
  type InformerTelemetry,
  type KubeClient,
  OptionalInformer,
} from '@agentcard-operator/kube';
import {
  type ConfigMap,
  type EndpointSlice,
  type KubeObject,
  type Namespace,
  type NetworkPolicy,
  type ObjectMeta,
  type Pod,
  type Resource,
  resources,
  type Service,
  splitKey,
} from '@agentcard-operator/kube/objects';
import {
  apiGroup,
  probePodLabels,
  quarantineListName,
  signedCardKeys,
  signedCardLabel,
  verifiedLabel,
} from '../api/labels.ts';
import { customResources } from '../api/resources.ts';
import { apiServerService } from '../network/facts.ts';
import { type KeptPolicy, keptPolicy } from '../network/kept.ts';
import { findingOf, type Probe, type ProbePod } from '../network/proof.ts';
import type { Config } from '../settings/config.ts';
import { boundedEndpoint, boundedMetadata, boundedWorkload, isShort } from '../workload/bounds.ts';
import { isSuspended, workloadKinds } from '../workload/kinds.ts';
import { meshMarks } from '../workload/mesh.ts';
import type { Workload } from '../workload/workload.ts';
import { type CachedCard, type CachedWorkload, compact, hashOf, shared, sharing } from './cached.ts';
import { indexes } from './indexes.ts';
import { ReplicaSets } from './replica-sets.ts';

/** Everything that is watched. The operator reads nothing else of the cluster but single pods that it is about to ask. */
export type Caches = ReturnType<typeof createCaches>;

/** Where a resource's watch reports to. */
type WatchTelemetry = (resource: string) => InformerTelemetry;

/** What of the configuration decides what is watched. */
type Scope = Pick<Config, 'namespaces' | 'dnsService' | 'podNamespace' | 'enableSignatureVerification'>;

/** All of them by name, for the manager to start and watch over. */
export function everyCache({ workloads, replicaSets: _, ...rest }: Caches) {
  const all = [...Object.values(rest), ...workloads.values()].filter((cache) => cache !== undefined);
  return all.map((cache) => {
    const { plural } = cache.resource;
    const special = cache === rest.quarantine ? '-quarantine' : cache === rest.probes ? '-probes' : '';
    return { name: `${plural}${special}`, cache };
  });
}

export function createCaches(client: KubeClient, scope: Scope, telemetry: WatchTelemetry) {
  const { namespaces, podNamespace: ownNamespace } = scope;
  const options = <T extends KubeObject>(resource: Resource, more: Partial<InformerOptions<T>>): InformerOptions<T> => {
    return { client, namespaces, telemetry: telemetry(resource.plural), resource, ...more };
  };
  const watch = <T extends KubeObject>(resource: Resource, more: Partial<InformerOptions<T>>) =>
    new Informer<T>(options(resource, more));
  // The API server's and the DNS Services are watched besides.
  const infrastructure = [apiServerService, ...scope.dnsService].map((key) => splitKey(key).namespace ?? '');
  const around = { namespaces: namespaces.length === 0 ? [] : [...namespaces, ...infrastructure] };
  const list = { namespaces: [ownNamespace], fieldSelector: `metadata.name=${quarantineListName}` };
  const labelled = { labelSelector: `${verifiedLabel}=true`, transform: trimPod, indexes: indexes.pods };
  const ofSigners = { labelSelector: `${signedCardLabel}=true`, transform: trimSignedCard };
  return {
    cards: watch(customResources.agentCards, { transform: trimCard, indexes: indexes.cards }),
    /** One per kind of workload, by group and kind. */
    workloads: new Map(
      workloadKinds.map(({ resource, read, versions }) => {
        const transform = (raw: CachedWorkload) => trimWorkload(raw, read(raw));
        const wanted = options<CachedWorkload>(resource, { transform, indexes: indexes.workloads });
        return [`${resource.group}/${resource.kind}`, workloadCache(wanted, versions, namespaces.length > 0)];
      }),
    ),
    services: watch(resources.services, { ...around, transform: trimService, indexes: indexes.services }),
    slices: watch(resources.endpointSlices, { ...around, transform: trimSlice, indexes: indexes.slices }),
    labelledPods: watch(resources.pods, labelled),
    /** Not watched: read when a pod below one is. */
    replicaSets: new ReplicaSets(client),
    policies: watch<KeptPolicy>(resources.networkPolicies, { transform: trimPolicy, indexes: indexes.policies }),
    /** ConfigMaps that signers labelled. */
    signedCards: scope.enableSignatureVerification ? watch<ConfigMap>(resources.configMaps, ofSigners) : undefined,
    /** The one ConfigMap agentcard-quarantine, where the operator knows its own namespace. */
    quarantine: ownNamespace === '' ? undefined : watch<ConfigMap>(resources.configMaps, list),
    /** The pods that show whether the network enforces policies, there as well. */
    probes: ownNamespace === '' ? undefined : watch<Probe>(resources.pods, ofProbes(ownNamespace)),
    /** Absent when only some namespaces are watched: reading them is a right on the whole cluster. */
    namespaces: namespaces.length > 0 ? undefined : watch(resources.namespaces, { transform: trimNamespace }),
  };
}

/** Watching definitions is a right on the whole cluster. */
const discoverMs = 60_000;

function workloadCache(wanted: InformerOptions<CachedWorkload>, versions?: readonly string[], namespaced = false) {
  if (versions === undefined) return new Informer(wanted);
  return new OptionalInformer({ ...wanted, versions, ...(namespaced ? { discoverMs } : {}) });
}

export function trimWorkload(raw: KubeObject, workload: Workload | undefined): CachedWorkload {
  const unborn = workload === undefined && isSuspended(raw);
  const bounded = workload && boundedWorkload(workload);
  return { metadata: identityOf(raw.metadata), workload: bounded, ...(unborn ? { unborn } : {}) };
}

function trimCard({ metadata, spec, status: raw }: CachedCard): CachedCard {
  type Long = { card?: object; callers?: object };
  const { card, callers, ...rest } = (raw ?? {}) as NonNullable<CachedCard['status']> & Long;
  const { conditions, checks, ...fields } = compact(rest);
  const status = {
    ...fields,
    ...(conditions === undefined ? {} : { conditions: conditions.map(shared) }),
    ...(checks === undefined ? {} : { checks: checks.map(shared) }),
  };
  return {
    metadata: identityOf(metadata, 'creationTimestamp', 'annotations', 'ownerReferences', 'finalizers'),
    spec,
    ...(raw === undefined ? {} : { status }),
    ...(card === undefined ? {} : { publishedHash: hashOf(card) }),
    ...(callers === undefined ? {} : { callersHash: hashOf(callers) }),
  };
}

function trimService({ metadata, spec = {} }: Service): Service {
  // No pod has so many labels that a longer selector could choose it.
  const selector = isShort(spec.selector ?? {}) ? (['selector'] as const) : [];
  const kept = pick(spec, ...selector, 'ports', 'clusterIPs', 'ipFamilies');
  return { metadata: identityOf(metadata), spec: sharing(kept, 'ports', 'ipFamilies') };
}

function trimSlice({ metadata, endpoints, ...slice }: EndpointSlice): EndpointSlice {
  const kept = (endpoints ?? []).map((endpoint) => sharing(boundedEndpoint(endpoint), 'conditions'));
  return { metadata: identityOf(metadata), endpoints: kept, ...sharing(pick(slice, 'addressType', 'ports'), 'ports') };
}

function trimPod({ metadata, spec = {}, status = {} }: Pod): Pod {
  const ids = (statuses: Statuses = []) => statuses.map((each) => pick(each, 'name', 'containerID'));
  return {
    metadata: identityOf(metadata, 'annotations', 'ownerReferences'),
    spec: pick(spec, 'serviceAccountName', 'hostNetwork'),
    status: {
      ...pick(status, 'podIP', 'podIPs'),
      containerStatuses: ids(status.containerStatuses),
      initContainerStatuses: ids(status.initContainerStatuses),
      ephemeralContainerStatuses: ids(status.ephemeralContainerStatuses),
    },
  };
}

function ofProbes(namespace: string) {
  const pairs = Object.entries(probePodLabels).map((pair) => pair.join('='));
  const transform = (raw: ProbePod): Probe => ({ metadata: identityOf(raw.metadata), finding: findingOf(raw) });
  return { namespaces: [namespace], labelSelector: pairs.join(','), transform };
}

type Statuses = NonNullable<Pod['status']>['containerStatuses'];

function trimPolicy({ metadata, spec }: NetworkPolicy): KeptPolicy {
  const kept = keptPolicy({ metadata: identityOf(metadata, 'ownerReferences'), spec });
  return { ...kept, spec: sharing(kept.spec, 'ingress', 'egress', 'policyTypes') };
}

/** What is too long to be kept for every signer is read when it is needed. */
const longestSignedCard = 65_536;

function trimSignedCard({ metadata, data = {} }: ConfigMap): ConfigMap {
  const kept = pick(data, ...signedCardKeys);
  const isShort = Object.values(kept).join('').length <= longestSignedCard;
  return { metadata: identityOf(metadata), ...(isShort ? { data: kept } : {}) };
}

function trimNamespace({ metadata }: Namespace): Namespace {
  const annotations = meshMarks({ annotations: metadata.annotations ?? {} });
  return { metadata: boundedMetadata({ ...identityOf(metadata), annotations }) };
}

const identity = ['name', 'namespace', 'uid', 'resourceVersion', 'generation', 'labels'] as const;

function identityOf(metadata: ObjectMeta, ...more: readonly (keyof ObjectMeta)[]): ObjectMeta {
  const kept = pick(metadata, ...identity, 'deletionTimestamp', ...more);
  const ours = Object.entries(kept.annotations ?? {}).filter(([name]) => name.startsWith(`${apiGroup}/`));
  return boundedMetadata(kept.annotations === undefined ? kept : { ...kept, annotations: Object.fromEntries(ours) });
}

/** These members, as far as they are there. */
function pick<T extends object, K extends keyof T>(object: T, ...names: readonly K[]): Pick<T, K> {
  const there = names.filter((name) => object[name] !== undefined);
  return Object.fromEntries(there.map((name) => [name, object[name]])) as Pick<T, K>;
}
