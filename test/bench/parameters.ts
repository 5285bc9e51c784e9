/** What a run measures. Each parameter is a variable of the environment in capitals: `N=1000 SILENT=0.1 make bench`. */
export interface Parameters {
  /** How many agents, each with a Deployment, a Service, a pod and an AgentCard. */
  readonly n: number;
  readonly namespaces: number;
  /** Shares of the agents, from 0 to 1, that … accept and never answer; */
  readonly silent: number;
  /** … reset every connection; */
  readonly resetting: number;
  /** … answer a second late; */
  readonly slow: number;
  /** … prove another identity of the same trust domain. */
  readonly lying: number;
  readonly syncPeriodSeconds: number;
  /** The same during the cold start: by default as the product's, so that nobody is asked twice meanwhile. */
  readonly coldSyncPeriodSeconds: number;
  /** Length of the idle phase, in sync periods. */
  readonly idlePeriods: number;
  readonly fetchConcurrency: number;
  readonly fetchTimeoutSeconds: number;
  readonly enforcement: 'off' | 'audit' | 'enforce';
  readonly cardBytes: number;
  /** How many other agents each card lists as its callers; 0 leaves each agent to all. */
  readonly callers: number;
  /** Wait for the last event before the idle phase; 0 leaves its writes in there. */
  readonly settle: boolean;
  /** Compare with the bare loop. */
  readonly bare: boolean;
  /** Write CPU and heap profiles of the operator. */
  readonly profile: boolean;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Throws a sentence when a variable is not a number of its range. */
export function parametersFrom(env: Env, preset: Partial<Parameters> = {}): Parameters {
  const number = (name: string, fallback: number, max = 1e6) => numberFrom(env, { name, fallback, max });
  const share = (name: string, fallback: number) => number(name, fallback, 1);
  const n = number('N', preset.n ?? 300, 16_000);
  return {
    n,
    namespaces: number('NAMESPACES', preset.namespaces ?? Math.ceil(n / 100)),
    silent: share('SILENT', preset.silent ?? 0.05),
    resetting: share('RESETTING', preset.resetting ?? 0),
    slow: share('SLOW', preset.slow ?? 0),
    lying: share('LYING', preset.lying ?? 0),
    // More than a hundred questions a second would measure the agents, which share this machine.
    syncPeriodSeconds: number('SYNC_PERIOD', preset.syncPeriodSeconds ?? Math.max(5, Math.ceil(n / 100))),
    coldSyncPeriodSeconds: number('COLD_SYNC_PERIOD', preset.coldSyncPeriodSeconds ?? 300),
    idlePeriods: number('IDLE_PERIODS', preset.idlePeriods ?? 20),
    fetchConcurrency: number('FETCH_CONCURRENCY', preset.fetchConcurrency ?? 64, 1024),
    fetchTimeoutSeconds: number('FETCH_TIMEOUT', preset.fetchTimeoutSeconds ?? 5),
    enforcement: preset.enforcement ?? enforcementFrom(env.ENFORCEMENT ?? 'enforce'),
    cardBytes: number('CARD_BYTES', preset.cardBytes ?? 3_000),
    callers: number('CALLERS', preset.callers ?? 0, 64),
    settle: number('SETTLE', preset.settle === false ? 0 : 1) === 1,
    bare: number('BARE', preset.bare === false ? 0 : 1) === 1,
    profile: number('PROFILE', preset.profile === true ? 1 : 0) === 1,
  };
}

function enforcementFrom(text: string): Parameters['enforcement'] {
  if (text === 'off' || text === 'audit' || text === 'enforce') return text;
  throw new Error(`ENFORCEMENT is "${text}", not off, audit or enforce`);
}

function numberFrom(env: Env, { name, fallback, max }: { name: string; fallback: number; max: number }): number {
  const text = env[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0 && value <= max) return value;
  throw new Error(`${name} is "${text}", not a number from 0 to ${max}`);
}

/** The last two are a tenant's: one second less than the operator waits, and another card at every question. */
export const parts = ['good', 'silent', 'resetting', 'slow', 'lying', 'tardy', 'changing'] as const;
export type Part = (typeof parts)[number];

/** Which part an agent plays: the shares are exact, and each is spread evenly over the fleet. */
export function partOf(index: number, { n, silent, resetting, slow, lying }: Parameters): Part {
  let at = spread(index, n);
  for (const [part, share] of Object.entries({ silent, resetting, slow, lying }) as [Part, number][]) {
    const count = Math.round(share * n);
    if (at < count) return part;
    at -= count;
  }
  return 'good';
}

/** A permutation of 0…n-1 that puts neighbours far apart. */
function spread(index: number, n: number): number {
  let step = Math.max(1, Math.round(n * 0.618));
  while (divisor(step, n) !== 1) step += 1;
  return (index * step) % n;
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}
