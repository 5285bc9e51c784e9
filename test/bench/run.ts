/** `make bench`: the figures that docs/operations.md quotes. Writes JSON and plots to dist/bench, prints a table. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
  idlePeriods: 'IDLE_PERIODS',
  settle: 'SETTLE',
  bare: 'BARE',
  cardBytes: 'CARD_BYTES',
  callers: 'CALLERS',
};

async function main(): Promise<void> {
  // A mistake is told before anything starts.
  const { n } = parametersFrom(process.env);
  const report = await bench();
  await mkdir(results, { recursive: true });
  await writeFile(join(results, `n-${n}.json`), JSON.stringify({ ratios: ratios(report), ...report }, null, 1));
  for (const [name, svg] of await plots(results, report)) await writeFile(join(results, name), svg);
  console.log(table(report));
  console.log(`\nFigures and plots: ${results}`);
}

if (import.meta.main) await main();
