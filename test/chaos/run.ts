/** `make chaos`: the worst hour in ten minutes. ROUNDS=10 makes it an hour, FAULT=… chooses by a pattern for the name, PATIENCE=… says how many seconds each may take. */
import { join } from 'node:path';
import { runIsolated } from '../bench/namespace.ts';
import { type ChaosReport, failuresOf } from './report.ts';

/** Runs all faults in namespaces of its own. */
export function chaos(env: Readonly<Record<string, string>> = {}): Promise<ChaosReport> {
  return runIsolated(join(import.meta.dirname, './inside.ts'), env);
}

async function main(): Promise<void> {
  const report = await chaos();
  const failures = failuresOf(report);
  for (const failure of failures) console.error(failure);
  if (failures.length > 0) {
    console.error(`Logs: ${report.logs}`);
    process.exitCode = 1;
    return;
  }
  const slowest = report.faults.slice(1).reduce((most, { seconds }) => Math.max(most, seconds), 0);
  console.log(
    `${report.faults.length - 1} faults survived; everything was settled ${slowest.toFixed(1)} s after the worst of them.`,
  );
}

if (import.meta.main) await main();
