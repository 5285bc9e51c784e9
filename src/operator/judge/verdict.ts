import { trustDomainOf } from '@agentcard-operator/spiffe/x509';
import type { Check } from '../api/agentcard.ts';
import type { Proven } from '../api/marks.ts';
import { type CardEvidence, longestEvidenceMs } from '../inquiry/evidence.ts';
import { cardHold, type Hold, type HoldLimits, noHold } from '../inquiry/hold.ts';
import { earliest, latest } from '../inquiry/moments.ts';
import { namedIn, withoutReplaced, withRestored } from '../inquiry/restore.ts';
import type { Settings } from '../settings/settings.ts';
import { renderSpiffeId } from '../settings/spiffe-id-template.ts';
import type { PodFacts } from '../workload/pod.ts';
import { answersOf, checksOf } from './answers.ts';
import { type Callers, callersOf } from './callers.ts';
import { type Heard, outcomesOf, verifiedOutcome } from './conditions.ts';
import { type PublishedCard, publishedCard, speakerOf } from './published.ts';
import { type Quarantine, quarantineOf } from './quarantine.ts';
import type { Demands } from './question.ts';
import { type Patience, sightsOf, suspendedSince } from './sight.ts';
import type { Snapshot, Target } from './snapshot.ts';
import { isTrusted, type JudgedPod, judgePod, pendingUntil, servedBy } from './standing.ts';

/** Everything that one look at the evidence decides. */
export interface Verdict extends ReturnType<typeof outcomesOf> {
  /** Nothing has been learned since the operator started: what stands, stands. */
  readonly pending: boolean;
  /** Why the agent is cut off, whatever it proves; undefined when it is not. */
  readonly quarantine: Quarantine | undefined;
  /** Who may call the agent; undefined where every verified agent may. */
  readonly callers: Callers | undefined;
  readonly pods: readonly JudgedPod[];
  readonly checks: readonly Check[];
  readonly card: PublishedCard;
  readonly attested: string | undefined;
  /** Since when the verdict rests on earlier evidence alone. */
  readonly heldSince: number | undefined;
  readonly identityExpiresAt: number | undefined;
  /** The pods that the evidence covers, by uid; they wear the label while the card is Verified. */
  readonly covered: ReadonlyMap<string, Covered>;
  /** Those that the stored status names. */
  readonly named: ReadonlyMap<string, Proven>;
  /** When time alone would change the verdict. */
  readonly until: number;
}

/** By what, and in which version of the pod it was read before; undefined when unknown. */
type Covered = Proven & Partial<Pick<PodFacts, 'resourceVersion'>>;

/** A sight, whom it is about, and what it comes to. */
export interface Judged {
  readonly snapshot: Snapshot;
  readonly target: Target;
  readonly verdict: Verdict;
  readonly settings: Settings;
}

/** Every question, asked and folded; pure. */
export function evaluate(snapshot: Snapshot, target: Target, settings: Settings, now: number): Verdict {
  const since = suspendedSince(snapshot.card, now);
  const leftUntil = snapshot.card.spec.suspend === true ? (since ?? now) + longestEvidenceMs : Infinity;
  const patience = { evidenceTtlMs: settings.evidenceTtl, fleetHeldUntil: snapshot.fleetHeldUntil ?? 0, leftUntil };
  const demands = demandsOf(snapshot, target, settings);
  const named = namedIn(snapshot.card.status, snapshot.labelledPods, target.expected);
  const { pods, quarantine } = hear(snapshot, demands, named, { ...patience, now });
  const speaker = speakerOf(target, pods);
  const card = publishedCard(target, pods, speaker);
  const keptCardId = card.kind === 'kept' ? snapshot.card.status?.cardId : undefined;
  const hearing = (hold: Hold): Heard => {
    const matter = { ...demands, snapshot, sights: pods, keptCardId, hold };
    return { matter, pods, answers: answersOf(matter, pods, speaker) };
  };
  const hold = holdOf(snapshot, target, pods, { ...patience, now });
  const withHold = hearing(hold);
  const verified = verifiedOutcome(withHold, quarantine);
  const isHeld = verified?.reason === 'EvidenceHeld';
  // Nothing else rests on a hold on which the verdict does not.
  const heard = hold.holds && !isHeld ? hearing(noHold) : withHold;
  const resting = heard.matter.hold;
  const waits = target.resolved ? pendingUntil(snapshot, pods, leftUntil, now) : undefined;
  const ends = [waits ?? Infinity, ...pods.map(endOf)].filter((end) => end > now);
  return {
    pending: waits !== undefined,
    quarantine,
    callers: callersOf(snapshot, target, settings),
    pods,
    ...outcomesOf(heard, verified, quarantine),
    checks: checksOf(heard.answers),
    card,
    attested: attestedId(target, pods) ?? resting.attested,
    heldSince: isHeld ? heldSince(pods, hold) : undefined,
    identityExpiresAt: latestEnd(pods),
    named,
    covered: target.resolved ? coverage(pods) : named,
    until: Math.min(resting.until ?? Infinity, earliest(ends) ?? Infinity),
  };
}

/** What the pods show. Nothing is restored for a card that gets no trust by it: who is cut off or guilty has other evidence. */
function hear(
  snapshot: Snapshot,
  demands: Demands,
  named: Verdict['named'],
  { now, ...patience }: Patience & { readonly now: number },
) {
  const { card, labelledPods } = snapshot;
  const { target, storedCardId } = demands;
  const judged = (evidence: CardEvidence) => {
    const sights = target.resolved ? sightsOf({ card, evidence }, target, patience, now) : [];
    return inOrder(sights.map((sight) => judgePod(sight, demands)));
  };
  const learned = withoutReplaced(snapshot.evidence, labelledPods);
  const asLearned = judged(learned);
  const quarantine = quarantineOf(snapshot, target, asLearned);
  const isOther = target.approved && storedCardId !== undefined && target.approved.cardId !== storedCardId;
  const isBarred =
    quarantine !== undefined || isOther === true || asLearned.some(({ standing }) => standing.kind === 'negative');
  const evidence = isBarred ? learned : withRestored(learned, named, labelledPods, card);
  return { quarantine, pods: evidence === learned ? asLearned : judged(evidence) };
}

/**
 * Neither names nor order of pods decide anything: which of several speaks first follows from what they showed, the gravest
 * guilt before all; names part only those that showed the same. Times play no part but for what has lapsed, so that nothing
 * else changes with them.
 */
function inOrder(pods: readonly JudgedPod[]): readonly JudgedPod[] {
  if (pods.length < 2) return pods;
  const keyed = pods.map((pod) => ({ pod, key: keyOf(pod) }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ pod }) => pod);
}

const gravest: readonly string[] = [
  ...['SpiffeIDMismatch', 'TrustDomainMismatch', 'NoIdentity', 'SignerIsNotServer'],
  ...['SignatureInvalid', 'CardNotApproved'],
];

function keyOf({ standing, stranger, evidence, shown, silence, lapsed, endpoint }: JudgedPod): string {
  const guilt = standing.kind === 'negative' ? standing.guilt : undefined;
  const gravity =
    guilt === undefined ? gravest.length : gravest.indexOf(guilt.effect?.Bound ?? guilt.effect?.Verified ?? '');
  const card = shown?.kind === 'card' ? shown.card : undefined;
  const { outcome, signer, keyId, message } = card?.signature ?? {};
  const said = [guilt?.says, stranger, shown?.peer?.uri];
  const silent = [silence?.reason, silence?.message, silence?.peer?.uri];
  const signed = [outcome, signer, keyId, message];
  const served = [evidence?.facts.revision, card?.cardId, card?.source];
  return JSON.stringify([gravity, said, silent, served, signed, lapsed, endpoint.podName]);
}

function demandsOf({ card }: Snapshot, target: Target, settings: Settings): Demands {
  const { namespace = '', serviceAccount: account = '' } = target.resolved ? target.workload : {};
  const yields = (serviceAccount: string, id: string) => {
    const trustDomain = trustDomainOf(id);
    const own = renderSpiffeId(settings.spiffeIdTemplate, { trustDomain, namespace, serviceAccount });
    return own.ok && own.value === id;
  };
  return {
    target,
    settings,
    storedCardId: card.status?.cardId,
    speaksFor: (id, { serviceAccount }) => yields(serviceAccount, id),
    canBe: (id, { serviceAccount }) => serviceAccount === account || !yields(account, id) || yields(serviceAccount, id),
  };
}

function holdOf({ card, workload }: Snapshot, target: Target, pods: readonly JudgedPod[], limits: HoldLimits): Hold {
  const { status } = card;
  const { targetRef, attestedAgentSpiffeId: attested } = status ?? {};
  const sameTarget = workload !== undefined && targetRef?.name === workload.name && targetRef.kind === workload.kind;
  const unfit = target.strict && attested !== undefined && !target.expected.includes(attested);
  const away = target.resolved ? target.transport === 'mtls' : target.absent !== undefined;
  const silences = pods.flatMap(({ silence }) => silence?.since ?? []);
  const isAway = away && sameTarget && !unfit;
  const ranOut = pods.some(({ standing }) => standing.kind === 'silent' && standing.expired);
  return cardHold({ status, isAway, ranOut, silentSince: earliest(silences) }, limits);
}

/** What was proven over mutual TLS; an impostor's own identity before all. */
function attestedId({ expected }: Target, pods: readonly JudgedPod[]): string | undefined {
  const ids = pods.flatMap((pod) => servedBy(pod) ?? []);
  return ids.find((id) => !expected.includes(id)) ?? ids[0];
}

/** The verdict has been held since the last pod with evidence fell silent. */
function heldSince(pods: readonly JudgedPod[], hold: Hold): number | undefined {
  const since = pods.flatMap(({ standing }) => (standing.kind === 'held' ? [standing.since] : []));
  return latest(since) ?? hold.since;
}

function latestEnd(pods: readonly JudgedPod[]): number | undefined {
  const ends = pods.flatMap(({ standing, shown }) => (isTrusted(standing) ? (shown?.peer?.notAfter ?? []) : []));
  return latest(ends.filter(Number.isFinite));
}

function coverage(pods: readonly JudgedPod[]): Verdict['covered'] {
  return new Map(
    pods.flatMap(({ standing, endpoint: { podUid }, evidence }) => {
      if (!isTrusted(standing) || evidence === undefined) return [];
      const { containersHash: attested, resourceVersion } = evidence.facts;
      return [[podUid, { attested, identity: standing.identity, resourceVersion }]];
    }),
  );
}

/** Until when a standing can stay as it is without an event. */
function endOf({ standing }: JudgedPod): number {
  return isTrusted(standing) ? standing.until : Infinity;
}

/** No pod answers, and none has shown guilt. */
export function isSilent({ pending, pods }: Verdict): boolean {
  const heard = pods.some(({ standing }) => ['proven', 'unproven', 'negative'].includes(standing.kind));
  return !pending && !heard && pods.some(({ silence }) => silence !== undefined);
}
