import {
  type BoundReason,
  bindingRemedy,
  blockedRemedies,
  type SyncedReason,
  type VerifiedReason,
} from '../api/conditions.ts';
import type { Findings } from './evaluate.ts';
import { knownCardIds } from './published.ts';
import {
  isReadable,
  type NegativeReason,
  otherThanApproved,
  type PodStanding,
  provenId,
  type Standing,
  sentence,
  trustedId,
} from './standing.ts';
import { no, type Outcome } from './verdict.ts';

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
  const [first] = answered;
  const source = first?.evidence?.answer?.kind === 'card' ? first.evidence.answer.card.source : target.transport;
  return { ok: true, reason: 'SyncSucceeded', message: `The card was read ${way[source]}.` };
}

const way = { mtls: 'over mutual TLS', http: 'over plain HTTP', configmap: "from the signer's ConfigMap" } as const;

function unread(pods: readonly PodStanding[]): Outcome<SyncedReason> {
  const silent = pods.find(({ evidence }) => evidence?.silence !== undefined);
  const { silence } = silent?.evidence ?? {};
  if (silence?.blocked !== undefined) {
    return { ...no(silence.reason, sentence(silence.message)), todo: blockedRemedies[silence.blocked] };
  }
  if (silence !== undefined) return no(silence.reason, `Pod ${silent?.endpoint.podName}: ${sentence(silence.message)}`);
  const refused = pods.find(({ standing }) => standing.kind === 'negative');
  if (refused?.standing.kind !== 'negative') return no('FetchFailed', 'No pod has been asked yet.');
  return no('FetchFailed', `Pod ${refused.endpoint.podName}: ${refused.standing.message}`);
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
  if (!settings.mtls && !settings.signature) return undefined;
  if (!target.resolved) return no('WorkloadUnresolved', target.message);
  const negative = pods.map(({ standing }) => standing).find(isMismatch);
  const unbound = (reason: BoundReason, message: string) => {
    return { ...no(reason, message), todo: bindingRemedy(reason, settings) };
  };
  if (negative !== undefined) return unbound(negative.reason, negative.message);
  const ids = pods.flatMap((pod) => trustedId(pod) ?? provenId(pod) ?? []);
  const wanted = target.expected.join(' or ');
  const uri = ids.find((id) => !target.expected.includes(id)) ?? ids[0] ?? hold.attested;
  if (uri === undefined) return no('NoIdentity', `Nothing proves an identity; expected ${wanted}.`);
  if (!target.expected.includes(uri)) return unbound('SpiffeIDMismatch', `The pod proved ${uri}, expected ${wanted}.`);
  return { ok: true, reason: 'Bound', message: `The workload proved ${uri}.` };
}

type Mismatch = Extract<Standing, { kind: 'negative' }> & { readonly reason: BoundReason };

function isMismatch(standing: Standing): standing is Mismatch {
  return standing.kind === 'negative' && !['SignatureInvalid', 'CardNotApproved'].includes(standing.reason);
}

/** Verified: whether the card is trusted; undefined when no mechanism is on. */
export function verifiedOutcome(findings: Findings): Outcome<VerifiedReason> | undefined {
  const { snapshot, settings, quarantine } = findings;
  const { approvedCardId } = snapshot.card.spec;
  if (!settings.mtls && !settings.signature) return undefined;
  if (quarantine !== undefined) return no('Quarantined', quarantine);
  const guilt = guiltOutcome(findings);
  if (guilt !== undefined) return guilt;
  // Where no pod says it now, the card that is kept through absence does.
  const other = knownCardIds(findings).find((cardId) => cardId !== approvedCardId);
  if (approvedCardId !== undefined && other !== undefined) {
    return no('CardNotApproved', otherThanApproved(other, approvedCardId));
  }
  return trustOutcome(findings);
}

const guiltReasons = {
  SpiffeIDMismatch: 'IdentityMismatch',
  TrustDomainMismatch: 'IdentityMismatch',
  NoIdentity: 'IdentityMismatch',
  SignerIsNotServer: 'SignatureInvalid',
  SignatureInvalid: 'SignatureInvalid',
  CardNotApproved: 'CardNotApproved',
} as const satisfies Record<NegativeReason, VerifiedReason>;

function guiltOutcome({ pods }: Findings): Outcome<VerifiedReason> | undefined {
  const guilty = pods.flatMap(({ endpoint, standing }) =>
    standing.kind === 'negative' ? [{ podName: endpoint.podName, ...standing }] : [],
  );
  const [first] = guilty;
  if (first === undefined) return undefined;
  const more = guilty.length > 1 ? ` (and ${guilty.length - 1} more)` : '';
  return no(guiltReasons[first.reason], `Pod ${first.podName}${more}: ${first.message}`);
}

function trustOutcome({ target, settings, pods, hold }: Findings): Outcome<VerifiedReason> {
  const proven = pods.map(({ standing }) => standing).find((standing) => standing.kind === 'proven');
  if (proven?.kind === 'proven') {
    return proven.by === 'mtls'
      ? { ok: true, reason: 'mTLSVerified', message: `Served over mutual TLS by ${proven.identity}.` }
      : { ok: true, reason: 'SignatureVerified', message: `Signed by ${proven.identity}.` };
  }
  const unproven = pods.map(({ standing }) => standing).find((standing) => standing.kind === 'unproven');
  if (unproven?.kind === 'unproven') return no('NotVerified', unproven.message);
  if (pods.some(({ standing }) => standing.kind === 'held') || hold.holds) {
    const { todo } = unread(pods);
    const absence = todo === undefined ? 'The agent does not answer' : 'The agent cannot be asked';
    const message = `${absence}; the verdict rests on earlier evidence.`;
    return { ok: true, reason: 'EvidenceHeld', message, ...(todo === undefined ? {} : { todo }) };
  }
  const expired = pods.some(({ standing }) => standing.kind === 'silent' && standing.expired) || hold.expired;
  if (expired) return no('EvidenceExpired', 'The agent did not answer while its evidence lasted.');
  if (!target.resolved) return no('NotVerified', target.message);
  if (target.transport === 'http' && !pods.some(({ evidence }) => evidence?.silence !== undefined)) {
    return no('NotVerified', `The Service has no port named ${settings.agentTlsPortName}.`);
  }
  return { ...unread(pods), reason: 'FetchFailed' };
}
