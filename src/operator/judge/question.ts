import type { Check } from '../api/agentcard.ts';
import {
  type BoundReason,
  remedy,
  type SignatureReason,
  type SyncedReason,
  type VerifiedReason,
} from '../api/conditions.ts';
import type { Hold } from '../inquiry/hold.ts';
import type { Settings } from '../settings/settings.ts';
import type { PodFacts } from '../workload/pod.ts';
import type { Sight } from './sight.ts';
import type { Snapshot, Target, Unresolved } from './snapshot.ts';

/**
 * What an answer is worth. `guilt`: somebody showed that it is not what it must be; one pod is enough, and no hold outlives
 * it. `absence`: something is missing, which proves nothing; it counts where no pod does better. `note`: told, no more.
 */
export type Weight = 'guilt' | 'absence' | 'note';

/** What an answer decides: the reason that it gives each condition. */
export interface Effect {
  readonly weight: Weight;
  readonly Synced?: SyncedReason;
  readonly SignatureVerified?: SignatureReason;
  readonly Bound?: BoundReason;
  readonly Verified?: VerifiedReason;
}

/** Who serves, or who signed, as it was proven. */
export interface Proof {
  readonly by: 'mtls' | 'signature';
  readonly identity: string;
}

/** The status check, and what follows from it. */
export interface Answer extends Omit<Check, 'name'> {
  readonly effect?: Effect;
  /** The effect as a condition says it: a sentence. */
  readonly says?: string;
  /** Instead of the reason's own remedy. */
  readonly todo?: string;
  readonly proof?: Proof;
}

/** What is demanded of every pod of an agent alike. */
export interface Demands {
  readonly target: Target;
  readonly settings: Settings;
  /** Of the card that is published. */
  readonly storedCardId: string | undefined;
  /** Whether the pod's own service account yields this identity: a card in the signer's ConfigMap speaks for such pods. */
  readonly speaksFor: (id: string, facts: PodFacts) => boolean;
  /** Whether the pod can be who proved this: an identity that the workload's account yields is only that of pods with it. */
  readonly canBe: (id: string, facts: PodFacts) => boolean;
}

/** What is known of the card as a whole. */
export interface Matter extends Demands {
  readonly snapshot: Snapshot;
  readonly sights: readonly Sight[];
  /** Of the card that stays published although no pod shows one. */
  readonly keptCardId: string | undefined;
  /** Whether the stored verdict may stand although no pod shows anything. */
  readonly hold: Hold;
}

interface Named {
  /** Of the status check. */
  readonly name: string;
  /** For people. */
  readonly asks: string;
  /** Everything that its answers can decide. */
  readonly decides: Readonly<Record<string, Effect>>;
}

export interface CardQuestion extends Named {
  readonly about: 'card';
  readonly ask: (matter: Matter) => Answer;
}

/** Asked of each pod by itself. */
export interface PodQuestion extends Named {
  readonly about: 'pod';
  readonly ask: (pod: Sight, demands: Demands) => Answer;
  /** The answer where no pod knows one. Default: theirs, or skipped where there is no pod. */
  readonly recall?: (matter: Matter) => Answer | undefined;
}

export type Question = CardQuestion | PodQuestion;

export const skipped: Answer = { result: 'skipped' };

/** The way to the agent ends: why, and what to do, which may be said of this very case. */
export function lacking({ reason, message, todo }: Unresolved, effect: Effect): Answer {
  const hint = todo ?? remedy('Synced', reason);
  return { result: 'fail', observed: message, hint, effect, ...(todo === undefined ? {} : { todo }) };
}

/** Messages of the lower layers become sentences of a condition. */
export function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
