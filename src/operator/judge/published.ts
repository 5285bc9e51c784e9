import type { SignatureReason } from '../api/conditions.ts';
import type { ReceivedCard } from '../inquiry/evidence.ts';
import type { Findings } from './evaluate.ts';
import type { ResolvedTarget } from './snapshot.ts';
import { isReadable, isTrusted, isUnfit, type PodStanding, sentence, trustedId } from './standing.ts';
import { no, type PublishedCard, type SignatureVerdict } from './verdict.ts';

/** The newest revision's card; what a pod with a wrong identity or an altered card serves is not published. */
export function publishedCard({ target, pods }: Findings): PublishedCard {
  if (!target.resolved) return { kind: target.absent === undefined ? 'none' : 'kept' };
  const usable = pods.filter((pod) => isReadable(pod) && !isUnfit(pod.standing));
  const card = cardOf(newestOf(usable, target));
  if (card !== undefined) return { kind: 'received', card };
  return { kind: pods.some(({ standing }) => isUnfit(standing)) ? 'none' : 'kept' };
}

function newestOf(pods: readonly PodStanding[], target: ResolvedTarget): PodStanding | undefined {
  const rank = (pod: PodStanding) => {
    const { revision = '', revisionNumber = -1 } = pod.evidence?.facts ?? {};
    const newest = revision !== '' && revision === target.workload.newestRevision;
    const fine = (pod.endpoint.ready ? 0.5 : 0) + (isTrusted(pod.standing) ? 0.25 : 0);
    // A pod that has proven itself speaks before one that has not; then the newest ready revision, of one the approved card.
    return (trustedId(pod) === undefined ? 0 : 4e9) + (newest ? 2e9 : 0) + revisionNumber + fine;
  };
  return [...pods].sort((a, b) => rank(b) - rank(a))[0];
}

function cardOf(pod: PodStanding | undefined): ReceivedCard | undefined {
  return pod?.evidence?.answer?.kind === 'card' ? pod.evidence.answer.card : undefined;
}

/** The cards that the pods served when they last answered; where none did, the one that is kept. */
export function knownCardIds(findings: Findings): readonly string[] {
  const { pods, snapshot } = findings;
  const served = pods.flatMap((pod) => cardOf(pod)?.cardId ?? []);
  if (served.length > 0) return served;
  const kept = publishedCard(findings).kind === 'kept' ? snapshot.card.status?.cardId : undefined;
  return kept === undefined ? [] : [kept];
}

const signatureReasons = {
  valid: 'SignatureValid',
  invalid: 'SignatureInvalid',
  missing: 'SignatureMissing',
  expired: 'SignatureExpired',
  untrusted: 'SignerUntrusted',
} as const satisfies Record<string, SignatureReason>;

/** SignatureVerified: what the card's signature proves, guilt first; undefined when signatures are not verified. */
export function signatureOutcome(findings: Findings): SignatureVerdict | undefined {
  const { settings, target, pods, hold, snapshot } = findings;
  if (!settings.signature) return undefined;
  const guilty = pods.find(({ standing }) => standing.kind === 'negative' && standing.reason === 'SignatureInvalid');
  const published = publishedCard(findings);
  const card = cardOf(guilty) ?? (published.kind === 'received' ? published.card : cardOf(pods.find(isReadable)));
  const finding = card?.signature;
  if (finding === undefined) {
    const stored = snapshot.card.status?.conditions?.find(({ type }) => type === 'SignatureVerified');
    const kept = hold.holds && stored?.status === 'True';
    const outcome = kept
      ? { ok: true, reason: 'SignatureValid' as const, message: 'The signature was good when the card was last read.' }
      : no('SignatureMissing', 'No signed card could be read.');
    return { outcome, finding: undefined, signerMatches: undefined };
  }
  const reason = signatureReasons[finding.outcome];
  const outcome = { ok: finding.outcome === 'valid', reason, message: sentence(finding.message) };
  const expected = target.expected;
  return {
    outcome,
    finding,
    signerMatches: finding.signer === undefined ? undefined : expected.includes(finding.signer),
  };
}
