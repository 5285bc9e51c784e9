import type { EndpointSlice, NetworkPolicy, Pod, Service } from '../../../../src/kube/objects.ts';
import type { Blocked } from '../../../../src/operator/api/conditions.ts';
import { attestedAnnotation } from '../../../../src/operator/api/labels.ts';
import {
  type CardEvidence,
  noEvidence,
  type PodEvidence,
  type SignatureFinding,
  type Silence,
  type Stranger,
  type Unread,
} from '../../../../src/operator/inquiry/evidence.ts';
import type { Agent, ClusterFacts, Snapshot } from '../../../../src/operator/judge/snapshot.ts';
import { ownerOf } from '../../../../src/operator/network/policy.ts';
import type { NetworkProof } from '../../../../src/operator/network/proof.ts';
import type { Settings } from '../../../../src/operator/settings/settings.ts';
import type { CachedCard } from '../../../../src/operator/watch/cached.ts';
import type { QuarantineEntry } from '../../../../src/operator/watch/quarantine-entries.ts';
import { meshMarks } from '../../../../src/operator/workload/mesh.ts';
import type { Workload } from '../../../../src/operator/workload/workload.ts';
import { trustDomainOf } from '../../../../src/spiffe/id.ts';
import * as build from './builders.ts';

type SignatureGiven = Partial<SignatureFinding> & Pick<SignatureFinding, 'outcome'>;

/** What one pod has shown; minutes count back from the moment that is told. */
export interface PodGiven {
  readonly answers?: {
    readonly id?: string;
    readonly cardId?: string;
    readonly source?: 'mtls' | 'http' | 'configmap';
    readonly signature?: SignatureGiven | undefined;
    readonly minutesAgo?: number;
    readonly certificateMinutes?: number;
    readonly revision?: string;
    readonly revisionNumber?: number;
    /** The pod's service account. */
    readonly account?: string;
  };
  readonly silent?: {
    readonly minutes: number;
    readonly reason?: 'FetchFailed' | 'CardInvalid';
    readonly peer?: string;
    /** Why it was the operator that could not ask. */
    readonly blocked?: Blocked;
  };
  readonly refuses?: { readonly code: string; readonly claims?: string };
  readonly stranger?: string;
  /** For how many minutes there has been no such pod where its EndpointSlice says. */
  readonly nowhere?: number;
}

/** A small description of a snapshot; what is left out is an agent in good order that enforces. */
export interface Given {
  /** Minutes since the builders' moment. */
  readonly after?: number;
  readonly settings?: Partial<Settings>;
  readonly namespace?: Readonly<Record<string, string>>;
  readonly card?: CardGiven;
  readonly workload?: Partial<Workload> | null;
  readonly unreadKind?: string;
  readonly unborn?: boolean;
  /** Other agents, by the keys of their cards; null where a card has no workload. */
  readonly agents?: Readonly<Record<string, (Partial<Workload> & { readonly spec?: CachedCard['spec'] }) | null>>;
  readonly siblings?: readonly CachedCard[];
  readonly services?: readonly Service[];
  /** Instead of one slice with a ready endpoint for each pod. */
  readonly slices?: readonly EndpointSlice[];
  readonly pods?: Readonly<Record<string, PodGiven>>;
  /** False: the operator has just started, and has not asked each pod once. */
  readonly complete?: boolean;
  /** Pods that were asked for at the API server in vain. */
  readonly unread?: readonly string[];
  readonly labelled?: Readonly<Record<string, Label>>;
  readonly policies?: {
    readonly own?: readonly PolicyGiven[];
    readonly foreign?: readonly PolicyGiven[];
    readonly namesake?: PolicyGiven & { readonly owner?: string };
  };
  readonly cluster?: Partial<ClusterFacts>;
  readonly network?: NetworkProof;
  readonly quarantineList?: readonly QuarantineEntry[] | null;
  readonly fleetHeldMinutes?: number;
  /** Since when questions are put. */
  readonly openSeconds?: number;
}

type CardGiven = Omit<Partial<CachedCard>, 'metadata' | 'spec'> & {
  readonly metadata?: Partial<CachedCard['metadata']>;
  readonly spec?: Partial<CachedCard['spec']>;
};

/** Worn for the containers that run; for others; or for those of the evidence, of which one was replaced since. */
export type Label = 'fits' | 'stale' | 'replaced';

interface PolicyGiven {
  readonly name: string;
  readonly spec: NetworkPolicy['spec'];
}

/** YAML has no undefined: null leaves a member out. */
function withoutNull<T extends object>(members: T): T {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null)) as T;
}

export function snapshotOf(given: Given, at: number): Snapshot {
  const base = build.card();
  const { pods = { 'weather-0': { answers: {} } }, policies = {}, slices } = given;
  const { status, ...over } = given.card ?? {};
  const card = {
    ...base,
    ...over,
    metadata: { ...base.metadata, ...over.metadata },
    spec: withoutNull({ ...base.spec, ...over.spec }),
    ...(status === undefined ? {} : { status }),
  };
  const { siblings = [] } = given;
  const snapshot = build.snapshot({ pods: Object.keys(pods), card, siblings });
  return {
    ...snapshot,
    workload: given.workload === null ? undefined : { ...build.workload, ...given.workload },
    unreadKind: given.unreadKind,
    unborn: given.unborn ?? false,
    agentNamed: (key) => agentOf(key, given.agents ?? {}),
    services: given.services ?? snapshot.services,
    slicesOf: slices === undefined ? snapshot.slicesOf : () => slices,
    labelledPods: Object.entries(given.labelled ?? {}).map(([name, how]) => labelled(name, how)),
    namespaceLabels: given.namespace ?? {},
    namespaceMesh: meshMarks({ labels: given.namespace ?? {} }),
    cluster: { ...snapshot.cluster, ...given.cluster },
    network: given.network ?? snapshot.network,
    evidence: evidenceOf(given, pods, at),
    ownPolicies: (policies.own ?? []).map((one) => policyOf(one, 'card-uid')),
    foreignPolicies: (policies.foreign ?? []).map((one) => policyOf(one, undefined)),
    namesake: policies.namesake && policyOf(policies.namesake, policies.namesake.owner),
    quarantineList: { entries: given.quarantineList ?? [], isPartial: given.quarantineList === null },
    fleetHeldUntil: given.fleetHeldMinutes === undefined ? undefined : at + given.fleetHeldMinutes * build.minute,
    openedAt: given.openSeconds === undefined ? undefined : at - given.openSeconds * 1000,
  };
}

function agentOf(key: string, agents: NonNullable<Given['agents']>): Agent | undefined {
  const given = agents[key];
  if (given === undefined) return undefined;
  const [namespace = '', name = ''] = key.split('/');
  const { spec, ...workload } = given ?? {};
  const card = build.card({
    metadata: { name, namespace, uid: `${key}-uid` },
    ...(spec === undefined ? {} : { spec }),
  });
  const found = { ...build.workload, namespace, name, serviceAccount: name, ...workload };
  return { card, siblings: [], winner: undefined, workload: given === null ? undefined : found };
}

function labelled(name: string, how: Label): Pod {
  const pod = build.pod(name, { labelled: true });
  const attested = pod.metadata.annotations?.[attestedAnnotation] ?? '';
  if (how === 'replaced') return build.pod(name, { labelled: true, attested, container: 'c2' });
  return how === 'fits' ? pod : build.pod(name, { labelled: true, attested: '0'.repeat(16) });
}

function policyOf({ name, spec }: PolicyGiven, ownerUid: string | undefined): NetworkPolicy {
  const owner =
    ownerUid === undefined
      ? {}
      : { ownerReferences: [ownerOf({ name: ownerUid === 'card-uid' ? 'weather' : ownerUid, uid: ownerUid })] };
  return { metadata: { name, namespace: 'team', uid: `${name}-uid`, ...owner }, spec };
}

function evidenceOf(
  { complete = true, unread = [] }: Given,
  pods: NonNullable<Given['pods']>,
  at: number,
): CardEvidence {
  const seen: [string, PodEvidence][] = [];
  const strangers: [string, Stranger][] = [];
  for (const [index, [name, given]] of Object.entries(pods).entries()) {
    const endpointVersion = `198.19.0.${index + 1} 8443 true`;
    if (given.stranger !== undefined)
      strangers.push([
        uidOf(name),
        { at, podName: name, chosen: false, owner: given.stranger, endpointVersion, attempts: 1 },
      ]);
    const evidence = podEvidence(name, given, at);
    if (evidence !== undefined) seen.push([uidOf(name), evidence]);
  }
  const vain = { at, since: undefined, endpointVersion: 'v', attempts: 1 };
  const inVain = unread.map((name) => [uidOf(name), vain] as const);
  const nowhere = Object.entries(pods).flatMap(([name, { nowhere: minutes }]) =>
    minutes === undefined ? [] : [[uidOf(name), { ...vain, since: at - minutes * build.minute }] as const],
  );
  const known = {
    pods: new Map(seen),
    strangers: new Map(strangers),
    unread: new Map<string, Unread>([...inVain, ...nowhere]),
  };
  return { ...noEvidence, ...known, complete };
}

const uidOf = (podName: string) => `${podName}-uid`;

function silenceOf(
  { minutes, reason = 'FetchFailed', peer, blocked }: NonNullable<PodGiven['silent']>,
  at: number,
): Silence {
  const failed = blocked === undefined ? 'the connection was refused' : 'the operator cannot';
  return {
    since: at - minutes * build.minute,
    last: at,
    attempts: 1,
    reason,
    message: reason === 'CardInvalid' ? 'the card is no JSON' : failed,
    ...(blocked === undefined ? {} : { blocked }),
    peer:
      peer === undefined
        ? undefined
        : { uri: peer, trustDomain: trustDomainOf(peer), notBefore: 0, notAfter: at + 1, chain: [] },
  };
}

function podEvidence(name: string, given: PodGiven, at: number): PodEvidence | undefined {
  const { answers, silent, refuses } = given;
  if (refuses !== undefined) return build.refused(name, refuses.code, refuses.claims)[1];
  const silence = silent && silenceOf(silent, at);
  if (answers === undefined) return silence && { ...build.silent(name)[1], silence };
  const { source = 'mtls', signature, minutesAgo = 1, certificateMinutes = 30 } = answers;
  const transport = source === 'mtls' ? ('mtls' as const) : ('http' as const);
  const [, evidence] = build.answered(name, {
    at: at - minutesAgo * build.minute,
    transport,
    notAfter: build.now + certificateMinutes * build.minute,
    ...(answers.id === undefined ? {} : { id: answers.id }),
    ...(answers.cardId === undefined ? {} : { cardId: answers.cardId.repeat(64).slice(0, 64) }),
    ...(answers.revision === undefined ? {} : { revision: answers.revision }),
    ...(answers.revisionNumber === undefined ? {} : { revisionNumber: answers.revisionNumber }),
  });
  if (evidence.answer?.kind !== 'card') return undefined;
  const card = { ...evidence.answer.card, source, signature: signature && finding(signature) };
  const facts = { ...evidence.facts, ...(answers.account === undefined ? {} : { serviceAccount: answers.account }) };
  return { ...evidence, facts, answer: { ...evidence.answer, card }, silence };
}

function finding(over: SignatureGiven): SignatureFinding {
  const proven = over.outcome === 'valid';
  return {
    message: proven ? 'one signature is good' : `the signature is ${over.outcome}`,
    signer: proven ? build.expectedId : undefined,
    keyId: proven ? 'key-1' : undefined,
    form: proven ? 'raw-jcs' : undefined,
    notAfter: proven ? build.now + 60 * build.minute : undefined,
    seen: proven ? { payloadSha256: 'p', protectedSha256: 'h', issuerSha256: 'i' } : undefined,
    unread: false,
    signed: undefined,
    ...over,
  };
}
