import type { EndpointSlice, Key, LabelSelector, NetworkPolicy, Pod, Service } from '@agentcard-operator/kube/objects';
import type { AgentCardStatus } from '../api/agentcard.ts';
import type { CallerReference } from '../api/callers.ts';
import type { Knowledge } from '../inquiry/inquiry.ts';
import type { KeptPolicy } from '../network/kept.ts';
import type { PolicyPeers } from '../network/policy.ts';
import type { NetworkProof } from '../network/proof.ts';
import type { CachedCard } from '../watch/cached.ts';
import type { Listing, QuarantineList } from '../watch/quarantine-entries.ts';
import type { Mesh, MeshMarks } from '../workload/mesh.ts';
import type { Endpoint } from '../workload/service.ts';
import type { Workload } from '../workload/workload.ts';

/** What the whole cluster contributes to every card's policy; our own pods' place among it. */
export type ClusterFacts = Pick<PolicyPeers, 'operatorNamespace' | 'apiServer' | 'dns'>;

/** Everything one reconcile sees, read from caches at one moment. */
export interface Snapshot extends Knowledge {
  readonly card: CachedCard;
  readonly workload: Workload | undefined;
  /** The target was suspended before it had its first pod, by which it would be known. */
  readonly unborn?: boolean;
  /** Why nothing is known of the target's kind although the cluster may have some, in words. */
  readonly unreadKind: string | undefined;
  /** Other cards on the same workload, none of them being deleted. */
  readonly siblings: readonly CachedCard[];
  /** The one of them that stands for the workload in place of this card. */
  readonly winner: CachedCard | undefined;
  /** The Services that could lead to the workload. */
  readonly services: readonly Service[];
  readonly slicesOf: (serviceName: string) => readonly EndpointSlice[];
  /** Pods that wear the verified label, that the workload's selector chooses, and that are of no other. */
  readonly labelledPods: readonly Pod[];
  /** The uids of those of which nobody read yet whose they are: the sweep does. */
  readonly unsure: ReadonlySet<string>;
  /** NetworkPolicies that this card owns. */
  readonly ownPolicies: readonly NetworkPolicy[];
  /** NetworkPolicies of the namespace that no AgentCard owns, or another one. */
  readonly foreignPolicies: readonly KeptPolicy[];
  /** Whose pods besides the workload's own a selector may choose, in words. */
  readonly chosenBesides: (selector: LabelSelector) => readonly string[];
  /** The NetworkPolicy that has the name of this card's, whoever owns it. */
  readonly namesake: NetworkPolicy | undefined;
  /** Of ConfigMap agentcard-quarantine. */
  readonly quarantineList: QuarantineList;
  /** What that still says of the workload by cards that have gone from it. */
  readonly listedBefore: readonly Listing[];
  /** Quarantines of other workloads' cards whose policies may choose the pods of this one. */
  readonly neighbours: readonly NonNullable<AgentCardStatus['quarantine']>[];
  readonly namespaceLabels: Readonly<Record<string, string>>;
  readonly namespaceMesh: MeshMarks;
  readonly cluster: ClusterFacts;
  /** Another AgentCard with its workload, by its key; undefined where it is not there, or is going. */
  readonly agentNamed: (key: Key) => Agent | undefined;
  /** Whether it was shown that the network enforces NetworkPolicies. */
  readonly network: NetworkProof;
  /** Changes with the content of the workload's watched ConfigMap of a signed card. */
  readonly signedCardVersion: string | undefined;
}

/** A card, those beside it on its workload, and that. */
export type Agent = Pick<Snapshot, 'card' | 'siblings' | 'workload' | 'unborn' | 'winner'>;

/** The agent behind a card, found; or why it was not. */
export type Target = ResolvedTarget | Unresolved;

export interface ResolvedTarget extends Demanded {
  readonly resolved: true;
  readonly workload: Workload;
  readonly protocol: string;
  readonly transport: 'mtls' | 'http';
  readonly service: string;
  readonly endpoints: readonly Endpoint[];
  readonly mesh: Mesh | undefined;
}

export type Unresolved = Unfound | Unreachable;

/** What is demanded of an agent: by all cards of its workload together, by the flags where they are silent. */
export interface Demanded {
  /** SPIFFE IDs of which the agent must prove one; empty when no SPIFFE mechanism is on. */
  readonly expected: readonly string[];
  /** The same in words: with another card whose demand it is, and with what of the card's own is ignored. */
  readonly wanted: string;
  readonly strict: boolean;
  readonly approved: Approved | undefined;
  /** Every one of which must name whoever calls the agent; undefined where all verified agents may. */
  readonly callers: readonly (readonly CallerReference[])[] | undefined;
}

export interface Approved {
  /** Undefined where cards approve different ones: then nothing passes. */
  readonly cardId: string | undefined;
  readonly words: string;
}

interface Missing extends Demanded {
  readonly resolved: false;
  readonly message: string;
  /** Instead of the reason's own remedy. */
  readonly todo?: string;
}

/** There is no agent for this card. */
export interface Unfound extends Missing {
  readonly reason: 'WorkloadNotFound' | 'NotAgentWorkload' | 'NoProtocol' | 'Conflict';
  readonly absent: undefined;
}

/** Only the way to the agent is missing: then earlier evidence is held for a while. */
export interface Unreachable extends Missing {
  readonly reason: 'WorkloadNotReady' | 'ServiceNotFound' | 'AmbiguousService' | 'FetchFailed';
  readonly absent: Workload;
}

/** The uids of the pods behind the agent's Service. */
export function podsBehind(target: Target): ReadonlySet<string> {
  return new Set(target.resolved ? target.endpoints.map(({ podUid }) => podUid) : []);
}
