import type { Taken } from '../../bench/compare/compare.ts';
import type { Measured } from '../../bench/compare/figures.ts';
import type { BenchRecord } from '../../bench/compare/record.ts';

export function measured(figure: Partial<Measured>): Measured {
  return { name: 'until Ready', unit: 's', smallerIsBetter: true, runs: [10], slack: 0.1, ...figure };
}

export function recordWith(figures: readonly Measured[]): BenchRecord {
  return {
    ...{ schema: 1, takenAt: '2026-11-28T12:00:00.000Z', commit: '95db9550aaaa+', node: 'v26.4.0', loadBefore: 0.2 },
    machine: { cpu: 'AMD EPYC', cores: 2, memoryMiB: 7936, kernel: '6.1.0' },
    parameters: { n: 300, silent: 0.05 },
    figures: figures.map(({ name, unit, smallerIsBetter, runs }) => ({ name, unit, smallerIsBetter, runs })),
  };
}

export function takenWith(figures: readonly Measured[]): Taken {
  return { ...recordWith(figures), figures };
}
