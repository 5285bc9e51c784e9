import type { NetworkPolicy } from '../../../../src/kube/objects.ts';
import { resolve } from '../../../../src/operator/judge/resolve.ts';
import type { Snapshot, Target } from '../../../../src/operator/judge/snapshot.ts';
import { evaluate, type Verdict } from '../../../../src/operator/judge/verdict.ts';
import { mergePatch } from '../../../../src/operator/reconcile/patch.ts';
import { type Plan, plan } from '../../../../src/operator/reconcile/plan.ts';
import type { StatusFields } from '../../../../src/operator/reconcile/status.ts';
import type { Settings } from '../../../../src/operator/settings/settings.ts';
import * as build from './builders.ts';
import { type Given, snapshotOf } from './given.ts';

/** One run of the pure steps: what was seen, what was decided, and how it reads. */
export interface Told {
  readonly snapshot: Snapshot;
  readonly settings: Settings;
  readonly at: number;
  readonly target: Target;
  readonly verdict: Verdict;
  readonly plan: Plan;
  /** The status that would be; undefined while the stored one stands. */
  readonly fields: StatusFields | undefined;
  readonly condition: (type: string) => NonNullable<StatusFields['conditions']>[number] | undefined;
  /** A condition in short: 'False FetchFailed'. */
  readonly says: (type: string) => string | undefined;
  readonly check: (name: string) => NonNullable<StatusFields['checks']>[number] | undefined;
  /** Labels to put on and take off, in short: 'on weather-0'. */
  readonly marks: readonly string[];
  /** Whom to ask now, in short: 'weather-0 mtls'. */
  readonly asks: readonly string[];
}

/** `earlier` is a moment of the same card's life before: its status, labels and policies are what this one starts from. */
export function tell(given: Given = {}, earlier?: Told): Told {
  const at = build.now + (given.after ?? 0) * build.minute;
  const base = snapshotOf(given, at);
  const snapshot = earlier === undefined ? base : continued(base, earlier, given);
  return decide(snapshot, { ...build.settings, ...given.settings }, at);
}

/** The pure steps on any snapshot. */
export function decide(snapshot: Snapshot, settings: Settings, at: number): Told {
  const target = resolve(snapshot, settings);
  const verdict = evaluate(snapshot, target, settings, at);
  const planned = plan({ snapshot, target, verdict, settings }, at);
  const { fields } = planned.status ?? {};
  const condition = (type: string) => fields?.conditions?.find((candidate) => candidate.type === type);
  const says = (type: string) => {
    const found = condition(type);
    return found && `${found.status} ${found.reason}`;
  };
  const check = (name: string) => fields?.checks?.find((candidate) => candidate.name === name);
  const marks = planned.marks.map(({ podName, proven }) => `${proven === undefined ? 'off' : 'on'} ${podName}`);
  const asks = planned.agenda.map(({ endpoint, transport }) => `${endpoint.podName} ${transport}`);
  return { snapshot, settings, at, target, verdict, plan: planned, fields, condition, says, check, marks, asks };
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
    status === undefined || status.card.kind === 'kept'
      ? hadHash
      : status.card.kind === 'received'
        ? status.card.card.published.sha256
        : undefined;
  const fields = status === undefined ? bare.status : (status.fields as StatusFields);
  const card = {
    ...bare,
    ...(fields === undefined ? {} : { status: fields }),
    ...(hash === undefined ? {} : { publishedHash: hash }),
  };
  const pods = new Map(snapshot.labelledPods.map((pod) => [pod.metadata.uid, pod]));
  for (const { podUid, podName, proven } of marks) {
    if (proven === undefined) pods.delete(podUid);
    else pods.set(podUid, build.pod(podName, { labelled: true, ...proven }));
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

function withUid(policy: NetworkPolicy): NetworkPolicy {
  return { ...policy, metadata: { ...policy.metadata, uid: `${policy.metadata.name}-uid` } };
}

/** The members of the status that a run would write: none when the stored one says the same, but for certificate times. */
export function writes({ fields, snapshot }: Told): readonly string[] {
  if (fields === undefined) return [];
  const stored = (snapshot.card.status ?? {}) as object as Record<string, unknown>;
  const patch = mergePatch(stored, fields as Record<string, unknown>);
  return Object.keys(patch ?? {}).filter((key) => key !== 'identityExpiresAt');
}
