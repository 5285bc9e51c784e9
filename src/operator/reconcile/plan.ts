import { sameJson } from '@agentcard-operator/agentcard';
import { keyOf, type Pod } from '@agentcard-operator/kube/objects';
import { parseTrustDomain, type TrustDomain, trustDomainOf } from '@agentcard-operator/spiffe/x509';
import { periodBoundsMs } from '../api/agentcard.ts';
import { refreshAnnotation } from '../api/labels.ts';
import { durationMs } from '../api/time.ts';
import { type Ask, agenda } from '../inquiry/agenda.ts';
import { labelFits, withoutReplaced } from '../inquiry/restore.ts';
import type { ResolvedTarget } from '../judge/snapshot.ts';
import type { Judged, Verdict } from '../judge/verdict.ts';
import { leftovers, type PolicyPlan, planPolicy } from './plan-policy.ts';
import { type DesiredStatus, projectStatus } from './status.ts';

/** The verified label and the attested annotation of one pod. */
export interface Mark {
  readonly podName: string;
  readonly podUid: string;
  /** The containers that proved themselves; undefined takes label and annotation off. */
  readonly attested: string | undefined;
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

const wellKnownPaths = ['/.well-known/agent-card.json', '/.well-known/agent.json'] as const;
const { shortest, longest } = periodBoundsMs;
/** The default of the kind, for cards whose own period cannot be read. */
const defaultPeriodMs = 300_000;

/** Pure and total: the same sight gives the same plan, and every path gives a whole one. */
export function plan(judged: Judged, now: number): Plan {
  const { snapshot, target, verdict } = judged;
  const asking = target.resolved ? questions(judged, target, now) : { asks: [], next: undefined };
  const next = Math.min(asking.next ?? Infinity, verdict.until);
  const rest = { agenda: asking.asks, next: Number.isFinite(next) ? next : undefined };
  if (verdict.pending && verdict.quarantine === undefined) {
    const unfit = snapshot.labelledPods.filter((pod) => !labelFits(pod));
    return { status: undefined, marks: unfit.map(unmarked), policy: leftovers(judged), ...rest };
  }
  const policy = planPolicy(judged);
  const status = verdict.pending && isTold(judged) ? undefined : projectStatus(judged, policy, now);
  return { status, marks: marks(judged), policy, ...rest };
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

function questions({ snapshot }: Judged, target: ResolvedTarget, now: number) {
  const { card } = snapshot;
  const evidence = withoutReplaced(snapshot.evidence, snapshot.labelledPods);
  if (card.spec.suspend === true) return { asks: [], next: undefined };
  const cadence = {
    transport: target.transport,
    // What was stored by a version without this bound is taken as the nearest that is allowed.
    syncPeriodMs: Math.min(Math.max(durationMs(card.spec.syncPeriod) ?? defaultPeriodMs, shortest), longest),
    refresh: card.metadata.annotations?.[refreshAnnotation],
    seed: card.metadata.uid ?? card.metadata.name,
  };
  const { now: due, next } = agenda(target.endpoints, evidence, cadence, now);
  const { path } = card.spec.endpoint ?? {};
  const common = {
    card: keyOf(card),
    workload: target.workload,
    transport: target.transport,
    paths: path === undefined ? wellKnownPaths : [path],
    hostHeader: `${target.service}.${target.workload.namespace}.svc`,
    seen: card.status?.seen,
    cadence,
    trustDomains: trustDomainsOf(target),
  };
  return { asks: due.map((each): Ask => ({ ...common, ...each })), next };
}

/**
 * Covered pods wear the label while the card is Verified; every other labelled pod of the workload loses it. While a verdict
 * is held because nothing leads to the agent, those that wear it rightly keep it.
 */
function marks({ snapshot, target, verdict }: Judged): readonly Mark[] {
  if (!target.resolved && target.reason === 'Conflict') return [];
  const deserved: Verdict['covered'] = verdict.verified?.ok === true ? verdict.covered : new Map();
  const wearing = new Map(snapshot.labelledPods.map((pod) => [pod.metadata.uid ?? '', pod]));
  const isHeld = (pod: Pod) => !target.resolved && verdict.verified?.ok === true && labelFits(pod);
  const off = [...wearing].filter(([uid, pod]) => !deserved.has(uid) && !isHeld(pod)).map(([, pod]) => unmarked(pod));
  const on = verdict.pods.flatMap(({ endpoint }): Mark[] => {
    const covered = deserved.get(endpoint.podUid);
    const pod = wearing.get(endpoint.podUid);
    if (covered === undefined || (pod !== undefined && labelFits(pod))) return [];
    const { containersHash: attested, resourceVersion } = covered;
    return [{ podName: endpoint.podName, podUid: endpoint.podUid, attested, resourceVersion }];
  });
  return [...off, ...on];
}

function unmarked({ metadata }: { readonly metadata: { readonly name: string; readonly uid?: string } }): Mark {
  return { podName: metadata.name, podUid: metadata.uid ?? '', attested: undefined };
}
