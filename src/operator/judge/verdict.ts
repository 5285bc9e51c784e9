import type { Check } from '../api/agentcard.ts';
import type { BoundReason, SignatureReason, SyncedReason, VerifiedReason } from '../api/conditions.ts';
import type { ReceivedCard, SignatureFinding } from '../inquiry/evidence.ts';
import type { PodFacts } from '../workload/pod.ts';
import type { PodStanding } from './standing.ts';

export interface Outcome<Reason extends string> {
  readonly ok: boolean;
  readonly reason: Reason;
  /** What was seen; the remedy is added where the message is written. */
  readonly message: string;
  /** Instead of the reason's own remedy. */
  readonly todo?: string;
}

/** Which card the status shows: a new one, the last good one (absence is not news), or none. */
export type PublishedCard =
  | { readonly kind: 'received'; readonly card: ReceivedCard }
  | { readonly kind: 'kept' }
  | { readonly kind: 'none' };

/** `finding` is undefined while an earlier one is kept through absence. */
export interface SignatureVerdict {
  readonly outcome: Outcome<SignatureReason>;
  readonly finding: SignatureFinding | undefined;
  readonly signerMatches: boolean | undefined;
}

/** Everything that one look at the evidence decides. */
export interface Verdict {
  /** Nothing has been learned since the operator started: what stands, stands. */
  readonly pending: boolean;
  /** Why the agent is cut off, whatever it proves; undefined when it is not. */
  readonly quarantine: string | undefined;
  readonly pods: readonly PodStanding[];
  readonly synced: Outcome<SyncedReason>;
  readonly signature: SignatureVerdict | undefined;
  readonly bound: Outcome<BoundReason> | undefined;
  readonly verified: Outcome<VerifiedReason> | undefined;
  readonly checks: readonly Check[];
  readonly card: PublishedCard;
  readonly attested: string | undefined;
  /** Since when the verdict rests on earlier evidence alone. */
  readonly heldSince: number | undefined;
  readonly identityExpiresAt: number | undefined;
  /** The pods that the evidence covers, by uid; they wear the label while the card is Verified. */
  readonly covered: ReadonlyMap<string, Pick<PodFacts, 'containersHash' | 'resourceVersion'>>;
  /** When time alone would change the verdict. */
  readonly until: number;
}

export function no<Reason extends string>(reason: Reason, message: string): Outcome<Reason> {
  return { ok: false, reason, message };
}

/** No pod answers, and none has shown guilt. */
export function isSilent({ pending, pods }: Verdict): boolean {
  const heard = pods.some(({ standing }) => ['proven', 'unproven', 'negative'].includes(standing.kind));
  return !pending && !heard && pods.some(({ evidence }) => evidence?.silence !== undefined);
}
