/** The stored run: where it lies, and when another takes its place. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../../../tools/replace-file.ts';
import { cacheKey, cacheRoot } from '../../cluster/cache.ts';
import type { Comparison, Stored, Taken } from './compare.ts';
import { type BenchRecord, parseRecord } from './record.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface Asked {
  readonly runs: number;
  readonly save: boolean;
  /** A file to compare with; else one in the cache for this machine and these parameters. */
  readonly baseline: string | undefined;
}

/** A run of more agents takes longer than anybody waits for three of them. */
const mostForThreeRuns = 1_000;

/** Pure: `RUNS`, `SAVE` and `BASELINE`; throws a sentence when one cannot be. */
export function askedFrom(env: Env, n: number): Asked {
  const runs = env.RUNS || String(n <= mostForThreeRuns ? 3 : 1);
  if (!/^([1-9]|1\d|20)$/.test(runs)) throw new Error(`RUNS is "${runs}", not a whole number from 1 to 20`);
  const save = env.SAVE || '0';
  if (save !== '0' && save !== '1') throw new Error(`SAVE is "${save}", not 0 or 1`);
  return { runs: Number(runs), save: save === '1', baseline: env.BASELINE || undefined };
}

export function baselineFile({ baseline }: Asked, { machine, parameters }: Taken, env: Env = process.env): string {
  const key = cacheKey(JSON.stringify(machine), JSON.stringify(parameters));
  return baseline ?? join(cacheRoot(env), 'bench', `n-${parameters.n}-${key}.json`);
}

export async function readStored(file: string): Promise<Stored> {
  try {
    const parsed = parseRecord(await readFile(file, 'utf8'));
    return parsed.ok ? { kind: 'record', record: parsed.record } : { kind: 'unreadable', why: parsed.why };
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? { kind: 'none' } : { kind: 'unreadable', why: code };
  }
}

/** Pure: the first run stores itself; any other takes the place of what is stored only when asked. */
export function isStored({ save }: Asked, { kind }: Comparison, faults: readonly string[]): boolean {
  return faults.length === 0 && (save || kind === 'no-baseline');
}

export async function store(file: string, record: BenchRecord): Promise<void> {
  await replaceFile(file, Buffer.from(`${JSON.stringify(record, null, 1)}\n`));
}
