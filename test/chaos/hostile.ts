/** `make chaos`, its second half: 200 honest agents beside one hostile namespace. MINUTES=10. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runIsolated } from '../bench/namespace.ts';
import type { OperatorLoad } from './load.ts';

export interface HostileReport {
  readonly minutes: number;
  readonly honest: number;
  /** Of the honest, at the end. */
  readonly ready: number;
  /** Honest cards that were not Ready at some time. */
  readonly lostReady: readonly string[];
  readonly periodSeconds: number;
  /** The longest that an honest agent waited for its next question. */
  readonly longestWaitSeconds: number;
  /** How many waits of honest agents ended within so many seconds, by their upper bound. */
  readonly waits: Readonly<Record<string, number>>;
  /** Of the agents' own process, which shares the machine: what it stands still counts as waiting. */
  readonly agentsLagSeconds: number;
  readonly load: OperatorLoad;
  readonly restarts: number;
  readonly podReadsPerSecond: number;
  readonly logs: string;
}

/** The chart's limit. */
const mostMemoryMiB = 512;

export function failuresOf(report: HostileReport): readonly string[] {
  const { restarts, ready, honest, lostReady, longestWaitSeconds, periodSeconds } = report;
  const { memoryMiB } = report.load;
  return [
    ...(restarts === 0 ? [] : ['the operator ended']),
    ...(ready === honest ? [] : [`${ready} of ${honest} honest agents are Ready`]),
    ...(lostReady.length === 0 ? [] : [`honest agents lost Ready: ${lostReady.slice(0, 5).join(', ')}`]),
    ...(longestWaitSeconds <= 2 * periodSeconds ? [] : [`an honest agent waited ${longestWaitSeconds} s to be asked`]),
    ...(memoryMiB <= mostMemoryMiB ? [] : [`${memoryMiB} MiB`]),
  ];
}

async function main(): Promise<void> {
  const report = await runIsolated<HostileReport>(join(import.meta.dirname, './hostile-inside.ts'));
  console.log(JSON.stringify(report, undefined, 2));
  const failures = failuresOf(report);
  for (const failure of failures) console.error(failure);
  if (failures.length > 0) process.exitCode = 1;
  else await rm(report.logs, { recursive: true, force: true });
}

if (import.meta.main) await main();
