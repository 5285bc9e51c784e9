import { type BundleSet, verifyPath } from '@agentcard-operator/spiffe/x509';
import { dueAtOnce, type PeerIdentity, type PodEvidence } from './evidence.ts';
import { rejudge, type SignatureRules } from './receive.ts';

export interface Recheck {
  readonly bundles: BundleSet;
  readonly signatures: SignatureRules | undefined;
  readonly now: number;
}

/**
 * Holds stored evidence against changed trust bundles, without asking anybody: a chain whose authority left its bundle is
 * negative from now on, and signatures are judged again. Only a signature whose signer was nobody's before is asked for at once.
 */
export function recheck(pod: PodEvidence, { bundles, signatures, now }: Recheck): PodEvidence {
  const { answer } = pod;
  if (answer?.kind !== 'card') return pod;
  if (answer.peer !== undefined && !stillTrusted(answer.peer, bundles, now)) {
    const message = `The authority behind ${answer.peer.uri} is no longer in the trust bundle.`;
    return {
      ...pod,
      answer: { kind: 'refusal', at: now, code: 'AuthorityRemoved', message, claimedId: answer.peer.uri },
    };
  }
  if (signatures === undefined) return pod;
  const card = rejudge(answer.card, signatures, { seen: answer.card.signature?.seen, now });
  const judged = { ...pod, answer: { ...answer, card } };
  return card.signature?.unread ? dueAtOnce(judged) : judged;
}

/** A bundle that is not there (our source is away) says nothing; one that lost the authority does. */
function stillTrusted(peer: PeerIdentity, bundles: BundleSet, now: number): boolean {
  const bundle = bundles.get(peer.trustDomain);
  // The end of a certificate is judged where evidence is weighed; here only its authority counts.
  if (bundle === undefined || peer.chain.length === 0 || now >= peer.notAfter) return true;
  return verifyPath({ chain: peer.chain, anchors: bundle.authorities, now: new Date(now), role: 'server' }).ok;
}
