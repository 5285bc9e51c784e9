import type { Key, LabelSelector, NetworkPolicy, Service } from '@agentcard-operator/kube/objects';
import { policyName, signedCardName } from '../api/labels.ts';
import type { Knowledge } from '../inquiry/inquiry.ts';
import type { Agent, ClusterFacts, Snapshot } from '../judge/snapshot.ts';
import { apiServerFacts, apiServerService, dnsFacts } from '../network/facts.ts';
import type { KeptPolicy } from '../network/kept.ts';
import { owningCard } from '../network/policy.ts';
import type { NetworkProof } from '../network/proof.ts';
import type { Config } from '../settings/config.ts';
import type { CachedCard } from '../watch/cached.ts';
import type { Caches } from '../watch/caches.ts';
import { indexes, labelKeys, pairKey } from '../watch/indexes.ts';
import { chosenBesides, isOf, labelledPodsOf, objectOf, unreadKind } from '../watch/lookups.ts';
import type { QuarantineList } from '../watch/quarantine-entries.ts';
import type { ListedBefore } from '../watch/quarantine-list.ts';
import { cutOff, rivals, standing } from '../watch/rivals.ts';
import { meshMarks } from '../workload/mesh.ts';
import { isPositive, type Labels, labelsOf, maySelect, selects, termsOf } from '../workload/selector.ts';
import { isCandidate } from '../workload/service.ts';
import { type Workload, workloadKey } from '../workload/workload.ts';

export interface Sources extends Knowledge {
  readonly caches: Caches;
  readonly config: Pick<Config, 'podNamespace' | 'dnsService'>;
  readonly quarantineList: QuarantineList;
  readonly listedBefore: ListedBefore;
  readonly network: NetworkProof;
}

/**
 * Reads everything that one card's reconcile sees from the caches; undefined when the card or its whole namespace is gone
 * or going: what is written there then is refused or deleted again.
 */
export function observe(key: Key, sources: Sources): Snapshot | undefined {
  const { caches, config, evidence, fleetHeldUntil, network, openedAt, quarantineList } = sources;
  const card = caches.cards.get(key);
  if (card === undefined || card.metadata.deletionTimestamp !== undefined) return undefined;
  const namespace = card.metadata.namespace ?? '';
  const home = caches.namespaces?.get(namespace)?.metadata;
  if (home?.deletionTimestamp !== undefined) return undefined;
  const agent = agentOf(card, caches);
  const { workload } = agent;
  const ownPolicies = caches.policies.byIndex('owner', card.metadata.uid ?? '');
  const foreign = foreignPolicies(caches, agent, ownPolicies);
  return {
    ...agent,
    unreadKind: card.spec.targetRef && unreadKind(caches, card.spec.targetRef),
    services: workload === undefined ? [] : candidates(card, workload, caches),
    slicesOf: (service) => caches.slices.byIndex('service', `${namespace}/${service}`),
    ...labelledPods(caches, workload),
    ownPolicies,
    foreignPolicies: foreign,
    neighbours: neighbours(caches, agent, foreign),
    chosenBesides: (selector) => chosenBesides(caches, selector, { namespace, ...workload }),
    namesake: workload && caches.policies.get(`${namespace}/${policyName(workload)}`),
    quarantineList,
    listedBefore: indexes.cards.target(card).flatMap(sources.listedBefore),
    namespaceLabels: home?.labels ?? {},
    namespaceMesh: meshMarks(home ?? {}),
    cluster: clusterFacts(caches, config),
    agentNamed: (other) => {
      const named = caches.cards.get(other);
      return named?.metadata.deletionTimestamp === undefined ? named && agentOf(named, caches) : undefined;
    },
    network,
    evidence,
    fleetHeldUntil,
    openedAt,
    signedCardVersion: workload === undefined ? undefined : signedCardVersion(caches, workload),
  };
}

/** A card that another stands in for sees that one and one that orders a quarantine: the rest are not its to see. */
function agentOf(card: CachedCard, caches: Caches): Agent {
  const { targetRef } = card.spec;
  const { namespace = '' } = card.metadata;
  if (targetRef === undefined) return { card, workload: undefined, siblings: [], winner: undefined };
  const target = workloadKey(namespace, targetRef);
  const { winner: first, quarantining } = rivals(caches.cards)(target);
  const winner = first === card ? undefined : first;
  const seen = winner === undefined ? standing(caches.cards, target) : [winner, quarantining];
  const siblings = [...new Set(seen)].flatMap((other) => (other === undefined || other === card ? [] : [other]));
  const { workload, unborn = false } = objectOf(caches, namespace, targetRef) ?? {};
  return { card, workload, unborn, siblings, winner };
}

/** Also other cards', of which those count that may choose its pods, or those that it left behind and cuts off still. */
function foreignPolicies({ policies }: Caches, { card, workload }: Agent, own: readonly NetworkPolicy[]) {
  const { namespace = '', uid } = card.metadata;
  const labels = [workload?.templateLabels ?? {}, ...own.map(({ spec }) => labelsOf(spec.podSelector))];
  const keys = new Set(labels.flatMap((each) => labelKeys(namespace, each)));
  const ofCards = [...keys].flatMap((key) => policies.byIndex('selector', key));
  return [...policies.byIndex('foreign', namespace), ...ofCards.filter((each) => owningCard(each)?.uid !== uid)];
}

/** A workload that was made again under another name takes over the pods of one that is cut off. */
function neighbours({ cards }: Caches, { card, workload }: Agent, foreign: readonly KeptPolicy[]) {
  const [target] = indexes.cards.target(card);
  const owners = foreign.flatMap((policy) => {
    const owner = owningCard(policy);
    const found = owner && cards.get(`${card.metadata.namespace}/${owner.name}`);
    const isOther = found?.metadata.uid === owner?.uid && found && indexes.cards.target(found)[0] !== target;
    return isOther && workload && cutsOff(policy.spec.podSelector, workload.templateLabels) ? [found] : [];
  });
  const quarantines = [...new Set(owners)].flatMap((owner) => {
    const { reason } = cutOff(owner) ?? {};
    return reason === undefined ? [] : [{ by: 'neighbour' as const, subject: owner.metadata.name, reason }];
  });
  return quarantines.sort((a, b) => (a.subject < b.subject ? -1 : 1));
}

/** One that names only what is added later may choose anybody, and says nothing of whom. */
function cutsOff(selector: LabelSelector, template: Labels): boolean {
  const tells = isPositive(selector) && (termsOf(selector) !== undefined || selects(selector, template));
  return tells && maySelect(selector, template);
}

/** Pods that are known to be of another workload are that one's. */
function labelledPods(caches: Caches, workload: Workload | undefined): Pick<Snapshot, 'labelledPods' | 'unsure'> {
  const chosen = workload === undefined ? [] : labelledPodsOf(caches, workload);
  const of = Map.groupBy(chosen, (pod) => workload && isOf(caches, pod, workload));
  const unsure = of.get(undefined) ?? [];
  return {
    labelledPods: [...(of.get(true) ?? []), ...unsure],
    unsure: new Set(unsure.map(({ metadata }) => metadata.uid ?? '')),
  };
}

function signedCardVersion(caches: Caches, workload: Workload): string | undefined {
  const held = caches.signedCards?.get(`${workload.namespace}/${signedCardName(workload)}`);
  return held && `${held.metadata.uid} ${held.metadata.resourceVersion}`;
}

function candidates(card: CachedCard, workload: Workload, caches: Caches): Service[] {
  const found = new Map<string, Service>();
  const consider = (service: Service | undefined) => {
    if (service !== undefined && isCandidate(card.spec, workload, service)) found.set(service.metadata.name, service);
  };
  for (const name of [card.spec.endpoint?.service, workload.name]) {
    if (name !== undefined) consider(caches.services.get(`${workload.namespace}/${name}`));
  }
  for (const pair of Object.entries(workload.templateLabels)) {
    caches.services.byIndex('pair', pairKey(workload.namespace, ...pair)).forEach(consider);
  }
  return [...found.values()];
}

function clusterFacts({ services, slices }: Caches, { podNamespace, dnsService }: Sources['config']): ClusterFacts {
  const slicesOf = (key: Key) => slices.byIndex('service', key);
  return {
    operatorNamespace: podNamespace,
    apiServer: apiServerFacts(services.get(apiServerService), slicesOf(apiServerService)),
    dns: dnsService.flatMap((key) => dnsFacts(services.get(key), slicesOf(key)) ?? []),
  };
}
