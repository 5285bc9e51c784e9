/** `make test`: every stage, how long each took, the slowest tests, every failure, and one last line that counts all tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { constants, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { allTools, integrationTools } from '../test/cluster/catalogue.ts';
import type { Entry } from './test/record.ts';
import { type Ordered, runStages } from './test/stages.ts';
import { type Outcome, summary } from './test/summary.ts';

interface Stage extends Ordered {
  readonly command: readonly string[];
  /** Where vitest writes down its tests. */
  readonly record?: string;
  /** Runs beside others: its lines say whose they are. */
  readonly beside?: true;
  /** Takes what others leave of the machine. */
  readonly behind?: true;
}

const records = mkdtempSync(join(tmpdir(), 'agentcard-test-'));
const vitest = (project: string, after: readonly string[]): Stage => ({
  name: project,
  after,
  command: ['npx', '--no-install', 'vitest', 'run', '--project', project],
  record: join(records, `${project}.json`),
});
const build = (name: string, tools: readonly string[], after: readonly string[]): Stage => ({
  name,
  after,
  command: ['npx', '--no-install', 'node', 'test/cluster/cli.ts', 'build', ...tools],
  beside: true,
  behind: true,
});
const otherTools = allTools.filter((name) => !integrationTools.includes(name));
const stages: readonly Stage[] = [
  { name: 'lint', after: [], command: ['npm', 'run', '-s', 'lint'] },
  { name: 'verify', after: ['lint'], command: ['npx', '--no-install', 'node', 'tools/generate.ts', '--check'] },
  build("integration's tools", integrationTools, ['verify']),
  build('other tools', otherTools, ["integration's tools"]),
  vitest('unit', ['verify']),
  // Beside each other: both wait much.
  { ...vitest('integration', ['unit', "integration's tools"]), beside: true },
  { ...vitest('e2e', ['unit', 'other tools']), beside: true },
];

/** Each stage leads a group of processes, so that its compilers and nodes end with it, whoever is told to end. */
const running = new Set<number>();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    for (const group of running) endGroup(group, signal);
    process.exit(128 + constants.signals[signal]);
  });
}

function endGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // It has ended already: the others are still to be told.
  }
}

const outcomes = await runStages(stages, outcomeOf);
console.log(`\nIn all ${Math.round(performance.now() / 1000)} s.\n${summary(outcomes)}`);
process.exitCode = outcomes.every(({ ok }) => ok) ? 0 : 1;

async function outcomeOf(stage: Stage): Promise<Outcome> {
  console.log(`\n== ${stage.name}`);
  const started = performance.now();
  const ok = (await run(stage)) === 0;
  const seconds = (performance.now() - started) / 1000;
  const { name, record } = stage;
  return { name, seconds, ok, counted: record !== undefined, entries: record === undefined ? [] : readRecord(record) };
}

function run({ name, command: [program = '', ...args], record, beside, behind }: Stage): Promise<number> {
  return new Promise((resolve) => {
    const env = record === undefined ? process.env : { ...process.env, TEST_RECORD: record };
    const out = beside ? 'pipe' : 'inherit';
    const child = spawn(program, args, { stdio: ['ignore', out, out], env, detached: true });
    const { pid } = child;
    if (pid !== undefined) {
      running.add(pid);
      child.on('exit', () => running.delete(pid));
      if (behind) setPriority(pid, constants.priority.PRIORITY_LOW);
    }
    if (beside) nameLines(child, name);
    child.on('error', () => resolve(1));
    child.on('close', (code) => resolve(code ?? 1));
  });
}

function nameLines({ stdout, stderr }: ChildProcess, name: string): void {
  const tell = (from: Readable | null) =>
    from !== null && createInterface({ input: from }).on('line', (line) => console.log(`[${name}] ${line}`));
  for (const from of [stdout, stderr]) tell(from);
}

function readRecord(path: string): readonly Entry[] {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return [];
  }
}
