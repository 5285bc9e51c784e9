import {
  type ConfigMap,
  type EndpointSlice,
  type KubeObject,
  type Namespace,
  type NetworkPolicy,
  type Pod,
  type ReplicaSet,
  resources,
  type Service,
} from '../../../../src/kube/objects.ts';
import { Store } from '../../../../src/kube/watch/store.ts';
import { verifiedLabel } from '../../../../src/operator/api/labels.ts';
import { customResources } from '../../../../src/operator/api/resources.ts';
import type { CachedCard, CachedWorkload } from '../../../../src/operator/watch/cached.ts';
import type { Caches } from '../../../../src/operator/watch/caches.ts';
import { indexes } from '../../../../src/operator/watch/indexes.ts';
import type { Workload } from '../../../../src/operator/workload/workload.ts';
import { card, slice, workload } from '../kit/builders.ts';

/** The operator's caches, fed by hand. What a handler or an index throws fails the test. */
export function stores() {
  const report = (error: unknown) => {
    throw error;
  };
  const ofKind = (resource: typeof resources.deployments) =>
    Object.assign(new Store<CachedWorkload>(indexes.workloads, report), { resource });
  const deployments = ofKind(resources.deployments);
  const statefulSets = ofKind(resources.statefulSets);
  const fed = {
    cards: new Store<CachedCard>(indexes.cards, report),
    services: new Store<Service>(indexes.services, report),
    slices: new Store<EndpointSlice>(indexes.slices, report),
    labelledPods: new Store<Pod>(indexes.pods, report),
    policies: new Store<NetworkPolicy>(indexes.policies, report),
    namespaces: new Store<Namespace>({}, report),
    signedCards: new Store<ConfigMap>({}, report),
  };
  const readable = new Set<() => void>();
  /** What `unread` is, and who hears of it, is for the test to say. */
  const sandboxes = Object.assign(ofKind(customResources.sandboxes), {
    unread: undefined as string | undefined,
    onUnread: (listener: () => void) => void readable.add(listener),
    tellUnread: () => {
      for (const listener of readable) listener();
    },
  });
  const workloads = new Map([
    ['apps/Deployment', deployments],
    ['apps/StatefulSet', statefulSets],
    ['agents.x-k8s.io/Sandbox', sandboxes],
  ]);
  return {
    ...fed,
    deployments,
    statefulSets,
    sandboxes,
    caches: { ...fed, workloads, replicaSets: { known: replicaSetAbove } } as unknown as Caches,
  };
}

/** Of a Deployment: its uid, and "-rs" after it. */
function replicaSetAbove(uid: string): ReplicaSet | undefined {
  if (!uid.endsWith('-rs')) return undefined;
  const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd', uid: uid.slice(0, -3), controller: true };
  return { metadata: { name: 'rs', uid, ownerReferences: [owner] } };
}

let version = 1;

/** The same object, as it is after a change. */
export function changed<T extends KubeObject>(object: T, metadata: Partial<T['metadata']> = {}): T {
  version += 1;
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(version), ...metadata } };
}

/** A Deployment whose pods have one label, app=<name>. */
export function deployment(name: string, over: Partial<Workload> = {}): CachedWorkload {
  const { namespace = 'team', uid = `${namespace}-${name}` } = over;
  const labels = { app: name };
  const own = { ...workload, name, namespace, uid, selector: { matchLabels: labels }, templateLabels: labels };
  return changed({ metadata: { name, namespace, uid }, workload: { ...own, ...over } });
}

/** A card that targets the Deployment of its name. */
export function cardOf(name: string, { namespace = 'team', target = name, generation = 1 } = {}): CachedCard {
  const uid = `${namespace}-${name}-card`;
  const spec = { targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: target }, syncPeriod: '5m' };
  return changed(card({ metadata: { name, namespace, uid, generation }, spec }));
}

export function serviceOf(name: string, selector?: Record<string, string>, namespace = 'team'): Service {
  return changed({
    metadata: { name, namespace, uid: `${namespace}-${name}-svc` },
    spec: selector ? { selector } : {},
  });
}

export function sliceOf(service: string, namespace = 'team'): EndpointSlice {
  const labels = { 'kubernetes.io/service-name': service };
  return changed({ ...slice([]), metadata: { name: `${service}-1`, namespace, uid: `${service}-slice`, labels } });
}

/** A pod with our label, and of the Deployment that one of its labels, app, names. */
export function labelledPod(name: string, labels: Record<string, string>, namespace = 'team'): Pod {
  const above = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'rs', uid: `${namespace}-${labels.app}-rs` };
  const metadata = { name, namespace, uid: `${name}-uid`, ownerReferences: [{ ...above, controller: true }] };
  return changed({ metadata: { ...metadata, labels: { [verifiedLabel]: 'true', ...labels } } });
}

/** A NetworkPolicy; ours where a card owns it. */
export function policyOf(name: string, choosing: Record<string, string>, owner?: CachedCard): NetworkPolicy {
  const { name: card = '', uid = '' } = owner?.metadata ?? {};
  const reference = { apiVersion: 'agent.kagenti.dev/v1alpha1', kind: 'AgentCard', name: card, uid, controller: true };
  const metadata = { name, namespace: 'team', uid: `${name}-uid` };
  return changed({
    metadata: owner === undefined ? metadata : { ...metadata, ownerReferences: [reference] },
    spec: { podSelector: { matchLabels: choosing } },
  });
}
