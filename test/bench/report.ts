import type { BareResult } from './bare.ts';
import type { Requests } from './metrics.ts';
import type { Point } from './observer.ts';
import type { Parameters } from './parameters.ts';
import type { VerificationCost } from './verify.ts';

/** One phase of the operator's life, counted by the API server and the kernel. */
export interface Phase {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly rssMiB: number;
  readonly peakMiB: number;
  readonly heapMiB: number;
  readonly writes: Requests;
  readonly reads: Requests;
  readonly reconciles: number;
  /** Whole questions that agents answered, and connections that they saw. */
  readonly cards: number;
  readonly dials: number;
  readonly loopDelayP99Ms: number;
  readonly loopDelayMaxMs: number;
  /** Upper bounds of the buckets, in seconds. */
  readonly queueP50: number;
  readonly queueP99: number;
}

export interface ColdStart extends Phase {
  /** From the start of the process to Ready, of every agent that answers rightly; ascending. */
  readonly readySeconds: readonly number[];
  readonly answering: number;
  readonly points: readonly Point[];
}

/** Milliseconds from a change to what the API server shows of it. */
export interface Probe {
  readonly name: string;
  readonly medianMs: number;
  readonly maxMs: number;
}

export interface Bare {
  readonly whole: BareResult & { readonly readySeconds: readonly number[] };
  /** At the pace of the idle operator. */
  readonly paced: BareResult;
}

export interface Report {
  readonly parameters: Parameters;
  readonly machine: { readonly cpus: number; readonly node: string; readonly loadBefore: number };
  readonly coldStart: ColdStart;
  readonly idle: Phase;
  readonly probes: readonly Probe[];
  readonly verification: VerificationCost | undefined;
  readonly bare: Bare | undefined;
}

/** The results: figures of the operator over those of the bare loop, in the same run. */
export interface Ratios {
  readonly timeToReady: number;
  readonly coldCpu: number;
  readonly idleCpuPerFetch: number;
}

export function ratios({ coldStart, idle, bare }: Report): Ratios | undefined {
  if (bare === undefined) return undefined;
  const perFetch = ({ cpuSeconds, fetched }: BareResult) => cpuSeconds / fetched;
  return {
    timeToReady: (coldStart.readySeconds.at(-1) ?? NaN) / (bare.whole.readySeconds.at(-1) ?? NaN),
    coldCpu: coldStart.cpuSeconds / bare.whole.cpuSeconds,
    idleCpuPerFetch: idle.cpuSeconds / idle.cards / perFetch(bare.paced),
  };
}

export type Row = readonly [string, string, string, string];

/** Pure: the table that people read. */
export function table(report: Report): string {
  const { coldStart, idle, probes, verification, bare, parameters } = report;
  const ratio = ratios(report);
  const times = (value: number | undefined) => (value === undefined ? '' : `${value.toFixed(2)} ×`);
  const seconds = (value: number | undefined) => (value === undefined ? '' : `${value.toFixed(2)} s`);
  const rows: Row[] = [
    ['', 'operator', 'bare loop', 'ratio'],
    [
      `until all ${coldStart.answering} that answer are Ready`,
      seconds(coldStart.readySeconds.at(-1)),
      seconds(bare?.whole.readySeconds.at(-1)),
      times(ratio?.timeToReady),
    ],
    ['CPU until then', seconds(coldStart.cpuSeconds), seconds(bare?.whole.cpuSeconds), times(ratio?.coldCpu)],
    ['writes until then', countsText(coldStart.writes), bare === undefined ? '' : `${bare.whole.fetched * 3}`, ''],
    ['reads until then', countsText(coldStart.reads), '', ''],
    ['reconciles until then', `${coldStart.reconciles}`, '', ''],
    ['memory then / peak', `${mib(coldStart.rssMiB)} / ${mib(coldStart.peakMiB)}`, mib(bare?.whole.peakMiB), ''],
    ['event loop delay p99 / max', `${ms(coldStart.loopDelayP99Ms)} / ${ms(coldStart.loopDelayMaxMs)}`, '', ''],
    ['queue latency p50 / p99, at most', `${coldStart.queueP50} s / ${coldStart.queueP99} s`, '', ''],
    [`idle for ${parameters.idlePeriods} sync periods: writes`, countsText(idle.writes), '', ''],
    ['idle reads', countsText(idle.reads), '', ''],
    ['idle reconciles / cards fetched', `${idle.reconciles} / ${idle.cards}`, '', ''],
    [
      'idle CPU per card fetched',
      ms((idle.cpuSeconds / idle.cards) * 1000),
      bare === undefined ? '' : ms((bare.paced.cpuSeconds / bare.paced.fetched) * 1000),
      times(ratio?.idleCpuPerFetch),
    ],
    ['idle CPU share of a core', `${((idle.cpuSeconds / idle.seconds) * 100).toFixed(1)} %`, '', ''],
    ['idle memory / heap in use', `${mib(idle.rssMiB)} / ${mib(idle.heapMiB)}`, '', ''],
    ...probes.map(
      ({ name, medianMs, maxMs }): Row => [`${name}: median / max`, `${ms(medianMs)} / ${ms(maxMs)}`, '', ''],
    ),
  ];
  if (verification !== undefined) {
    const { cardBytes, knownChain, coldChain } = verification;
    const text = `${knownChain.toFixed(2)} ms / ${coldChain.toFixed(2)} ms`;
    rows.push([`verify a signed card of ${cardBytes} bytes, known / cold chain`, text, '', '']);
  }
  return align(rows);
}

const mib = (value: number | undefined) => (value === undefined ? '' : `${value.toFixed(0)} MiB`);
const ms = (value: number) => `${value.toFixed(value < 10 ? 1 : 0)} ms`;

export function countsText(counts: Requests): string {
  const text = Object.entries(counts).map(([what, count]) => `${count} ${what}`);
  return text.length === 0 ? 'none' : text.join(', ');
}

export function align(rows: readonly Row[]): string {
  const width = (column: number) => Math.max(...rows.map((row) => Math.min(row[column]?.length ?? 0, 60)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(width(column)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
