import { storedTime } from '../api/time.ts';
import {
  longestEvidenceMs,
  type PodAnswer,
  type PodEvidence,
  type Silence,
  soughtInVain,
} from '../inquiry/evidence.ts';
import type { HoldLimits } from '../inquiry/hold.ts';
import { earliest } from '../inquiry/moments.ts';
import type { CachedCard } from '../watch/cached.ts';
import type { Endpoint } from '../workload/service.ts';
import type { ResolvedTarget, Snapshot } from './snapshot.ts';

/** What a pod showed of itself, in contrast to a refusal. */
export type Shown = Extract<PodAnswer, { kind: 'card' | 'restored' }>;
export type Refusal = Extract<PodAnswer, { kind: 'refusal' }>;

/** One pod behind the agent's Service, and what it shows, as far as it counts now. */
export interface Sight {
  readonly endpoint: Endpoint;
  /** Whose pod it is, where it belongs to something else: neither for nor against the card. */
  readonly stranger: string | undefined;
  /** Undefined when it was not asked since the operator started, or since its containers were replaced. */
  readonly evidence: PodEvidence | undefined;
  readonly shown: Shown | undefined;
  readonly refusal: Refusal | undefined;
  readonly silence: Silence | undefined;
  /** Until when it counts: its certificate's end, the longest silence, or a day after it was heard. */
  readonly until: number;
  readonly lapsed: boolean;
}

export interface Patience extends Omit<HoldLimits, 'now'> {
  /** Until when what a restart left counts unasked. */
  readonly leftUntil: number;
}

export function sightsOf(
  { card, evidence: known }: Pick<Snapshot, 'card' | 'evidence'>,
  target: ResolvedTarget,
  patience: Patience,
  now: number,
): Sight[] {
  return target.endpoints.map((endpoint) => {
    const stranger = known.strangers.get(endpoint.podUid)?.owner;
    const learned = stranger === undefined ? known.pods.get(endpoint.podUid) : undefined;
    const vain = stranger === undefined ? soughtInVain(known, endpoint.podUid) : undefined;
    // Restored evidence of which nothing was learned since stands, but counts as not asked while it can be.
    const isSilent = (learned?.silence ?? vain) !== undefined;
    const waits = learned?.answer?.kind === 'restored' && !isSilent && card.spec.suspend !== true;
    const evidence = learned?.transport === target.transport && !waits ? learned : undefined;
    return sightOf({ endpoint, stranger, evidence, silence: evidence?.silence ?? vain }, patience, now);
  });
}

type Seen = Pick<Sight, 'endpoint' | 'stranger' | 'evidence' | 'silence'>;

function sightOf(seen: Seen, patience: Patience, now: number): Sight {
  const answer = seen.evidence?.answer;
  const shown = answer?.kind === 'refusal' ? undefined : answer;
  const refusal = answer?.kind === 'refusal' ? answer : undefined;
  const aged = shown?.kind === 'restored' ? patience.leftUntil : (shown?.at ?? Infinity) + longestEvidenceMs;
  const ends = shown && [shown.peer?.notAfter ?? Infinity, aged, silenceEnds(shown, seen.silence, patience)];
  const until = earliest(ends ?? []) ?? Infinity;
  return { ...seen, shown, refusal, until, lapsed: now >= until };
}

function silenceEnds(shown: Shown, silence: Silence | undefined, { evidenceTtlMs, fleetHeldUntil }: Patience): number {
  if (silence === undefined) return Infinity;
  const end = silence.since + evidenceTtlMs;
  // Past a certificate nothing is held: where its end is not known, the brake holds nothing.
  const unknown = shown.kind === 'restored' && shown.peer.notAfter === Infinity;
  return unknown ? end : Math.max(end, fleetHeldUntil);
}

/** Since when nobody may ask, as the stored status tells it, unless that lies ahead. */
export function suspendedSince({ status }: CachedCard, now: number): number | undefined {
  const told = status?.conditions?.find(({ type, reason }) => type === 'Synced' && reason === 'Suspended');
  const since = storedTime(told?.lastTransitionTime) ?? Infinity;
  return since > now ? undefined : since;
}

/** The last attempt brought a card, whoever sent it. */
export function isReadable({ shown, silence }: Sight): boolean {
  return shown?.kind === 'card' && silence === undefined;
}
