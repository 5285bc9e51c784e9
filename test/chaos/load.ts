/** What the operator takes while it is watched, and how long its event loop stands still. */
import { get } from 'node:http';
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

export const metricsPort = 18_080;
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
    const now = await look(operator).catch(() => last);
    last = { ...now, reconciles: now.reconciles ?? last.reconciles };
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
    reconcilesPerSecond: ((last.reconciles ?? 0) - (begin.reconciles ?? 0)) / seconds,
  };
}

async function look({ daemon }: RunningOperator) {
  const begin = Date.now();
  const text = await scrape().catch(() => undefined);
  const at = Date.now();
  const figures = await processFigures(daemon.pid);
  // An answer that did not come is a pause as well.
  const lag = text === undefined ? (at - begin) / 1000 : total(text, 'nodejs_eventloop_lag_max_seconds');
  const reconciles =
    text === undefined ? undefined : total(text, 'controller_runtime_reconcile_total', { controller: 'agentcard' });
  return { at, lag, reconciles, ...figures };
}

/** From another address than the tenant's, who holds the connections of its own: as Prometheus does. */
function scrape(): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port: metricsPort,
      path: '/metrics',
      localAddress: '127.0.0.2',
      timeout: 5_000,
    };
    const request = get(options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => {
        text += piece;
      });
      response.on('end', () => resolve(text));
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', reject);
  });
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
