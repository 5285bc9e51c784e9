import type { NetworkPolicy, Pod, Service } from '../../../../src/kube/objects.ts';
import { attestedAnnotation, verifiedLabel } from '../../../../src/operator/api/labels.ts';
import {
  type CardEvidence,
  noEvidence,
  type PodEvidence,
  type SignatureFinding,
  type Stranger,
} from '../../../../src/operator/inquiry/evidence.ts';
import { resolve } from '../../../../src/operator/judge/resolve.ts';
import type { ClusterFacts, Snapshot } from '../../../../src/operator/judge/snapshot.ts';
import { evaluate } from '../../../../src/operator/judge/verdict.ts';
import { ownerOf } from '../../../../src/operator/network/policy.ts';
import { type Plan, plan } from '../../../../src/operator/reconcile/plan.ts';
import type { StatusFields } from '../../../../src/operator/reconcile/status.ts';
import type { Settings } from '../../../../src/operator/settings/settings.ts';
import type { CachedCard } from '../../../../src/operator/watch/cached.ts';
import type { QuarantineEntry } from '../../../../src/operator/watch/quarantine-entries.ts';
import type { Workload } from '../../../../src/operator/workload/workload.ts';
import { trustDomainOf } from '../../../../src/spiffe/id.ts';
import * as build from './builders.ts';

/** What one pod has shown; minutes count back from the scenario's moment. */
export interface PodGiven {
  readonly answers?: {
    readonly id?: string;
    readonly cardId?: string;
    readonly source?: 'mtls' | 'http' | 'configmap';
    readonly signature?: Partial<SignatureFinding> & Pick<SignatureFinding, 'outcome'>;
    readonly minutesAgo?: number;
    readonly certificateMinutes?: number;
    readonly revision?: string;
  };
  readonly silent?: {
    readonly minutes: number;
    readonly reason?: 'FetchFailed' | 'CardInvalid';
    readonly peer?: string;
  };
  readonly refuses?: { readonly code: string; readonly claims?: string };
  readonly stranger?: string;
}

/** A small description of a snapshot; what is left out is an agent in good order that enforces. */
export interface Given {
  readonly after?: number;
  readonly settings?: Partial<Settings>;
  readonly namespace?: Readonly<Record<string, string>>;
  readonly card?: Partial<CachedCard>;
  readonly workload?: Partial<Workload> | null;
  readonly siblings?: readonly CachedCard[];
  readonly services?: readonly Service[];
  readonly pods?: Readonly<Record<string, PodGiven>>;
  /** Pods that wear the label: for the containers they run, or for others. */
  readonly labelled?: Readonly<Record<string, 'fits' | 'stale'>>;
  readonly policies?: {
    readonly own?: readonly PolicyGiven[];
    readonly foreign?: readonly PolicyGiven[];
    readonly namesake?: PolicyGiven & { readonly owner?: string };
  };
  readonly cluster?: Partial<ClusterFacts>;
  readonly quarantineList?: readonly QuarantineEntry[] | null;
  readonly fleetHeldMinutes?: number;
}

interface PolicyGiven {
  readonly name: string;
  readonly spec: NetworkPolicy['spec'];
}

export interface Told {
  readonly snapshot: Snapshot;
  readonly plan: Plan;
  readonly at: number;
}

/** `earlier` is another card's whole life before: its status, labels and policies are what this one starts from. */
export function tell(given: Given, earlier?: Told): Told {
  const at = build.now + (given.after ?? 0) * build.minute;
  const settings = { ...build.settings, ...given.settings };
  const base = snapshotOf(given, at);
  const snapshot = earlier === undefined ? base : continued(base, earlier, given);
  return { snapshot, at, plan: decide(snapshot, settings, at) };
}

export function decide(snapshot: Snapshot, settings: Settings, at: number): Plan {
  const target = resolve(snapshot, settings);
  const verdict = evaluate(snapshot, target, settings, at);
  return plan({ snapshot, target, verdict, settings }, at);
}

function continued(base: Snapshot, earlier: Told, given: Given): Snapshot {
  const settled = settle(earlier);
  const { status, publishedHash } = settled.card;
  return {
    ...base,
    card: {
      ...base.card,
      ...(status === undefined ? {} : { status }),
      ...(publishedHash === undefined ? {} : { publishedHash }),
    },
    labelledPods: given.labelled === undefined ? settled.labelledPods : base.labelledPods,
    ownPolicies: given.policies?.own === undefined ? settled.ownPolicies : base.ownPolicies,
  };
}

/** The same world after everything that was planned has succeeded. */
export function settle({ snapshot, plan: { status, marks, policy } }: Pick<Told, 'snapshot' | 'plan'>): Snapshot {
  const { publishedHash: hadHash, ...bare } = snapshot.card;
  const hash =
    status === undefined || status.card.kind === 'keep'
      ? hadHash
      : status.card.kind === 'set'
        ? status.card.card.sha256
        : undefined;
  const fields = status === undefined ? bare.status : (status.fields as StatusFields);
  const card = {
    ...bare,
    ...(fields === undefined ? {} : { status: fields }),
    ...(hash === undefined ? {} : { publishedHash: hash }),
  };
  const pods = new Map(snapshot.labelledPods.map((pod) => [pod.metadata.uid, pod]));
  for (const { podUid, podName, attested } of marks) {
    if (attested === undefined) pods.delete(podUid);
    else pods.set(podUid, build.pod(podName, { labelled: true, attested }));
  }
  const policies = new Map(snapshot.ownPolicies.map((one) => [one.metadata.name, one]));
  for (const operation of policy.operations) {
    const { name } = operation.policy.metadata;
    if (operation.kind === 'delete' || operation.kind === 'hand-over') policies.delete(name);
    else policies.set(name, withUid(operation.policy));
  }
  const namesake = policies.get(`${snapshot.workload?.name}-signature-policy`) ?? snapshot.namesake;
  return { ...snapshot, card, labelledPods: [...pods.values()], ownPolicies: [...policies.values()], namesake };
}

/** YAML has no undefined: null in a scenario leaves a member out. */
function withoutNull<T extends object>(members: T): T {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null)) as T;
}

function withUid(policy: NetworkPolicy): NetworkPolicy {
  return { ...policy, metadata: { ...policy.metadata, uid: `${policy.metadata.name}-uid` } };
}

function snapshotOf(given: Given, at: number): Snapshot {
  const base = build.card();
  const { pods = { 'weather-0': { answers: {} } }, policies = {} } = given;
  const { status, ...over } = given.card ?? {};
  const snapshot = build.snapshot({ pods: Object.keys(pods) });
  return {
    ...snapshot,
    card: {
      ...base,
      ...over,
      metadata: { ...base.metadata, ...over.metadata },
      spec: withoutNull({ ...base.spec, ...over.spec }),
      ...(status === undefined ? {} : { status }),
    },
    workload: given.workload === null ? undefined : { ...build.workload, ...given.workload },
    siblings: given.siblings ?? [],
    services: given.services ?? snapshot.services,
    labelledPods: Object.entries(given.labelled ?? {}).map(([name, how]) => labelled(name, how)),
    namespaceLabels: given.namespace ?? {},
    cluster: { ...snapshot.cluster, ...given.cluster },
    evidence: evidenceOf(pods, at),
    ownPolicies: (policies.own ?? []).map((one) => policyOf(one, 'card-uid')),
    foreignPolicies: (policies.foreign ?? []).map((one) => policyOf(one, undefined)),
    namesake: policies.namesake && policyOf(policies.namesake, policies.namesake.owner),
    quarantineList: given.quarantineList === null ? undefined : (given.quarantineList ?? []),
    fleetHeldUntil: given.fleetHeldMinutes === undefined ? undefined : at + given.fleetHeldMinutes * build.minute,
  };
}

function labelled(name: string, how: 'fits' | 'stale'): Pod {
  const pod = build.pod(name, { labelled: true });
  if (how === 'fits') return pod;
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      annotations: { [attestedAnnotation]: '0'.repeat(16) },
      labels: { ...pod.metadata.labels, [verifiedLabel]: 'true' },
    },
  };
}

function policyOf({ name, spec }: PolicyGiven, ownerUid: string | undefined): NetworkPolicy {
  const owner =
    ownerUid === undefined
      ? {}
      : { ownerReferences: [ownerOf({ name: ownerUid === 'card-uid' ? 'weather' : ownerUid, uid: ownerUid })] };
  return { metadata: { name, namespace: 'team', uid: `${name}-uid`, ...owner }, spec };
}

function evidenceOf(pods: Readonly<Record<string, PodGiven>>, at: number): CardEvidence {
  const seen: [string, PodEvidence][] = [];
  const strangers: [string, Stranger][] = [];
  for (const [index, [name, given]] of Object.entries(pods).entries()) {
    const endpointVersion = `198.19.0.${index + 1} 8443 true`;
    if (given.stranger !== undefined)
      strangers.push([`${name}-uid`, { at, podName: name, owner: given.stranger, endpointVersion, attempts: 1 }]);
    const evidence = podEvidence(name, given, at);
    if (evidence !== undefined) seen.push([`${name}-uid`, evidence]);
  }
  return { ...noEvidence, pods: new Map(seen), strangers: new Map(strangers), complete: true };
}

function podEvidence(name: string, given: PodGiven, at: number): PodEvidence | undefined {
  const { answers, silent, refuses } = given;
  if (refuses !== undefined) return build.refused(name, refuses.code, refuses.claims)[1];
  const since = at - (silent?.minutes ?? 0) * build.minute;
  const silence = silent && {
    since,
    last: at,
    attempts: 1,
    reason: silent.reason ?? ('FetchFailed' as const),
    message: silent.reason === 'CardInvalid' ? 'the card is no JSON' : 'the connection was refused',
    peer:
      silent.peer === undefined
        ? undefined
        : { uri: silent.peer, trustDomain: trustDomainOf(silent.peer), notBefore: 0, notAfter: at + 1, chain: [] },
  };
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
  });
  if (evidence.answer?.kind !== 'card') return undefined;
  const card = { ...evidence.answer.card, source, signature: signature && finding(signature) };
  return { ...evidence, answer: { ...evidence.answer, card }, silence };
}

function finding(over: Partial<SignatureFinding> & Pick<SignatureFinding, 'outcome'>): SignatureFinding {
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
