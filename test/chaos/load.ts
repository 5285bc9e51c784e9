/** What the operator takes while it is watched, and how long its event loop stands still. */
import { setTimeout as sleep } from 'node:timers/promises';
import { processFigures, total } from '../bench/metrics.ts';
import type { RunningOperator } from '../bench/operator.ts';

export interface OperatorLoad {
  /** The most that it and its children took at one time. */
  readonly memoryMiB: number;
  /** Of its own and its children's time, of one core. */
  readonly cores: number;
  /** Of each look: the longest pause of the event loop. */
  readonly longestLagSeconds: number;
  readonly lags: Readonly<Record<string, number>>;
  readonly reconcilesPerSecond: number;
}

const everyMs = 1_000;
const looksPerWord = 30;

/** For so long, or until it ends. */
export async function underLoad(
  operator: RunningOperator,
  forMs: number,
  tell: (now: string) => void,
): Promise<OperatorLoad> {
  const begin = await look(operator);
  const lags: number[] = [];
  let memoryMiB = 0;
  let last = begin;
  const over = begin.at + forMs;
  for (let looks = 1; Date.now() < over && operator.daemon.alive(); looks++) {
    await sleep(everyMs);
    last = await look(operator).catch(() => last);
    memoryMiB = Math.max(memoryMiB, last.rssMiB);
    lags.push(last.lag);
    if (looks % looksPerWord === 0) tell(`${last.rssMiB.toFixed(0)} MiB, lag ${Math.max(...lags).toFixed(1)} s`);
  }
  const seconds = (last.at - begin.at) / 1000;
  return {
    memoryMiB,
    cores: (last.cpuSeconds - begin.cpuSeconds) / seconds,
    longestLagSeconds: Math.max(...lags),
    lags: histogram(lags),
    reconcilesPerSecond: (last.reconciles - begin.reconciles) / seconds,
  };
}

async function look({ daemon, metrics }: RunningOperator) {
  const begin = Date.now();
  const text = await metrics();
  const at = Date.now();
  const figures = await processFigures(daemon.pid);
  // An answer that did not come is a pause as well.
  const lag = text === undefined ? (at - begin) / 1000 : total(text, 'nodejs_eventloop_lag_max_seconds');
  const reconciles =
    text === undefined ? 0 : total(text, 'controller_runtime_reconcile_total', { controller: 'agentcard' });
  return { at, lag, reconciles, ...figures };
}

const bounds = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 33, 36, 40, 45, 50, 60, 75, 90, Infinity];

/** Pure: how many are at most so large, and larger than the bound before. */
export function histogram(values: readonly number[]): Readonly<Record<string, number>> {
  const counted = bounds.map((bound, at) => {
    const within = values.filter((value) => value <= bound && value > (bounds[at - 1] ?? -Infinity));
    return [String(bound), within.length] as const;
  });
  return Object.fromEntries(counted.filter(([, count]) => count > 0));
}
