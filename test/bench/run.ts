/** `make bench`: the figures that docs/operations.md quotes. Writes JSON and plots to dist/bench, prints a table, and compares with a stored run. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Asked, askedFrom, baselineFile, isStored, readStored, store } from './compare/baseline.ts';
import { compare } from './compare/compare.ts';
import { type Figure, figuresOf, overLimit } from './compare/figures.ts';
import { commitOf, thisMachine } from './compare/machine.ts';
import type { BenchRecord } from './compare/record.ts';
import { comparisonText, doubts, storedText } from './compare/words.ts';
import { runIsolated } from './namespace.ts';
import { type Parameters, parametersFrom } from './parameters.ts';
import { plots } from './plot.ts';
import { type Report, ratios, table } from './report.ts';

export const results = 'dist/bench';

/** Runs the benchmark in namespaces of its own. */
export function bench(preset: Partial<Parameters> = {}): Promise<Report> {
  const env = Object.fromEntries(
    Object.entries(preset).map(([name, value]) => [variables[name as keyof Parameters], String(Number(value))]),
  );
  return runIsolated(join(import.meta.dirname, './inside.ts'), env);
}

const variables: Readonly<Partial<Record<keyof Parameters, string>>> = {
  n: 'N',
  namespaces: 'NAMESPACES',
  silent: 'SILENT',
  resetting: 'RESETTING',
  slow: 'SLOW',
  lying: 'LYING',
  syncPeriodSeconds: 'SYNC_PERIOD',
  coldSyncPeriodSeconds: 'COLD_SYNC_PERIOD',
  idlePeriods: 'IDLE_PERIODS',
  settle: 'SETTLE',
  bare: 'BARE',
  cardBytes: 'CARD_BYTES',
  callers: 'CALLERS',
};

async function main(): Promise<void> {
  // A mistake is told before anything starts.
  const parameters = parametersFrom(process.env);
  const asked = askedFrom(process.env, parameters.n);
  await mkdir(results, { recursive: true });
  const reports: Report[] = [];
  for (let run = 1; run <= asked.runs; run += 1) {
    const report = await bench();
    reports.push(report);
    await writeFile(
      join(results, `n-${parameters.n}.json`),
      JSON.stringify({ ratios: ratios(report), ...report }, null, 1),
    );
    for (const [name, svg] of await plots(results, report)) await writeFile(join(results, name), svg);
    console.log(`\nRun ${run} of ${asked.runs}\n${table(report)}`);
  }
  console.log(`\nThe last run's figures and plots: ${results}\n`);
  const faults = await judge(asked, reports);
  if (faults.length > 0) process.exitCode = 1;
}

/** Compares, stores, and returns what no run may be. */
async function judge(asked: Asked, reports: readonly Report[]): Promise<readonly string[]> {
  const figures = figuresOf(reports);
  const record = await recordOf(reports, figures);
  const now = { ...record, figures };
  const file = baselineFile(asked, now);
  const comparison = compare(now, await readStored(file));
  const faults = overLimit(figures);
  const isKept = isStored(asked, comparison, faults);
  if (isKept) await store(file, record);
  const text = [
    comparisonText(now, comparison),
    ...faults,
    ...doubts(record, comparison),
    storedText(file, isKept, faults),
  ];
  console.log(text.join('\n'));
  return faults;
}

async function recordOf([first]: readonly Report[], figures: readonly Figure[]): Promise<BenchRecord> {
  if (first === undefined) throw new Error('nothing was measured');
  const { node, loadBefore } = first.machine;
  const plain = figures.map(({ name, unit, smallerIsBetter, runs }) => ({ name, unit, smallerIsBetter, runs }));
  return {
    ...{ schema: 1, takenAt: new Date().toISOString(), commit: await commitOf(), node, loadBefore },
    ...{ machine: thisMachine(), parameters: { ...first.parameters }, figures: plain },
  };
}

if (import.meta.main) await main();
