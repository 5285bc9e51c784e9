import { sameJson } from '@agentcard-operator/agentcard';
import type { PodFacts } from '../workload/pod.ts';
import type { PeerIdentity, PodEvidence, ReceivedCard } from './evidence.ts';

/**
 * Whether evidence says anything else than before. The same card from the same certificate of the same containers does
 * not: only the time of the next question follows from it.
 */
export function isNews(before: PodEvidence | undefined, after: PodEvidence): boolean {
  if (before === undefined || before.silence !== undefined || after.silence !== undefined) return true;
  const [was, is] = [before.answer, after.answer];
  if (was?.kind !== 'card' || is?.kind !== 'card') return true;
  if (before.transport !== after.transport || before.endpointVersion !== after.endpointVersion) return true;
  return !(samePeer(was.peer, is.peer) && sameCard(was.card, is.card) && sameFacts(before.facts, after.facts));
}

function sameFacts({ resourceVersion: _, ...a }: PodFacts, { resourceVersion: __, ...b }: PodFacts): boolean {
  return sameJson(a, b);
}

/** How it was read aside: other bytes may be the same card. */
function sameCard(a: ReceivedCard, b: ReceivedCard): boolean {
  const told = ({ digest: _, signature, ...card }: ReceivedCard) => [card, signature && { ...signature, signed: 0 }];
  return a === b || sameJson(told(a), told(b));
}

function samePeer(a: PeerIdentity | undefined, b: PeerIdentity | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  const sameChain = a.chain.length === b.chain.length && a.chain.every((der, at) => equalBytes(der, b.chain[at]));
  return a.uri === b.uri && sameChain;
}

const equalBytes = (a: Uint8Array, b: Uint8Array | undefined) => b !== undefined && Buffer.compare(a, b) === 0;
