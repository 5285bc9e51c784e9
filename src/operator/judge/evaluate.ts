import { trustDomainOf } from '@agentcard-operator/spiffe/x509';
import { withoutReplaced, withRestored } from '../inquiry/restore.ts';
import type { Settings } from '../settings/settings.ts';
import { checksOf } from './checks.ts';
import { renderSpiffeId } from './expected.ts';
import { cardHold, type Hold, noHold } from './hold.ts';
import { boundOutcome, syncedOutcome, verifiedOutcome } from './outcomes.ts';
import { publishedCard, signatureOutcome } from './published.ts';
import { quarantineOf } from './quarantine.ts';
import type { ResolvedTarget, Snapshot, Target } from './snapshot.ts';
import {
  guilts,
  isTrusted,
  type PodStanding,
  provenId,
  type StandingRules,
  standingEnds,
  standingOf,
  type Trusted,
} from './standing.ts';
import type { Verdict } from './verdict.ts';

/** What the outcomes and checks are computed from. */
export interface Findings {
  readonly snapshot: Snapshot;
  readonly target: Target;
  readonly settings: Settings;
  readonly pods: readonly PodStanding[];
  /** The card's own hold, for when no pod carries evidence of its own. */
  readonly hold: Hold;
  /** Why the agent is cut off, whatever it proves; undefined when it is not. */
  readonly quarantine: string | undefined;
}

/** Every check with its result, not only the first failure; pure. */
export function evaluate(snapshot: Snapshot, target: Target, settings: Settings, now: number): Verdict {
  const fleetHeldUntil = snapshot.fleetHeldUntil ?? 0;
  const rules = rulesOf(snapshot, target, settings);
  const pods = target.resolved ? inOrder(standings(snapshot, target, rules, now)) : [];
  const hold = cardHold(snapshot, target, pods, { evidenceTtlMs: settings.evidenceTtlMs, fleetHeldUntil, now });
  const seen = { snapshot, target, settings, pods, hold };
  const quarantine = quarantineOf(seen);
  const verified = verifiedOutcome({ ...seen, quarantine });
  // Nothing else rests on a hold on which the verdict does not.
  const findings: Findings = { ...seen, quarantine, hold: verified?.reason === 'EvidenceHeld' ? hold : noHold };
  const trusted = pods.filter(({ standing }) => isTrusted(standing));
  const ends = pods.map(standingEnds).filter((end) => end > now);
  return {
    pending: target.resolved && isPending(snapshot, pods),
    quarantine,
    pods,
    synced: syncedOutcome(findings),
    signature: signatureOutcome(findings),
    bound: boundOutcome(findings),
    verified,
    checks: checksOf(findings),
    card: publishedCard(findings),
    attested: attestedId(findings),
    heldSince:
      verified?.reason === 'EvidenceHeld'
        ? heldSince(trusted.map(({ standing }) => standing).filter(isTrusted), hold)
        : undefined,
    identityExpiresAt: latestEnd(trusted),
    covered: new Map(
      trusted.flatMap(({ endpoint, evidence }) => (evidence ? [[endpoint.podUid, evidence.facts]] : [])),
    ),
    until: Math.min(findings.hold.until ?? Infinity, ...ends),
  };
}

/**
 * What stands, stands until something was learned. After a restart that takes a whole round: the first pod that
 * answers may be the honest one of three, and its silent siblings keep what they had. Guilt waits for no round.
 */
function isPending({ card, evidence }: Snapshot, pods: readonly PodStanding[]): boolean {
  const unasked = pods.filter(({ standing }) => standing.kind === 'unasked');
  const wasTrusted = card.status?.conditions?.some(({ type, status }) => type === 'Verified' && status === 'True');
  if (unasked.length === pods.length) return card.spec.suspend !== true || wasTrusted === true;
  if (evidence.complete || card.status?.conditions === undefined) return false;
  const guilty = pods.some(({ standing }) => standing.kind === 'negative');
  if (guilty && wasTrusted) return false;
  return unasked.some(({ endpoint }) => !evidence.unread.has(endpoint.podUid));
}

function rulesOf({ card, fleetHeldUntil = 0 }: Snapshot, target: Target, settings: Settings): StandingRules {
  const { evidenceTtlMs, require, spiffeIdTemplate } = settings;
  return {
    expected: target.expected,
    strict: target.resolved && target.strict,
    evidenceTtlMs,
    fleetHeldUntil,
    require,
    approvedCardId: card.spec.approvedCardId,
    storedCardId: card.status?.cardId,
    speaksFor: (signer, { serviceAccount }) => {
      const namespace = target.resolved ? target.workload.namespace : '';
      const trustDomain = trustDomainOf(signer);
      const own = renderSpiffeId(spiffeIdTemplate, { trustDomain, namespace, serviceAccount });
      return own.ok && own.value === signer;
    },
  };
}

function standings(snapshot: Snapshot, target: ResolvedTarget, rules: StandingRules, now: number): PodStanding[] {
  const { labelledPods, card } = snapshot;
  const learned = withoutReplaced(snapshot.evidence, labelledPods);
  const { strangers, pods } = withRestored(learned, labelledPods, card);
  return target.endpoints.map((endpoint): PodStanding => {
    const stranger = strangers.get(endpoint.podUid);
    if (stranger !== undefined) {
      return { endpoint, evidence: undefined, standing: { kind: 'stranger', owner: stranger.owner } };
    }
    const evidence = pods.get(endpoint.podUid);
    if (evidence?.transport !== target.transport)
      return { endpoint, evidence: undefined, standing: { kind: 'unasked' } };
    const standing = standingOf(evidence, rules, now);
    // Restored evidence of which nothing was learned since stands, but counts as not asked while it can be.
    const untouched = evidence.answer?.kind === 'restored' && evidence.silence === undefined;
    const waits = untouched && card.spec.suspend !== true;
    return { endpoint, evidence, standing: waits ? { kind: 'unasked' } : standing };
  });
}

/**
 * Neither names nor order of pods decide anything: which of several speaks first follows from what they showed, the gravest
 * guilt before all; names part only those that showed the same. Times play no part, so that nothing changes with them.
 */
function inOrder(pods: readonly PodStanding[]): readonly PodStanding[] {
  if (pods.length < 2) return pods;
  const keyed = pods.map((pod) => ({ pod, key: shown(pod) }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ pod }) => pod);
}

function shown({ standing, evidence }: PodStanding): string {
  const gravity = standing.kind === 'negative' ? guilts.indexOf(standing.reason) : guilts.length;
  const words = standing.kind === 'negative' ? standing.message : standing.kind === 'stranger' ? standing.owner : '';
  const { answer, silence, facts } = evidence ?? {};
  const card = answer?.kind === 'card' ? answer.card : undefined;
  const { outcome, signer, keyId, message } = card?.signature ?? {};
  const peer = answer?.kind === 'refusal' ? undefined : answer?.peer?.uri;
  const said = [words, peer, silence?.reason, silence?.message, silence?.peer?.uri];
  return JSON.stringify([gravity, said, facts?.revision, card?.cardId, card?.source, outcome, signer, keyId, message]);
}

/** What was proven over mutual TLS; an impostor's own identity before all. */
function attestedId({ target, pods, hold }: Findings): string | undefined {
  const ids = pods.flatMap((pod) => provenId(pod) ?? []);
  return ids.find((id) => !target.expected.includes(id)) ?? ids[0] ?? hold.attested;
}

/** The verdict has been held since the last pod with evidence fell silent. */
function heldSince(trusted: readonly Trusted[], hold: Hold): number | undefined {
  const since = trusted.flatMap((standing) => (standing.kind === 'held' ? [standing.since] : []));
  return since.length > 0 ? Math.max(...since) : hold.since;
}

function latestEnd(pods: readonly PodStanding[]): number | undefined {
  const ends = pods.flatMap(({ standing, evidence }) => {
    const { answer } = evidence ?? {};
    if (!isTrusted(standing) || answer === undefined || answer.kind === 'refusal') return [];
    return answer.peer === undefined ? [] : [answer.peer.notAfter];
  });
  const finite = ends.filter(Number.isFinite);
  return finite.length === 0 ? undefined : Math.max(...finite);
}
