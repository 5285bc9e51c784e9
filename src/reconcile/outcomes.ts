import type { BoundReason, SyncedReason, VerifiedReason } from '../api/conditions.ts';
import type { Findings } from './evaluate.ts';
import type { PodStanding, Standing } from './standing.ts';
import type { Outcome, PublishedCard } from './verdict.ts';

/** Synced: whether the card can be read now. */
export function syncedOutcome(findings: Findings): Outcome<SyncedReason> {
  const { target, pods, snapshot } = findings;
  if (!target.resolved) return no(target.reason, target.message);
  if (snapshot.card.spec.suspend === true) return no('Suspended', 'The agent is not asked while spec.suspend is set.');
  const own = pods.filter(({ standing }) => standing.kind !== 'stranger');
  if (own.length === 0) return no('WorkloadNotReady', `Only other pods stand behind Service ${target.service}.`);
  const answered = own.filter(isReadable);
  if (answered.length === 0) return unread(own);
  const disagreement = disagreeing(answered);
  if (disagreement !== undefined) return no('ReplicasDisagree', disagreement);
  const way = target.transport === 'mtls' ? 'mutual TLS' : 'plain HTTP';
  return { ok: true, reason: 'SyncSucceeded', message: `The card was read over ${way}.` };
}

function unread(pods: readonly PodStanding[]): Outcome<SyncedReason> {
  const silent = pods.find(({ evidence }) => evidence?.silence !== undefined);
  const { silence } = silent?.evidence ?? {};
  if (silence !== undefined) return no(silence.reason, `Pod ${silent?.endpoint.podName}: ${silence.message}`);
  const refused = pods.find(({ standing }) => standing.kind === 'negative');
  const message = refused?.standing.kind === 'negative' ? refused.standing.message : 'No pod has been asked yet.';
  return no('FetchFailed', refused === undefined ? message : `Pod ${refused.endpoint.podName}: ${message}`);
}

/** The last attempt brought a card, whoever sent it. */
function isReadable({ evidence }: PodStanding): boolean {
  return evidence?.answer?.kind === 'card' && evidence.silence === undefined;
}

/** Cards are compared within one revision: during a rollout two revisions may differ. */
function disagreeing(answered: readonly PodStanding[]): string | undefined {
  const first = new Map<string, { podName: string; cardId: string }>();
  for (const { endpoint, evidence } of answered) {
    if (evidence?.answer?.kind !== 'card') continue;
    const { cardId } = evidence.answer.card;
    const other = first.get(evidence.facts.revision);
    if (other === undefined) first.set(evidence.facts.revision, { podName: endpoint.podName, cardId });
    else if (other.cardId !== cardId) return `Pods ${other.podName} and ${endpoint.podName} serve different cards.`;
  }
  return undefined;
}

/** Bound: whether the proven identity is the expected one; undefined when no mechanism is on. */
export function boundOutcome(findings: Findings): Outcome<BoundReason> | undefined {
  const { target, pods, settings, hold } = findings;
  if (!settings.mtls) return undefined;
  if (!target.resolved) return no('WorkloadUnresolved', target.message);
  const negative = pods.map(({ standing }) => standing).find(({ kind }) => kind === 'negative');
  if (negative?.kind === 'negative') return no(negative.reason, negative.message);
  const trusted = pods.map(({ standing }) => standing).filter(isTrusted);
  const wanted = target.expected.join(' or ');
  const other = trusted.find(({ matches }) => !matches);
  if (other !== undefined) return no('SpiffeIDMismatch', `The pod proved ${other.peer.uri}, expected ${wanted}.`);
  const uri = trusted[0]?.peer.uri ?? (hold.holds ? hold.attested : undefined);
  if (uri === undefined) return no('NoIdentity', `Nothing proves an identity; expected ${wanted}.`);
  if (!target.expected.includes(uri)) return no('SpiffeIDMismatch', `The pod proved ${uri}, expected ${wanted}.`);
  return { ok: true, reason: 'Bound', message: `The workload proved ${uri}.` };
}

/** Verified: whether the card is trusted; undefined when no mechanism is on. */
export function verifiedOutcome(findings: Findings): Outcome<VerifiedReason> | undefined {
  const { snapshot, target, settings } = findings;
  const { quarantine, approvedCardId } = snapshot.card.spec;
  if (!settings.mtls) return undefined;
  if (quarantine !== undefined) return no('Quarantined', `Quarantined: ${quarantine.reason}.`);
  const guilt = identityGuilt(findings);
  if (guilt !== undefined) return guilt;
  const cardId = currentCardId(findings);
  if (approvedCardId !== undefined && cardId !== undefined && cardId !== approvedCardId) {
    return no('CardNotApproved', `The card is ${cardId}, approved is ${approvedCardId}.`);
  }
  if (target.resolved && target.transport === 'http') {
    return no('NotVerified', 'The card came over plain HTTP: nothing proves who served it.');
  }
  return trustOutcome(findings);
}

function identityGuilt({ pods }: Findings): Outcome<VerifiedReason> | undefined {
  const guilty = pods.filter(({ standing }) => standing.kind === 'negative');
  const [first] = guilty;
  if (first?.standing.kind !== 'negative') return undefined;
  const more = guilty.length > 1 ? ` So do ${guilty.length - 1} more pods.` : '';
  return no('IdentityMismatch', `Pod ${first.endpoint.podName}: ${first.standing.message}${more}`);
}

function trustOutcome({ target, pods, hold }: Findings): Outcome<VerifiedReason> {
  const proven = pods.find(({ standing }) => standing.kind === 'proven');
  if (proven?.standing.kind === 'proven') {
    return { ok: true, reason: 'mTLSVerified', message: `Served over mutual TLS by ${proven.standing.peer.uri}.` };
  }
  if (pods.some(({ standing }) => standing.kind === 'held') || hold.holds) {
    const message = 'The agent does not answer; the verdict rests on earlier evidence.';
    return { ok: true, reason: 'EvidenceHeld', message };
  }
  const expired = pods.some(({ standing }) => standing.kind === 'silent' && standing.expired) || hold.expired;
  if (expired) return no('EvidenceExpired', 'The agent did not answer while its evidence lasted.');
  if (!target.resolved) return no('NotVerified', target.message);
  const { message } = unread(pods);
  return no('FetchFailed', message);
}

/** The newest revision's card; what a pod with a wrong identity serves is not published. */
export function publishedCard({ target, pods, settings }: Findings): PublishedCard {
  if (!target.resolved) return { kind: target.absent === undefined ? 'none' : 'kept' };
  const usable = pods.filter((pod) => isReadable(pod) && pod.standing.kind !== 'negative');
  const [newest] = usable.sort((a, b) => revisionRank(b, target) - revisionRank(a, target));
  if (newest?.evidence?.answer?.kind === 'card') {
    return { kind: 'received', card: newest.evidence.answer.card, source: target.transport };
  }
  const guilty = settings.mtls && pods.some(({ standing }) => standing.kind === 'negative');
  return { kind: guilty ? 'none' : 'kept' };
}

function revisionRank(pod: PodStanding, target: { workload: { newestRevision: string | undefined } }): number {
  const facts = pod.evidence?.facts;
  if (facts === undefined) return -1;
  const newest = facts.revision !== '' && facts.revision === target.workload.newestRevision;
  return (newest ? 1e9 : 0) + facts.revisionNumber + (pod.endpoint.ready ? 0.5 : 0);
}

function currentCardId(findings: Findings): string | undefined {
  const card = publishedCard(findings);
  if (card.kind === 'received') return card.card.cardId;
  return card.kind === 'kept' ? findings.snapshot.card.status?.cardId : undefined;
}

function isTrusted(standing: Standing): standing is Extract<Standing, { kind: 'proven' | 'held' }> {
  return standing.kind === 'proven' || standing.kind === 'held';
}

function no<Reason extends string>(reason: Reason, message: string): Outcome<Reason> {
  return { ok: false, reason, message };
}
