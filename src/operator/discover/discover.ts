import { hasCode, type KubeClient } from '@agentcard-operator/kube';
import { type KubeObject, keyOf, type NetworkPolicy, typeOf } from '@agentcard-operator/kube/objects';
import { Controller, lowPriority } from '@agentcard-operator/kube/runtime';
import type { AgentCardSpec } from '../api/agentcard.ts';
import { isProtected } from '../api/guarded-fields.ts';
import { apiGroup, autoCardName, fitName, managedByLabel, managedByValue } from '../api/labels.ts';
import { customResources } from '../api/resources.ts';
import { type Measured, measured } from '../metrics/controllers.ts';
import { owningCard } from '../network/policy.ts';
import type { CachedCard } from '../watch/cached.ts';
import type { Caches } from '../watch/caches.ts';
import { cardsOfKind, unreadKind } from '../watch/lookups.ts';
import { listingsOf, type QuarantineList } from '../watch/quarantine-entries.ts';
import type { ListedBefore } from '../watch/quarantine-list.ts';
import { concernsOthers } from '../watch/rivals.ts';
import { controllerOf } from '../workload/pod.ts';
import { isAutoCreated } from '../workload/winner.ts';
import { groupKind, isAgent, protocolsOf, type Workload, workloadKey } from '../workload/workload.ts';

export interface DiscoverEdges {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly bequests: Bequests;
  readonly quarantineList: () => QuarantineList;
  readonly listedBefore: ListedBefore;
}

/**
 * Quarantines whose cards the garbage collector took, by workload: the workload's next card of ours orders them again. No
 * finalizer could have kept the card, and an admission policy that does is not everywhere.
 */
export type Bequests = Map<string, AgentCardSpec['quarantine']>;

const mostBequests = 4_096;

export type CardChange =
  | { readonly kind: 'create'; readonly card: KubeObject }
  | { readonly kind: 'delete'; readonly card: CachedCard }
  | undefined;

/** Keeps the auto-created AgentCard of one workload: there when it should be, gone when it should not. */
export async function discover(key: string, edges: DiscoverEdges): Promise<undefined> {
  const { client, caches, bequests } = edges;
  const cards = caches.cards.byIndex('target', key);
  const [target] = cards.flatMap(({ spec }) => spec.targetRef ?? []);
  // It may be there; when its kind can be read again, this is asked again.
  if (target !== undefined && unreadKind(caches, target) !== undefined) return undefined;
  const change = cardChange(workloadAt(key, caches), cards, {
    hasPolicy: ({ metadata }) => caches.policies.byIndex('owner', metadata.uid ?? '').length > 0,
    isListed: (card) => listingsOf([card], edges.quarantineList()).length > 0,
    wasListed: edges.listedBefore(key).length > 0,
    bequest: bequests.get(key),
  });
  try {
    if (change?.kind === 'create') {
      await client.create(customResources.agentCards, change.card);
      bequests.delete(key);
    }
    if (change?.kind === 'delete') {
      const { uid = '' } = change.card.metadata;
      await client.delete(customResources.agentCards, keyOf(change.card), { uid });
    }
  } catch (error) {
    // Somebody was faster (409), or the namespace is going (403 says so): the next event brings us back.
    if (!hasCode(error, 409)) throw error;
  }
}

/** What besides itself keeps a workload's card, or makes it. */
export interface Ties {
  readonly hasPolicy: (card: CachedCard) => boolean;
  readonly isListed: (card: CachedCard) => boolean;
  /** By cards that have gone. */
  readonly wasListed: boolean;
  readonly bequest: AgentCardSpec['quarantine'];
}

/**
 * A labelled agent has a card. One that people wrote takes the place of ours; one that lost its labels, or opts out, keeps
 * none of ours. Ours hands its NetworkPolicy over before it goes, since the policy would go with it. A quarantine that was
 * left behind is ordered again, whatever else stands: a second card's holds for the workload too. What the list cuts off has a
 * card by which it is.
 */
export function cardChange(
  workload: Workload | undefined,
  cards: readonly CachedCard[],
  { hasPolicy, isListed, wasListed, bequest }: Ties,
): CardChange {
  const ours = cards.find((card) => isAutoCreated(card) && controllerOf(card.metadata.ownerReferences) !== undefined);
  const handWritten = cards.some((card) => !isAutoCreated(card) && card.metadata.deletionTimestamp === undefined);
  const isDue = workload !== undefined && !handWritten && (isDiscoverable(workload) || wasListed);
  const wanted = workload !== undefined && (isDue || bequest !== undefined);
  if (wanted && ours === undefined) return { kind: 'create', card: autoCard(workload, bequest) };
  if (wanted || ours === undefined || ours.metadata.deletionTimestamp !== undefined) return undefined;
  // What people demand by a card outlives the reason for which it was made: only people end it.
  const stays = isProtected(ours.spec) || isListed(ours) || (handWritten && workload !== undefined && hasPolicy(ours));
  return stays ? undefined : { kind: 'delete', card: ours };
}

function isDiscoverable(workload: Workload): boolean {
  return isAgent(workload) && workload.autoCard && protocolsOf(workload).length > 0;
}

function autoCard(workload: Workload, quarantine: AgentCardSpec['quarantine']): KubeObject & { spec: object } {
  const { apiVersion, kind, namespace, name, uid } = workload;
  return {
    apiVersion: `${apiGroup}/v1alpha1`,
    kind: 'AgentCard',
    metadata: {
      name: autoCardName(workload),
      namespace,
      labels: { [managedByLabel]: managedByValue, 'app.kubernetes.io/name': fitName(name) },
      ownerReferences: [{ apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: false }],
    },
    spec: { targetRef: { apiVersion, kind, name }, ...(quarantine === undefined ? {} : { quarantine }) },
  };
}

function workloadAt(key: string, caches: Caches): Workload | undefined {
  const [namespace = '', group = '', kind = '', name = ''] = key.split('/');
  return caches.workloads.get(`${group}/${kind}`)?.get(`${namespace}/${name}`)?.workload;
}

/**
 * The garbage collector takes what has owners of which none stands. Whoever else deletes a card may lift its quarantine, or
 * the API server would have refused; and what goes with its namespace goes.
 */
function wasCollected({ metadata }: CachedCard, { workloads, namespaces }: Caches): boolean {
  const { namespace = '', ownerReferences = [] } = metadata;
  const home = namespaces?.get(namespace)?.metadata;
  if (namespaces !== undefined && (home === undefined || home.deletionTimestamp !== undefined)) return false;
  const stands = ownerReferences.some((owner) => {
    const there = workloads.get(groupKind(owner))?.get(`${namespace}/${owner.name}`)?.metadata;
    return there?.uid === owner.uid && there.deletionTimestamp === undefined;
  });
  return ownerReferences.length > 0 && !stands;
}

/** Changes of workloads, of cards, and of who owns a policy, as keys of workloads. */
export function connectDiscovery(caches: Caches, bequests: Bequests, add: (key: string) => void): void {
  const wakeTarget = ({ metadata, spec }: CachedCard) => {
    if (spec.targetRef !== undefined) add(workloadKey(metadata.namespace ?? '', spec.targetRef));
  };
  for (const cache of caches.workloads.values()) {
    const type = typeOf(cache.resource);
    const wake = ({ metadata: { namespace = '', name } }: KubeObject) => add(workloadKey(namespace, { ...type, name }));
    cache.onEvent({ add: wake, update: (_, object) => wake(object), remove: wake });
    if ('onUnread' in cache) cache.onUnread(() => cardsOfKind(caches, type).forEach(wakeTarget));
  }
  const bequeath = (card: CachedCard) => {
    const { quarantine, targetRef } = card.spec;
    if (quarantine === undefined || targetRef === undefined || !wasCollected(card, caches)) return;
    bequests.set(workloadKey(card.metadata.namespace ?? '', targetRef), quarantine);
    const [oldest] = bequests.keys();
    if (bequests.size > mostBequests && oldest !== undefined) bequests.delete(oldest);
  };
  caches.cards.onEvent({
    add: wakeTarget,
    update: (old, card) => {
      if (!concernsOthers(old, card)) return;
      wakeTarget(old);
      wakeTarget(card);
    },
    remove: (card) => {
      bequeath(card);
      wakeTarget(card);
    },
  });
  const wakeOwner = (policy: NetworkPolicy) => {
    const card = caches.cards.get(`${policy.metadata.namespace}/${owningCard(policy)?.name}`);
    if (card !== undefined && isAutoCreated(card)) wakeTarget(card);
  };
  caches.policies.onEvent({ update: wakeOwner, remove: wakeOwner });
}

/** Gives labelled workloads their AgentCards. */
export function discoverController(
  platform: Measured & { readonly client: KubeClient },
  caches: Caches,
  followed: Pick<DiscoverEdges, 'quarantineList' | 'listedBefore'>,
): Controller {
  const edges: DiscoverEdges = { client: platform.client, caches, bequests: new Map(), ...followed };
  const controller = new Controller({
    ...measured('discover', 4, platform),
    reconcile: ({ key }) => discover(key, edges),
  });
  connectDiscovery(caches, edges.bequests, (key) => controller.add(key, { priority: lowPriority }));
  return controller;
}
