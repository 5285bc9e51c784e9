import { isIP } from 'node:net';
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '@agentcard-operator/kube/objects';
import { holdsRange } from '../../operator/network/ranges.ts';
import { type Direction, isolates, peersOf, rulesOf } from '../../operator/network/rules.ts';
import { selects } from '../../operator/workload/selector.ts';
import { selectorIndex } from './selector-index.ts';

type Labels = Readonly<Record<string, string>>;

/** A pod as NetworkPolicies see it; an address outside has neither namespace nor labels. */
export interface Party {
  readonly namespace: string | undefined;
  readonly namespaceLabels: Labels;
  readonly labels: Labels;
  readonly addresses: readonly string[];
  /** The ports of its containers that have a name. */
  readonly namedPorts?: readonly (Port & { readonly name: string })[];
}

export interface Ruling {
  readonly allowed: boolean;
  /** The policy that lets it through, or one that stops it; undefined where none applies. */
  readonly by: string | undefined;
}

export interface Port {
  readonly protocol: string;
  readonly port: number;
}

/** The policies that choose a pod. */
export type Choosing = (pod: Party) => readonly NetworkPolicy[];

export function choosing(policies: readonly NetworkPolicy[]): Choosing {
  const find = selectorIndex(policies, ({ metadata, spec }) => ({
    namespace: metadata.namespace ?? '',
    selector: spec.podSelector,
  }));
  return ({ namespace, labels }) => (namespace === undefined ? [] : find(namespace, labels));
}

/**
 * Whether a new connection goes through: the caller's outgoing and the callee's incoming policies must both agree. Without a
 * port: to some port.
 */
export function connects(caller: Party, callee: Party, port: Port | undefined, policies: Choosing): Ruling {
  const out = ruling(caller, callee, { direction: 'egress', port }, policies);
  return out.allowed ? ruling(callee, caller, { direction: 'ingress', port }, policies) : out;
}

interface Way {
  readonly direction: Direction;
  readonly port: Port | undefined;
}

/** Policies add up: a pod that none isolates in this direction is open, any other needs one rule that allows. */
function ruling(pod: Party, other: Party, { direction, port }: Way, policies: Choosing): Ruling {
  const own = policies(pod).filter((policy) => isolates(policy, direction));
  const [first] = own;
  const callee = direction === 'egress' ? other : pod;
  if (first === undefined) return { allowed: true, by: undefined };
  const letting = own.find((policy) =>
    rulesOf(policy, direction).some((rule) => {
      const peers = peersOf(rule, direction);
      const fits = peers.length === 0 || peers.some((peer) => isPeer(peer, other, pod.namespace));
      return fits && hasPort(rule.ports ?? [], port, callee);
    }),
  );
  return { allowed: letting !== undefined, by: (letting ?? first).metadata.name };
}

function isPeer(peer: NetworkPolicyPeer, party: Party, ownNamespace: string | undefined): boolean {
  if (peer.ipBlock !== undefined) {
    const { cidr, except = [] } = peer.ipBlock;
    return party.addresses.some(
      (address) =>
        isIP(address) !== 0 && holdsRange(cidr, address) && !except.some((hole) => holdsRange(hole, address)),
    );
  }
  if (party.namespace === undefined) return false;
  const inNamespace =
    peer.namespaceSelector === undefined
      ? party.namespace === ownNamespace
      : selects(peer.namespaceSelector, party.namespaceLabels);
  return inNamespace && selects(peer.podSelector ?? {}, party.labels);
}

/** A port's name is what the callee's containers make of it; one that they do not know is no port. */
function hasPort(ports: readonly NetworkPolicyPort[], wanted: Port | undefined, callee: Party): boolean {
  if (ports.length === 0) return true;
  return ports.some(({ protocol = 'TCP', port, endPort }) => {
    const named = callee.namedPorts?.find((one) => one.name === port && one.protocol === protocol);
    const first = typeof port === 'string' ? named?.port : (port ?? 0);
    if (wanted === undefined || first === undefined) return first !== undefined;
    const last = endPort ?? (port === undefined ? 65_535 : first);
    return wanted.protocol === protocol && wanted.port >= first && wanted.port <= last;
  });
}
