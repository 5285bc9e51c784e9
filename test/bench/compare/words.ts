/** Pure: a comparison as people read it. */
import { align, type Row } from '../report.ts';
import { type Comparison, type FigureComparison, type Range, rangeOf, type Taken } from './compare.ts';
import type { BenchRecord } from './record.ts';

/** The table and what follows from it. */
export function comparisonText(now: Taken, comparison: Comparison): string {
  const figures = comparison.kind === 'compared' ? comparison.figures : unjudged(now);
  const most = Math.max(...now.figures.map(({ runs }) => runs.length));
  const rows = figures.map(rowOf);
  const header: Row = ['figure', most === 1 ? 'now, one run' : `now, least – most of ${most}`, 'stored', 'verdict'];
  return `${align([header, ...rows])}\n\n${conclusion(comparison)}`;
}

const unjudged = ({ figures }: Taken) =>
  figures.map(({ name, unit, runs }) => ({ name, unit, now: rangeOf(runs), verdict: undefined }));

type Shown = Omit<FigureComparison, 'verdict'> & { readonly verdict: FigureComparison['verdict'] | undefined };

function rowOf({ name, unit, now, stored, verdict }: Shown): Row {
  return [name, rangeText(now, unit), rangeText(stored, unit), verdictText(verdict, now, stored)];
}

function verdictText(verdict: Shown['verdict'], now?: Range, stored?: Range): string {
  if (verdict === undefined) return '';
  if (verdict === 'not-stored') return 'new: nothing is stored of it';
  if (verdict === 'not-measured' || now === undefined || stored === undefined) return 'not measured now';
  const change = changeText(now.min, stored.min);
  if (verdict === 'noise') return change === '' ? 'as before' : `noise: ${change}`;
  return `moved: ${change}, ${verdict}`;
}

/** Of the least runs. */
function changeText(now: number, stored: number): string {
  if (now === stored) return '';
  if (stored === 0) return `from 0 to ${numberText(now)}`;
  const percent = Math.abs(now / stored - 1) * 100;
  return `${percent < 10 ? percent.toFixed(1) : percent.toFixed(0)} % ${now > stored ? 'more' : 'less'}`;
}

function conclusion(comparison: Comparison): string {
  if (comparison.kind === 'no-baseline')
    return 'There is nothing to compare with: no run of this machine with these parameters is stored.';
  if (comparison.kind === 'unreadable')
    return `There is nothing to compare with: the stored run cannot be read (${comparison.why}). SAVE=1 replaces it.`;
  if (comparison.kind === 'compared') return `${originText(comparison.record)} ${movedText(comparison.figures)}`;
  const what = comparison.kind === 'other-machine' ? 'of another machine' : 'with other parameters';
  return `Nothing was compared, since the stored run was taken ${what} (${comparison.differences.join('; ')}). SAVE=1 replaces it.`;
}

const originText = ({ commit, takenAt, node, loadBefore }: BenchRecord) =>
  `Stored was commit ${commit} under Node ${node}, ${takenAt}, at a load of ${loadBefore.toFixed(1)}.`;

function movedText(figures: readonly FigureComparison[]): string {
  const named = (verdict: FigureComparison['verdict']) =>
    figures.filter((figure) => figure.verdict === verdict).map(({ name }) => name);
  const [worse, better] = [named('worse'), named('better')];
  if (worse.length + better.length === 0) return 'No figure moved: what differs is noise.';
  const said = [
    ...(worse.length > 0 ? [`worse: ${worse.join(', ')}`] : []),
    ...(better.length > 0 ? [`better: ${better.join(', ')}`] : []),
  ];
  return `Moved, ${said.join('; ')}. What else differs is noise.`;
}

/** What became of this run. */
export function storedText(file: string, isKept: boolean, faults: readonly string[]): string {
  if (isKept) return `This run is stored, and the next is compared with it: ${file}`;
  if (faults.length > 0) return 'This run is not stored, since a count is over its limit.';
  return `This run is not stored; SAVE=1 puts it in the place of ${file}`;
}

/** What makes the figures worth less: other work on the machine, and stored runs that show no spread. */
export function doubts(now: BenchRecord, comparison: Comparison): string[] {
  const compared = comparison.kind === 'compared' ? [['stored', comparison.record] as const] : [];
  const busy = [['first', now] as const, ...compared]
    .filter(([, { loadBefore, machine }]) => loadBefore > machine.cores / 4)
    .map(([which, { loadBefore }]) => `a load of ${loadBefore.toFixed(1)} before the ${which} run`);
  const isSingle = compared.some(([, { figures }]) => figures.every(({ runs }) => runs.length === 1));
  return [
    ...(busy.length === 0 ? [] : [`The machine had other work (${busy.join(', ')}): times may have moved by that.`]),
    ...(isSingle ? ['One run is stored, which shows no spread: SAVE=1 with RUNS=3 stores a better one.'] : []),
  ];
}

function rangeText(range: Range | undefined, unit: string): string {
  if (range === undefined) return '';
  const [least, most] = [numberText(range.min), numberText(range.max)];
  return `${least === most ? least : `${least} – ${most}`} ${unit}`;
}

function numberText(value: number): string {
  return String(Number(value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)));
}
