/** `make test`: every stage in order, how long each took, and one last line that counts all tests. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allTools } from '../test/cluster/catalogue.ts';

interface Stage {
  readonly name: string;
  readonly command: readonly string[];
  /** Writes a vitest JSON report that is counted. */
  readonly counted: boolean;
}

const reports = mkdtempSync(join(tmpdir(), 'agentcard-test-'));
const vitest = (project: string): Stage => ({
  name: project,
  command: [
    'npx',
    'vitest',
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report(project)}`,
  ],
  counted: true,
});
const stages: readonly Stage[] = [
  { name: 'lint', command: ['npm', 'run', '-s', 'lint'], counted: false },
  { name: 'verify', command: ['npx', '--no-install', 'node', 'tools/generate.ts', '--check'], counted: false },
  vitest('unit'),
  {
    name: 'tools',
    command: ['npx', '--no-install', 'node', 'test/cluster/cli.ts', 'build', ...allTools],
    counted: false,
  },
  vitest('integration'),
  vitest('e2e'),
];

let passed = 0;
let failed = 0;
const times: string[] = [];
for (const stage of stages) {
  console.log(`\n== ${stage.name}`);
  const started = performance.now();
  const code = await run(stage.command);
  times.push(`${stage.name} ${Math.round((performance.now() - started) / 1000)} s`);
  const counts = stage.counted ? countsOf(stage.name) : { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1 };
  passed += counts.passed;
  failed += counts.failed;
  if (code !== 0 && counts.failed === 0) failed += 1;
}
console.log(`\n${times.join(', ')}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function report(project: string): string {
  return join(reports, `${project}.json`);
}

function run([program = '', ...args]: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', () => resolve(1));
    child.on('close', (code) => resolve(code ?? 1));
  });
}

function countsOf(project: string): { passed: number; failed: number } {
  try {
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report(project), 'utf8'));
    return { passed: numPassedTests, failed: numFailedTests };
  } catch {
    return { passed: 0, failed: 1 };
  }
}
