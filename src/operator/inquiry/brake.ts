import type { Key } from '@agentcard-operator/kube/objects';
import type { EventRecord } from '@agentcard-operator/kube/runtime';

export interface FleetRules {
  /** Share of the cards that hold trust, in percent, that may lack an answer before the brake engages; 100 = never. */
  readonly maxDistrust: number;
  /** The longest that the brake holds. */
  readonly maxHoldMs: number;
  /** It engaged, or let go. */
  readonly onChange: (engaged: boolean) => void;
}

/** Fewer silent cards than this never engage the brake: a small fleet is people's to judge. */
const leastCards = 5;

/** As an Event of our own pod: no single card is to blame. */
export function brakeNote(engaged: boolean): Omit<EventRecord, 'regarding'> {
  const note = engaged
    ? 'Too many agents fell silent at once: until most are back, none loses trust for it. Look at the network, SPIRE and the agents.'
    : 'Few enough agents are silent, or the longest hold is over: silence counts again for each agent by itself.';
  const reason = engaged ? 'FleetBrakeEngaged' : 'FleetBrakeReleased';
  return { type: engaged ? 'Warning' : 'Normal', reason, action: 'HoldTrust', note };
}

/**
 * The fleet brake: while too many of the cards that hold trust lack an answer at once, the fault is likelier ours or the mesh's
 * than theirs, and nobody loses trust for absence. Cards without trust have none to lose, and count neither for nor against. It
 * lets go when the share has halved, or at the longest after `maxHoldMs`.
 */
export class FleetBrake {
  readonly #rules: FleetRules;
  readonly #lacking = new Set<Key>();
  readonly #trusted = new Set<Key>();
  /** In both. */
  readonly #threatened = new Set<Key>();
  /** Since when it is engaged. */
  #since: number | undefined;
  /** Let go by time: not engaged again before the share has halved. */
  #spent = false;

  constructor(rules: FleetRules) {
    this.#rules = rules;
  }

  note(card: Key, lacksAnswer: boolean): void {
    this.#put(this.#lacking, card, lacksAnswer);
  }

  trust(card: Key, holdsTrust: boolean): void {
    this.#put(this.#trusted, card, holdsTrust);
  }

  get lacking(): number {
    return this.#lacking.size;
  }

  /** Until when no card may lose trust for absence; undefined while the brake is off. */
  heldUntil(now: number): number | undefined {
    const before = this.#since;
    const until = this.#judge(now);
    if ((before === undefined) !== (this.#since === undefined)) this.#rules.onChange(this.#since !== undefined);
    return until;
  }

  #put(cards: Set<Key>, card: Key, isIn: boolean): void {
    if (isIn) cards.add(card);
    else cards.delete(card);
    if (this.#lacking.has(card) && this.#trusted.has(card)) this.#threatened.add(card);
    else this.#threatened.delete(card);
  }

  #judge(now: number): number | undefined {
    const share = (this.#threatened.size / Math.max(1, this.#trusted.size)) * 100;
    const { maxDistrust, maxHoldMs } = this.#rules;
    if (share <= maxDistrust / 2) {
      this.#since = undefined;
      this.#spent = false;
    } else if (
      this.#since === undefined &&
      !this.#spent &&
      share > maxDistrust &&
      this.#threatened.size >= leastCards
    ) {
      this.#since = now;
    }
    if (this.#since === undefined) return undefined;
    const until = this.#since + maxHoldMs;
    if (now < until) return until;
    this.#since = undefined;
    this.#spent = true;
    return undefined;
  }
}
