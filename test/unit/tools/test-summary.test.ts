import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Entry } from '../../../tools/test/record.ts';
import { type Outcome, summary } from '../../../tools/test/summary.ts';
import { run } from '../../cluster/command.ts';

const entry = (title: string, more: Partial<Entry> = {}): Entry => ({
  kind: 'test',
  title,
  file: 'test/some.test.ts',
  seconds: 1,
  state: 'passed',
  errors: [],
  ...more,
});
const failed = (title: string, message: string, diff?: string) =>
  entry(title, { state: 'failed', errors: [diff === undefined ? { message } : { message, diff }] });
const stage = (name: string, more: Partial<Outcome> = {}): Outcome => {
  const entries = more.entries ?? [];
  const ok = entries.every(({ state }) => state !== 'failed');
  return { name, seconds: 2, counted: true, ok, entries, ...more };
};
const lint = stage('lint', { counted: false });
const lines = (text: string) => text.split('\n');

test('the last line counts every test, and every stage that has none', () => {
  const unit = stage('unit', { entries: [entry('a'), entry('b'), entry('c', { state: 'skipped' })] });
  expect(lines(summary([lint, unit])).at(-1)).toBe('3 passed, 0 failed');
});

test('what the tests of a file share counts as no test, unless it fails', () => {
  const shared = entry('what its tests share', { kind: 'shared' });
  expect(lines(summary([stage('unit', { entries: [shared, entry('a')] })])).at(-1)).toBe('1 passed, 0 failed');
  const entries = [{ ...shared, state: 'failed' as const, errors: [{ message: 'no ports' }] }];
  expect(summary([stage('unit', { entries })])).toMatch(
    /FAILED what its tests share .*\n {2}no ports\n0 passed, 1 failed$/,
  );
});

test('a stage that fails without a failed test is a failure with its name', () => {
  const said = summary([stage('lint', { ok: false, counted: false }), stage('e2e', { ok: false })]);
  expect(said).toMatch(/FAILED lint\n.+\n\nFAILED e2e\n.+\n0 passed, 2 failed$/);
});

test('the ten slowest are named with their file and seconds, the slowest first', () => {
  const entries = Array.from({ length: 12 }, (_, index) => entry(`test ${index}`, { seconds: index }));
  const said = lines(summary([stage('unit', { entries })]));
  expect(said.slice(0, 3)).toEqual([
    'The slowest:',
    '    11.0 s  test 11 (test/some.test.ts)',
    '    10.0 s  test 10 (test/some.test.ts)',
  ]);
  expect(said.filter((line) => line.includes(' s  test'))).toHaveLength(10);
});

test('a failure stands just above the count: title, file, message, and of the difference what differs and where', () => {
  const diff = [
    '\u001b[32m- Expected\u001b[39m',
    '\u001b[31m+ Received\u001b[39m',
    '',
    '  {',
    '    "a": 1,',
    '    "same": 1,',
    '    "policies": {',
    '\u001b[32m-     "count": 1,\u001b[39m',
    '\u001b[31m+     "count": 2,\u001b[39m',
    '    },',
    '  }',
  ].join('\n');
  const said = summary([lint, stage('e2e', { entries: [failed('holds', '\u001b[1mexpected so\u001b[22m\n', diff)] })]);
  expect(said.slice(said.indexOf('FAILED'))).toBe(
    [
      'FAILED holds (test/some.test.ts)',
      '  expected so',
      '  - Expected',
      '  + Received',
      '      "policies": {',
      '  -     "count": 1,',
      '  +     "count": 2,',
      '1 passed, 1 failed',
    ].join('\n'),
  );
});

test('a failure takes at most twelve lines and 900 characters', () => {
  const message = Array.from({ length: 40 }, (_, index) => `line ${index} ${'x'.repeat(90)}`).join('\n');
  const said = summary([stage('unit', { entries: [failed('long', message)] })]);
  const block = lines(said.slice(said.indexOf('FAILED'))).slice(0, -1);
  expect(block.length).toBeLessThanOrEqual(13);
  expect(block.join('\n')).toHaveLength(900);
});

test.each([1, 2, 3, 4])(
  'of %i failures the title and the message of each are in the last 1,300 characters',
  (count) => {
    const names = Array.from({ length: count }, (_, index) => `fails ${index}`);
    const entries = names.map((name) => failed(name, `since ${name} ${'y'.repeat(3_000)}`));
    const end = summary([stage('unit', { entries })]).slice(-1_300);
    for (const name of names) expect(end).toContain(`FAILED ${name} (test/some.test.ts)\n  since ${name}`);
  },
);

test('the record of a run holds its differences, what its hooks took, and a hook that failed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'agentcard-record-'));
  const files = {
    'vitest.config.ts': `import { recorder } from ${JSON.stringify(join(import.meta.dirname, '../../../tools/test/record.ts'))};
      export default { test: { reporters: [recorder('record.json')] } };`,
    'a.test.ts': `test('differs', () => expect({ a: 1 }).toEqual({ a: 2 })); test('holds', () => {}); test.skip('waits', () => {});`,
    'b.test.ts': `beforeAll(() => { throw new Error('no ports'); }); test('never runs', () => {});`,
  };
  const imports = "import { beforeAll, expect, test } from 'vitest';\n";
  for (const [name, text] of Object.entries(files))
    writeFileSync(join(folder, name), name[1] === '.' ? imports + text : text);
  const vitest = join(import.meta.dirname, '../../../node_modules/vitest/vitest.mjs');
  await expect(run(process.execPath, [vitest, 'run', '--root', folder], { cwd: folder })).rejects.toThrow();
  const entries = JSON.parse(readFileSync(join(folder, 'record.json'), 'utf8')) as Entry[];
  expect(entries.map(({ kind, title, file, state }) => `${kind} ${title} ${file} ${state}`).sort()).toEqual([
    'shared what its tests share a.test.ts passed',
    'shared what its tests share b.test.ts failed',
    'test differs a.test.ts failed',
    'test holds a.test.ts passed',
    'test never runs b.test.ts skipped',
    'test waits a.test.ts skipped',
  ]);
  const errors = entries.flatMap((each) => each.errors);
  expect(errors.map(({ message }) => message).sort()).toEqual([
    expect.stringContaining('expected { a: 1 }'),
    'no ports',
  ]);
  expect(errors.find(({ diff }) => diff !== undefined)?.diff).toMatch(/- +"a": 2[\s\S]*\+ +"a": 1/);
});
