import type { FetchFailure, FetchOutcome } from '@agentcard-operator/spiffe/tls';
import type { Result } from '@agentcard-operator/spiffe/x509';
import type { PodFacts } from '../../workload/pod.ts';
import type { Finding, PeerIdentity, ReceivedCard } from '../evidence.ts';

/** What came, and from where; no path where the pod was not asked. */
export interface Heard {
  readonly outcome: FetchOutcome;
  readonly path?: string;
  /** Paths that were answered 404 before. */
  readonly absent?: readonly string[];
}

export const isSilent = (outcome: FetchOutcome): outcome is FetchFailure =>
  outcome.kind === 'failed' && outcome.guilt === 'none' && outcome.peer === undefined;

/** Somebody who proved one of these SPIFFE IDs answered. */
export const isFrom = (expected: readonly string[], outcome: FetchOutcome): boolean =>
  outcome.kind === 'answer' && expected.includes(outcome.peer?.id.uri ?? '');

export type Read = (body: Uint8Array) => Promise<Result<ReceivedCard>>;

/** What an outcome says of the pod: a card, guilt, or silence. */
export async function findingFrom(heard: Heard, facts: PodFacts, at: number, read: Read): Promise<Finding> {
  const { outcome } = heard;
  const peer = peerFrom(outcome);
  if (outcome.kind === 'failed') {
    const { code, guilt, claimedId } = outcome;
    if (guilt === 'identity') {
      return { kind: 'answer', facts, answer: { kind: 'refusal', at, code, message: outcome.message, claimedId } };
    }
    const reason = bodyFailures.has(code) ? 'CardInvalid' : 'FetchFailed';
    const blocked = code === 'NoIdentity' || code === 'NoBundle' ? code : undefined;
    const message =
      answerFailures.has(code) || heard.absent?.length ? outcome.message + placeOf(heard) : outcome.message;
    return { kind: 'silence', facts, at, reason, message, blocked, peer };
  }
  if (outcome.status !== 200) {
    const message = `The agent answered HTTP ${outcome.status}${placeOf(heard)}.`;
    return { kind: 'silence', facts, at, reason: 'FetchFailed', message, peer };
  }
  const received = await read(outcome.body);
  if (received.ok) return { kind: 'answer', facts, answer: { kind: 'card', at, peer, card: received.value } };
  return { kind: 'silence', facts, at, reason: 'CardInvalid', message: received.error.message + placeOf(heard), peer };
}

/** The path, and those before it, so that whoever serves the card elsewhere sees where it was looked for. */
function placeOf({ path, absent = [] }: Heard): string {
  if (path === undefined) return '';
  return absent.length === 0 ? ` at ${path}` : ` at ${path}, after HTTP 404 at ${absent.join(' and ')}`;
}

/** Failures of what came back, in contrast to those of the way there. */
const answerFailures = new Set([
  'Redirected',
  'Encoded',
  'TooLarge',
  'HeadersTooLarge',
  'MalformedResponse',
  'Truncated',
]);
/** Failures that say something of the card rather than of the connection. */
const bodyFailures = new Set(['TooLarge', 'Encoded']);

function peerFrom(outcome: FetchOutcome): PeerIdentity | undefined {
  if (outcome.peer === undefined) return undefined;
  const { id, chain, notBefore, notAfter } = outcome.peer;
  return {
    uri: id.uri,
    trustDomain: id.trustDomain,
    notBefore: notBefore.getTime(),
    notAfter: notAfter.getTime(),
    chain,
  };
}
