/** `make test`: every stage in order, how long each took, the slowest tests, every failure, and one last line that counts all tests. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allTools } from '../test/cluster/catalogue.ts';
import type { Entry } from './test/record.ts';
import { type Outcome, summary } from './test/summary.ts';

interface Stage {
  readonly name: string;
  readonly command: readonly string[];
  /** Where vitest writes down its tests. */
  readonly record?: string;
}

const records = mkdtempSync(join(tmpdir(), 'agentcard-test-'));
const vitest = (project: string): Stage => ({
  name: project,
  command: ['npx', '--no-install', 'vitest', 'run', '--project', project],
  record: join(records, `${project}.json`),
});
const stages: readonly Stage[] = [
  { name: 'lint', command: ['npm', 'run', '-s', 'lint'] },
  { name: 'verify', command: ['npx', '--no-install', 'node', 'tools/generate.ts', '--check'] },
  vitest('unit'),
  { name: 'tools', command: ['npx', '--no-install', 'node', 'test/cluster/cli.ts', 'build', ...allTools] },
  vitest('integration'),
  vitest('e2e'),
];

const outcomes: Outcome[] = [];
for (const stage of stages) outcomes.push(await outcomeOf(stage));
console.log(`\n${summary(outcomes)}`);
process.exitCode = outcomes.every(({ ok }) => ok) ? 0 : 1;

async function outcomeOf(stage: Stage): Promise<Outcome> {
  console.log(`\n== ${stage.name}`);
  const started = performance.now();
  const ok = (await run(stage)) === 0;
  const seconds = (performance.now() - started) / 1000;
  const { name, record } = stage;
  return { name, seconds, ok, counted: record !== undefined, entries: record === undefined ? [] : readRecord(record) };
}

function run({ command: [program = '', ...args], record }: Stage): Promise<number> {
  return new Promise((resolve) => {
    const env = record === undefined ? process.env : { ...process.env, TEST_RECORD: record };
    const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'], env });
    child.on('error', () => resolve(1));
    child.on('close', (code) => resolve(code ?? 1));
  });
}

function readRecord(path: string): readonly Entry[] {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return [];
  }
}
