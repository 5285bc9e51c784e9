import { type BundleSet, type Fault, refusedChain, verifyPeer } from '@agentcard-operator/spiffe/x509';
import { dueAtOnce, type PeerIdentity, type PodEvidence } from './evidence.ts';
import { rejudge, type SignatureRules } from './receive.ts';

export interface Recheck {
  readonly bundles: BundleSet;
  readonly signatures: SignatureRules | undefined;
  readonly now: number;
}

/**
 * Holds stored evidence against changed trust bundles, without asking anybody: a chain whose authority left its bundle is
 * negative from now on, and signatures are judged again. What else is wrong with a chain, and a signature whose signer was
 * nobody's before, only has the pod asked at once.
 */
export function recheck(pod: PodEvidence, { bundles, signatures, now }: Recheck): PodEvidence {
  const { answer } = pod;
  if (answer?.kind !== 'card') return pod;
  const fault = answer.peer && chainFault(answer.peer, bundles, now);
  if (answer.peer !== undefined && fault?.code === 'PathNotFound') {
    // In the words of the handshake, so that the next question, which will be refused as well, is no news.
    const { code, message } = refusedChain(answer.peer.chain[0], [answer.peer.trustDomain], () => fault);
    return { ...pod, answer: { kind: 'refusal', at: now, code, message, claimedId: answer.peer.uri } };
  }
  const known = fault === undefined ? pod : dueAtOnce(pod);
  if (signatures === undefined) return known;
  const card = rejudge(answer.card, signatures, { seen: answer.card.signature?.seen, now });
  const judged = { ...known, answer: { ...answer, card } };
  return card.signature?.unread ? dueAtOnce(judged) : judged;
}

/** A bundle that is not there (our source is away) says nothing; one that lost the authority does. */
function chainFault(peer: PeerIdentity, bundles: BundleSet, now: number): Fault | undefined {
  const bundle = bundles.get(peer.trustDomain);
  // The end of a certificate is judged where evidence is weighed; here only its authority counts.
  if (bundle === undefined || peer.chain.length === 0 || now >= peer.notAfter) return undefined;
  const path = verifyPeer({ chain: peer.chain, bundle, now: new Date(now), role: 'server' });
  return path.ok ? undefined : path.error;
}
