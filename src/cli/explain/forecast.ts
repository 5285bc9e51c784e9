import type { NetworkPolicy, Pod } from '@agentcard-operator/kube/objects';
import type { AgentCard } from '../../operator/api/agentcard.ts';
import { verifiedLabel } from '../../operator/api/labels.ts';
import { desiredPolicy, owningCard, type PolicyShape } from '../../operator/network/policy.ts';
import { controllerOf } from '../../operator/workload/pod.ts';
import { pairsSelect, selects } from '../../operator/workload/selector.ts';
import { winnerOf } from '../../operator/workload/winner.ts';
import { type Workload, workloadKey } from '../../operator/workload/workload.ts';
import type { Fleet } from './fleet.ts';
import { type Listings, listings, standingOn, targetOf } from './listing.ts';
import { choosing, connects, type Party, type Port } from './reach.ts';
import { selectorIndex } from './selector-index.ts';

/** One way that packets may take: as things are, and if the mode were enforce everywhere. */
export interface Way {
  readonly who: string;
  readonly pods: number;
  readonly verified: boolean;
  readonly now: 'open' | 'closed';
  readonly enforced: 'open' | 'closed';
  /** The policy that decides as things are. */
  readonly by: string | null;
  /** What the callee's list of callers makes of the caller; null where it has none. */
  readonly list: string | null;
}

export interface Reach {
  readonly callers: readonly Way[];
  readonly reaches: readonly Way[];
}

export function shapeOf({ status }: AgentCard): PolicyShape {
  const condition = (wanted: string) => status?.conditions?.find(({ type }) => type === wanted);
  if (condition('Ready')?.reason === 'Quarantined') return 'quarantined';
  return condition('Verified')?.status === 'True' ? 'verified' : 'unverified';
}

export function workloadOf(card: AgentCard, { workloads }: Fleet): Workload | undefined {
  return workloads.get(targetOf(card));
}

/** The NetworkPolicies as they would be with the mode enforce, by the very functions that the operator uses. */
export function enforcedPolicies(fleet: Fleet, listed: Listings = listings(fleet)): readonly NetworkPolicy[] {
  const foreign = fleet.policies.filter((policy) => owningCard(policy) === undefined);
  const ours = [...Map.groupBy(fleet.cards, targetOf)].flatMap(([target, rivals]) => {
    const workload = fleet.workloads.get(target);
    const card = winnerOf(rivals);
    if (workload === undefined || workload.hostNetwork || card === undefined) return [];
    const { name, namespace = '', uid = '' } = card.metadata;
    const subject = { card: { name, namespace, uid }, workload, callers: listed(target)?.ids };
    return [desiredPolicy(subject, shapeOf(card), fleet.peers)];
  });
  return [...foreign, ...ours];
}

/** Who may call an agent, and what it may reach. */
export function reachOf(card: AgentCard, fleet: Fleet): Reach {
  const workload = workloadOf(card, fleet);
  // NetworkPolicies do not hold pods on the host's network.
  if (workload === undefined || workload.hostNetwork) return { callers: [], reaches: [] };
  const namespace = card.metadata.namespace ?? '';
  const members = fleet.pods.filter(
    ({ metadata }) => metadata.namespace === namespace && selects(workload.selector, metadata.labels ?? {}),
  );
  const [member] = members;
  const verified = shapeOf(card) === 'verified' ? { [verifiedLabel]: 'true' } : {};
  const agent =
    member === undefined
      ? partyOf(namespace, { ...workload.templateLabels, ...verified }, fleet)
      : podParty(member, fleet);
  const listed = listings(fleet);
  const [today, after] = [choosing(fleet.policies), choosing(enforcedPolicies(fleet, listed))];
  const way = (who: string, [caller, callee]: readonly [Party, Party], { port, target = '' }: Onto): Way => {
    const now = connects(caller, callee, port, today);
    const enforced = connects(caller, callee, port, after).allowed;
    const isVerified = (callee === agent ? caller : callee).labels[verifiedLabel] === 'true';
    const list = standingOn(listed(target), caller) ?? null;
    const words = { now: word(now.allowed), enforced: word(enforced) } as const;
    return { who, pods: 1, verified: isVerified, ...words, by: now.by ?? null, list };
  };
  const others = fleet.pods.filter((pod) => pod !== member);
  const callers = others.map((pod) => way(nameOf(pod), [podParty(pod, fleet), agent], { target: targetOf(card) }));
  const targets = selectorIndex(
    fleet.cards.flatMap((other) => workloadOf(other, fleet) ?? []),
    (target) => target,
  );
  const calls = others.flatMap((pod) => {
    const { namespace: place = '', labels = {} } = pod.metadata;
    const [callee] = targets(place, labels);
    if (callee === undefined) return [];
    return [way(nameOf(pod), [agent, podParty(pod, fleet)], { target: workloadKey(place, callee) })];
  });
  const common = destinations(fleet).map(({ who, party, port }) => way(who, [agent, party], { port }));
  return { callers: grouped(callers), reaches: [...common, ...grouped(calls)] };
}

/** To which port, any where none is named; of which agent. */
interface Onto {
  readonly port?: Port;
  readonly target?: string;
}

const word = (allowed: boolean) => (allowed ? 'open' : 'closed');

function partyOf(namespace: string, labels: Party['labels'], fleet: Fleet): Party {
  return { namespace, namespaceLabels: fleet.namespaceLabels(namespace), labels, addresses: [] };
}

function podParty({ metadata, spec, status }: Pod, fleet: Fleet): Party {
  const party = partyOf(metadata.namespace ?? '', metadata.labels ?? {}, fleet);
  const ports = (spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  const namedPorts = ports.flatMap(({ name, containerPort: port, protocol = 'TCP' }) =>
    name === undefined ? [] : [{ name, protocol, port }],
  );
  return { ...party, addresses: (status?.podIPs ?? []).map(({ ip }) => ip), namedPorts };
}

/** A pod by what it belongs to; the pods of one ReplicaSet are its Deployment's. */
export function nameOf({ metadata }: Pod): string {
  const owner = controllerOf(metadata.ownerReferences);
  const hash = metadata.labels?.['pod-template-hash'];
  const name = owner?.kind === 'ReplicaSet' && hash !== undefined ? owner.name.replace(`-${hash}`, '') : owner?.name;
  return `${metadata.namespace}/${name ?? metadata.name}`;
}

function destinations(fleet: Fleet): { who: string; party: Party; port: Port }[] {
  const outside = (address: string): Party => {
    return { namespace: undefined, namespaceLabels: {}, labels: {}, addresses: [address] };
  };
  const { peers, pods } = fleet;
  const dns = peers.dns.slice(0, 1).flatMap(({ namespace, podLabels, ports: [port] }) => {
    const pod = pods.find(
      ({ metadata }) => metadata.namespace === namespace && pairsSelect(podLabels, metadata.labels ?? {}),
    );
    const party = pod === undefined ? partyOf(namespace, podLabels, fleet) : podParty(pod, fleet);
    return port === undefined ? [] : [{ who: 'DNS', party, port }];
  });
  const api = peers.apiServer.flatMap(({ addresses: [address], ports: [port] }) =>
    address === undefined || port === undefined
      ? []
      : [{ who: 'the API server', party: outside(address), port: { protocol: 'TCP', port } }],
  );
  const elsewhere = {
    who: 'addresses outside the cluster',
    party: outside('192.0.2.1'),
    port: { protocol: 'TCP', port: 443 },
  };
  return [...dns, ...api.slice(-1), elsewhere];
}

function grouped(ways: readonly Way[]): Way[] {
  const groups = new Map<string, Way>();
  for (const way of ways) {
    const id = JSON.stringify([way.who, way.verified, way.now, way.enforced, way.list]);
    groups.set(id, { ...way, pods: (groups.get(id)?.pods ?? 0) + 1 });
  }
  return [...groups.values()].sort((a, b) => (a.who < b.who ? -1 : a.who > b.who ? 1 : 0));
}
