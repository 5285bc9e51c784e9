import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/** What a run tells of one test, of what the tests of a file share (its hooks and its import), or of an error outside every file. */
export interface Entry {
  readonly kind: 'test' | 'shared' | 'outside';
  readonly title: string;
  readonly file: string;
  readonly seconds: number;
  readonly state: 'passed' | 'failed' | 'skipped';
  readonly errors: readonly Said[];
}

/** An error's message, and what was expected and received, line by line. */
export interface Said {
  readonly message: string;
  readonly diff?: string;
}

type Outside = Parameters<NonNullable<Reporter['onTestRunEnd']>>[1];

/** A reporter that writes the run down: vitest's own JSON lacks the differences and what hooks took. */
export function recorder(path: string): Reporter {
  return {
    onTestRunEnd: (modules, outside) => {
      const entries = [...modules.flatMap(entriesOf), ...outside.map(entryOutside)];
      writeFileSync(path, JSON.stringify(entries));
    },
  };
}

function entriesOf(module: TestModule): Entry[] {
  const file = module.relativeModuleId;
  const tests = [...module.children.allTests()].map((test): Entry => {
    const result = test.result();
    const state = result.state === 'pending' ? 'failed' : result.state;
    const seconds = (test.diagnostic()?.duration ?? 0) / 1000;
    return { kind: 'test', title: test.fullName, file, seconds, state, errors: (result.errors ?? []).map(saidBy) };
  });
  const errors = [module, ...module.children.allSuites()].flatMap((suite) => suite.errors()).map(saidBy);
  const whole = module.diagnostic();
  const testsSeconds = tests.reduce((sum, test) => sum + test.seconds, 0);
  const seconds = Math.max(0, (whole.duration + whole.collectDuration) / 1000 - testsSeconds);
  const state = errors.length > 0 ? 'failed' : 'passed';
  return [{ kind: 'shared', title: 'what its tests share', file, seconds, state, errors }, ...tests];
}

function entryOutside(error: Outside[number]): Entry {
  return {
    kind: 'outside',
    title: 'an error outside every test',
    file: '',
    seconds: 0,
    state: 'failed',
    errors: [saidBy(error)],
  };
}

function saidBy({ message, diff }: { readonly message: string; readonly diff?: unknown }): Said {
  return typeof diff === 'string' ? { message, diff } : { message };
}
