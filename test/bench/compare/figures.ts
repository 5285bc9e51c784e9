/** A report's figures by name: what two runs can be compared by, and the counts that no run may exceed. */

import { sum, withoutEvents } from '../metrics.ts';
import { type Probe, type Ratios, type Report, ratios } from '../report.ts';
import type { VerificationCost } from '../verify.ts';

export const units = ['s', 'ms', 'MiB', '×', 'per agent', 'per question', 'in all'] as const;
export type Unit = (typeof units)[number];

/** By how much a figure may leave the stored runs' range before that means anything; three runs do not show their whole spread. */
const slack = { time: 0.1, memory: 0.05, count: 0.02 } as const;

export interface Figure {
  readonly name: string;
  readonly unit: Unit;
  readonly smallerIsBetter: boolean;
  /** One value for each run. */
  readonly runs: readonly number[];
}

interface Definition extends Omit<Figure, 'runs'> {
  readonly slack: number;
  /** Of a count that a busy machine does not move: a run above it is a fault, whatever is stored. */
  readonly limit?: (report: Report) => number;
  readonly of: (report: Report) => number | undefined;
}

export interface Measured extends Figure {
  readonly slack: number;
  /** One for each run. */
  readonly limits?: readonly number[];
}

type Extra = Partial<Pick<Definition, 'limit' | 'slack'>>;

const definition = (name: string, unit: Unit, of: Definition['of'], extra: Extra = {}): Definition => ({
  ...{ name, unit, of, smallerIsBetter: true, slack: slack.time },
  ...extra,
});

const memory = { slack: slack.memory };
/** Without a limit where the machine's speed decides how much is seen at once. */
const count = (limit?: Definition['limit']): Extra => ({ slack: slack.count, ...(limit && { limit }) });

const ratio = (of: (found: Ratios) => number) => (report: Report) => {
  const found = ratios(report);
  return found && of(found);
};

const definitions: readonly Definition[] = [
  definition('until all that answer are Ready', 's', ({ coldStart }) => coldStart.readySeconds.at(-1)),
  definition(
    'the same over the bare loop',
    '×',
    ratio(({ timeToReady }) => timeToReady),
  ),
  definition('CPU until Ready', 's', ({ coldStart }) => coldStart.cpuSeconds),
  definition(
    'CPU until Ready over the bare loop',
    '×',
    ratio(({ coldCpu }) => coldCpu),
  ),
  definition('peak memory until Ready', 'MiB', ({ coldStart }) => coldStart.peakMiB, memory),
  definition('memory at rest', 'MiB', ({ idle }) => idle.rssMiB, memory),
  definition('idle CPU', 'ms', ({ idle }) => (idle.cpuSeconds / idle.cards) * 1000),
  definition(
    'idle CPU over the bare loop',
    '×',
    ratio(({ idleCpuPerFetch }) => idleCpuPerFetch),
  ),
  // A pod may be read twice where its next turn comes before its label.
  definition('requests until Ready', 'per agent', perAgent(requestsOf), count(fewRequests)),
  definition(
    'writes until Ready',
    'per agent',
    perAgent(({ writes }) => sum(withoutEvents(writes))),
    count(() => 3),
  ),
  definition(
    'reconciles until Ready',
    'per agent',
    perAgent(({ reconciles }) => reconciles),
    count(fewReconciles),
  ),
  definition(
    'idle writes',
    'in all',
    ({ idle }) => sum(withoutEvents(idle.writes)),
    count(() => 0),
  ),
  definition('idle reads', 'in all', ({ idle }) => sum(idle.reads), count()),
  definition('idle reconciles', 'per question', ({ idle }) => idle.reconciles / idle.cards, count()),
  definition('a card verified, known chain', 'ms', verification('knownChain')),
  definition('a card verified, cold chain', 'ms', verification('coldChain')),
];

const probeDefinition = ({ name }: Probe): Definition =>
  definition(name, 'ms', ({ probes }) => probes.find((probe) => probe.name === name)?.medianMs);

/** Before it was asked, after it answered, and one to spare; and one for each turn that came again meanwhile. */
function fewReconciles({ coldStart, parameters }: Report): number {
  return 3 + coldStart.seconds / parameters.coldSyncPeriodSeconds;
}

/** Three writes; pods and ReplicaSets are read together where a namespace has many of them. */
function fewRequests({ parameters: { n, namespaces } }: Report): number {
  return n / namespaces >= 20 ? 4 : 6;
}

function requestsOf({ reads, writes }: Report['coldStart']): number {
  return sum(withoutEvents(reads)) + sum(withoutEvents(writes));
}

function perAgent(of: (start: Report['coldStart']) => number): Definition['of'] {
  return ({ coldStart, parameters }) => of(coldStart) / parameters.n;
}

function verification(part: 'knownChain' | 'coldChain'): Definition['of'] {
  return ({ verification }) => verification?.[part satisfies keyof VerificationCost];
}

/** Pure: what every one of the runs measured. */
export function figuresOf(reports: readonly Report[]): readonly Measured[] {
  const probes = (reports[0]?.probes ?? []).map(probeDefinition);
  return [...definitions, ...probes].flatMap(({ of, limit, ...figure }) => {
    const runs = reports.map(of).filter((value) => value !== undefined && Number.isFinite(value)) as number[];
    const limits = limit && { limits: reports.map(limit) };
    return runs.length === reports.length ? [{ ...figure, ...limits, runs }] : [];
  });
}

/** Pure: a sentence for each figure and run above its limit. */
export function overLimit(figures: readonly Measured[]): readonly string[] {
  return figures.flatMap(({ name, unit, runs, limits = [] }) =>
    runs.flatMap((value, run) => {
      const limit = limits[run] ?? Infinity;
      if (value <= limit) return [];
      const [is, most] = [value, limit].map((each) => Number(each.toFixed(2)));
      return [`Run ${run + 1}, ${name}: ${is} ${unit}, and noise does not explain more than ${most}.`];
    }),
  );
}
