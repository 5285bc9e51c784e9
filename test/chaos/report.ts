export interface FaultReport {
  readonly name: string;
  /** From the end of the fault until everything was as it should be. */
  readonly seconds: number;
  /** Of the larger replica. */
  readonly memoryMiB: number;
  readonly problems: readonly string[];
}

export interface ChaosReport {
  readonly faults: readonly FaultReport[];
  /** Invariants that were broken at any time. */
  readonly violations: readonly string[];
  /** Kept when something was wrong. */
  readonly logs: string;
}

export function failuresOf({ faults, violations }: ChaosReport): readonly string[] {
  return [...violations, ...faults.flatMap(({ name, problems }) => problems.map((problem) => `${name}: ${problem}`))];
}
