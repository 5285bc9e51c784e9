import { sameJson } from '@agentcard-operator/agentcard';
import { keyOf, type Pod } from '@agentcard-operator/kube/objects';
import { parseTrustDomain, type TrustDomain, trustDomainOf } from '@agentcard-operator/spiffe/x509';
import { periodBoundsMs } from '../api/agentcard.ts';
import { refreshAnnotation } from '../api/labels.ts';
import { type Proven, wearsAll } from '../api/marks.ts';
import { durationMs } from '../api/time.ts';
import { type Ask, agenda } from '../inquiry/agenda.ts';
import { withoutLost } from '../inquiry/evidence.ts';
import { labelFits, withoutReplaced } from '../inquiry/restore.ts';
import type { ResolvedTarget } from '../judge/snapshot.ts';
import type { Judged, Verdict } from '../judge/verdict.ts';
import { choosePaths } from '../workload/service.ts';
import { isLoser, leftovers, planPolicy } from './plan-policy.ts';
import type { PolicyPlan } from './policy-difference.ts';
import { type DesiredStatus, projectStatus } from './status.ts';

/** What one pod wears. */
export interface Mark {
  readonly podName: string;
  readonly podUid: string;
  /** Undefined takes everything off. */
  readonly proven: Proven | undefined;
  /** The pod as it was read before it proved itself; '' when unknown. */
  readonly resourceVersion?: string;
}

/** Everything that one reconcile wants of the world, as data. */
export interface Plan {
  /** Undefined while nothing has been learned: the stored status stands. */
  readonly status: DesiredStatus | undefined;
  readonly marks: readonly Mark[];
  readonly policy: PolicyPlan;
  readonly agenda: readonly Ask[];
  /** When to look again although nothing happened, in milliseconds since the epoch. */
  readonly next: number | undefined;
}

/** Of many cards on one workload not each is woken when another takes its place: it sees by itself who that is. */
const loserPeriodMs = 300_000;
const { shortest, longest } = periodBoundsMs;
/** The default of the kind, for cards whose own period cannot be read. */
const defaultPeriodMs = 300_000;

/** Pure and total: the same sight gives the same plan, and every path gives a whole one. */
export function plan(judged: Judged, now: number): Plan {
  const { snapshot, target, verdict } = judged;
  const later = isLoser(judged) ? now + loserPeriodMs : undefined;
  const asking = target.resolved ? questions(judged, target, now) : { asks: [], next: later };
  const next = Math.min(asking.next ?? Infinity, verdict.until);
  const rest = { agenda: asking.asks, next: Number.isFinite(next) ? next : undefined };
  if (verdict.pending && verdict.quarantine === undefined) {
    const unfit = snapshot.labelledPods.filter((pod) => !mayWait(pod, judged));
    return { status: undefined, marks: unfit.map(unmarked), policy: leftovers(judged), ...rest };
  }
  const policy = planPolicy(judged);
  const status = verdict.pending && isTold(judged) ? undefined : projectStatus(judged, policy, now);
  return { status, marks: marksOf(judged), policy, ...rest };
}

/** The stored status tells of this quarantine already; the rest of it waits for the first answer, as ever. */
function isTold({ snapshot, verdict }: Judged): boolean {
  return sameJson(snapshot.card.status?.quarantine, verdict.quarantine);
}

/** Of the expected IDs. */
function trustDomainsOf({ expected }: ResolvedTarget): readonly TrustDomain[] {
  const parsed = [...new Set(expected.map(trustDomainOf))].map(parseTrustDomain);
  return parsed.flatMap((trustDomain) => (trustDomain.ok ? [trustDomain.value] : []));
}

function questions({ snapshot, settings }: Judged, target: ResolvedTarget, now: number) {
  const { card } = snapshot;
  const evidence = withoutLost(withoutReplaced(snapshot.evidence, snapshot.labelledPods), card.publishedHash);
  if (card.spec.suspend === true) return { asks: [], next: undefined };
  const cadence = {
    transport: target.transport,
    // What was stored by a version without this bound is taken as the nearest that is allowed.
    syncPeriodMs: Math.min(Math.max(durationMs(card.spec.syncPeriod) ?? defaultPeriodMs, shortest), longest),
    refresh: card.metadata.annotations?.[refreshAnnotation],
    seed: card.metadata.uid ?? card.metadata.name,
  };
  const { now: due, next } = agenda(target.endpoints, evidence, cadence, now);
  const common = {
    card: keyOf(card),
    workload: target.workload,
    transport: target.transport,
    paths: choosePaths(card.spec, settings.cardPaths) ?? [],
    hostHeader: `${target.service}.${target.workload.namespace}.svc`,
    seen: card.status?.seen,
    cadence,
    trustDomains: trustDomainsOf(target),
    expected: target.expected,
  };
  return { asks: due.map((each): Ask => ({ ...common, ...each })), next };
}

/**
 * Before a first answer a pod keeps what it wears for the containers that it runs: where the status names it, or where it is
 * about to be asked.
 */
function mayWait(pod: Pod, { snapshot: { card, evidence, unsure }, verdict }: Judged): boolean {
  const uid = pod.metadata.uid ?? '';
  const isKnown = evidence.pods.has(uid) || evidence.strangers.has(uid) || evidence.unread.has(uid);
  const isAsked =
    !isKnown && card.spec.suspend !== true && verdict.pods.some(({ endpoint }) => endpoint.podUid === uid);
  return labelFits(pod) && (isAsked || unsure.has(uid) || verdict.covered.has(uid) || verdict.named.has(uid));
}

/** Covered pods wear the marks, all of them, while the card is Verified; every other labelled pod of the workload loses them. */
function marksOf(judged: Judged): readonly Mark[] {
  if (isLoser(judged)) return [];
  const { snapshot, verdict } = judged;
  const deserved: Verdict['covered'] = verdict.verified?.ok === true ? verdict.covered : new Map();
  const wearing = new Map(snapshot.labelledPods.map((pod) => [pod.metadata.uid ?? '', pod]));
  const isOurs = (uid: string, pod: Pod) => {
    return !snapshot.unsure.has(uid) || !labelFits(pod) || verdict.quarantine !== undefined;
  };
  const off = [...wearing]
    .filter(([uid, pod]) => !deserved.has(uid) && isOurs(uid, pod))
    .map(([, pod]) => unmarked(pod));
  const on = verdict.pods.flatMap(({ endpoint }): Mark[] => {
    const { podName, podUid } = endpoint;
    const proven = deserved.get(podUid);
    const pod = wearing.get(podUid);
    if (proven === undefined || (pod !== undefined && wearsAll(pod.metadata, proven))) return [];
    return [{ podName, podUid, proven, resourceVersion: proven.resourceVersion ?? '' }];
  });
  return [...off, ...on];
}

function unmarked({ metadata }: { readonly metadata: { readonly name: string; readonly uid?: string } }): Mark {
  return { podName: metadata.name, podUid: metadata.uid ?? '', proven: undefined };
}
