import { leakCodes } from '../operator/network/proof.ts';

/** Where the listener listens; the chart's NetworkPolicies allow the first, and deny the others on one side each. */
export const portsOf = { allowed: 8081, deniedIn: 8082, deniedOut: 8083 } as const;

/** On which ports the listener was heard. */
export interface Round {
  readonly allowed: boolean;
  readonly into: boolean;
  readonly outOf: boolean;
}

export interface Tally {
  /** What is allowed arrived, and what is denied did not. */
  readonly proven: boolean;
  /** How many rounds in a row something denied arrived. */
  readonly leaks: number;
  /** As what to end, so that the pod's status says it. */
  readonly exit?: number;
}

/** A network takes a while until it knows a new pod; what it lets through for longer it does not enforce. */
const tolerated = 6;

/** Where nothing arrives, nothing is shown. */
export function next({ leaks }: Tally, { allowed, into, outOf }: Round): Tally {
  if (!into && !outOf) return { proven: allowed, leaks: 0 };
  if (leaks < tolerated) return { proven: false, leaks: leaks + 1 };
  return { proven: false, leaks: leaks + 1, exit: leakCodes[into && outOf ? 'both' : into ? 'in' : 'out'] };
}
