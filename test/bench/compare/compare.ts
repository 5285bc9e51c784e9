/** Pure: figures of now against stored ones. */
import type { Figure, Measured } from './figures.ts';
import type { BenchRecord } from './record.ts';

/** What can be compared with what is stored, and how it was taken. */
export type Taken = Pick<BenchRecord, 'machine' | 'parameters'> & { readonly figures: readonly Measured[] };

/** What lies where a stored run should be. */
export type Stored =
  | { readonly kind: 'none' }
  | { readonly kind: 'unreadable'; readonly why: string }
  | { readonly kind: 'record'; readonly record: BenchRecord };

export type Comparison =
  | { readonly kind: 'no-baseline' }
  | { readonly kind: 'unreadable'; readonly why: string }
  /** Each a sentence: what it is here, and what there. */
  | { readonly kind: 'other-machine' | 'other-parameters'; readonly differences: readonly string[] }
  | { readonly kind: 'compared'; readonly record: BenchRecord; readonly figures: readonly FigureComparison[] };

export type Verdict = 'better' | 'worse' | 'noise' | 'not-stored' | 'not-measured';

export interface FigureComparison {
  readonly verdict: Verdict;
  readonly name: string;
  readonly unit: Figure['unit'];
  readonly now?: Range;
  readonly stored?: Range;
}

export interface Range {
  readonly min: number;
  readonly max: number;
}

export function compare(now: Taken, stored: Stored): Comparison {
  if (stored.kind === 'none') return { kind: 'no-baseline' };
  if (stored.kind === 'unreadable') return stored;
  const { record } = stored;
  const machines = differences(now.machine, record.machine);
  if (machines.length > 0) return { kind: 'other-machine', differences: machines };
  const parameters = differences(now.parameters, record.parameters);
  if (parameters.length > 0) return { kind: 'other-parameters', differences: parameters };
  const of = (figure: Figure) => record.figures.find(({ name, unit }) => name === figure.name && unit === figure.unit);
  const gone = record.figures.filter(
    (figure) => !now.figures.some(({ name, unit }) => name === figure.name && unit === figure.unit),
  );
  return {
    kind: 'compared',
    record,
    figures: [
      ...now.figures.map((figure) => compareFigure(figure, of(figure))),
      ...gone.map(({ name, unit, runs }) => ({ name, unit, verdict: 'not-measured' as const, stored: rangeOf(runs) })),
    ],
  };
}

function compareFigure(figure: Measured, old: Figure | undefined): FigureComparison {
  const { name, unit } = figure;
  const now = rangeOf(figure.runs);
  if (old === undefined) return { name, unit, now, verdict: 'not-stored' };
  const stored = rangeOf(old.runs);
  const { smallerIsBetter } = figure;
  const way = wayOf(now, stored, figure.slack);
  if (way === 'none') return { name, unit, now, stored, verdict: 'noise' };
  return { name, unit, now, stored, verdict: (way === 'down') === smallerIsBetter ? 'better' : 'worse' };
}

/**
 * A figure has moved when its least run, which other work on the machine disturbs least, lies outside the stored runs' range
 * widened by the slack, and no run of now lies within that range.
 */
export function wayOf(now: Range, stored: Range, slack: number): 'up' | 'down' | 'none' {
  if (now.min > stored.max * (1 + slack)) return 'up';
  if (now.min < stored.min * (1 - slack) && now.max < stored.min) return 'down';
  return 'none';
}

export const rangeOf = (runs: readonly number[]): Range => ({ min: Math.min(...runs), max: Math.max(...runs) });

function differences(here: object, there: object): readonly string[] {
  const [now, then] = [new Map(Object.entries(here)), new Map(Object.entries(there))];
  return [...new Set([...now.keys(), ...then.keys()])]
    .filter((key) => now.get(key) !== then.get(key))
    .map((key) => `${key}: ${now.get(key) ?? 'not known'} here, ${then.get(key) ?? 'not known'} there`);
}
