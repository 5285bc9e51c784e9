import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { askedFrom, baselineFile, isStored, readStored, store } from '../../bench/compare/baseline.ts';
import { compare } from '../../bench/compare/compare.ts';
import { parseRecord } from '../../bench/compare/record.ts';
import { measured, recordWith, takenWith } from './records.ts';

const record = recordWith([measured({})]);
const asked = { runs: 3, save: false, baseline: undefined };
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agentcard-baseline-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('what was stored is read as it was, and nothing else lies beside it', async () => {
  const file = join(folder, 'deep', 'n-300.json');
  await store(file, record);
  expect(await readStored(file)).toEqual({ kind: 'record', record });
  expect(await readdir(join(folder, 'deep'))).toEqual(['n-300.json']);
});

test('no file, no JSON and no file at all are told apart', async () => {
  expect(await readStored(join(folder, 'absent.json'))).toEqual({ kind: 'none' });
  expect(await readStored(folder)).toEqual({ kind: 'unreadable', why: 'EISDIR' });
  await writeFile(join(folder, 'torn.json'), '{"schema":');
  expect(await readStored(join(folder, 'torn.json'))).toEqual({ kind: 'unreadable', why: 'it is no JSON' });
});

test.each([
  ['of another schema', { schema: 2 }, 'schema'],
  ['with a key that nobody knows', { more: 1 }, 'unrecognized_keys'],
  ['with a figure below nothing', { figures: [{ ...record.figures[0], runs: [-1] }] }, 'figures.0.runs.0'],
  ['with a figure of no run', { figures: [{ ...record.figures[0], runs: [] }] }, 'figures.0.runs'],
  ['with another unit', { figures: [{ ...record.figures[0], unit: 'miles' }] }, 'figures.0.unit'],
  ['with no figures', { figures: [] }, 'figures'],
  ['that would colour a terminal', { machine: { ...record.machine, cpu: '\u001b[31mred' } }, 'machine.cpu'],
  ['that is no commit', { commit: 'main' }, 'commit'],
])('a record %s is refused, and the reason names the place', (_name, change, place) => {
  const parsed = parseRecord(JSON.stringify({ ...record, ...change }));
  expect(parsed.ok ? 'taken' : parsed.why).toContain(place);
});

describe('the file', () => {
  const fileOf = (taken: typeof record) => baselineFile(asked, { ...taken, figures: [] }, { AGENTCARD_CACHE: folder });

  test('lies in the cache, and is another for another machine and for other parameters', () => {
    const files = [
      fileOf(record),
      fileOf({ ...record, machine: { ...record.machine, kernel: '7.0.0' } }),
      fileOf({ ...record, parameters: { ...record.parameters, silent: 0 } }),
    ];
    expect(new Set(files).size).toBe(files.length);
    for (const file of files) expect(file).toMatch(new RegExp(`^${folder}/bench/n-300-[0-9a-f]{16}\\.json$`));
  });

  test('is the same for another commit on another day', () => {
    expect(fileOf({ ...record, commit: 'unknown', takenAt: '2027-01-01T00:00:00.000Z' })).toBe(fileOf(record));
  });

  test('is the one that BASELINE names', () => {
    expect(baselineFile(askedFrom({ BASELINE: 'mine.json' }, 300), takenWith([]))).toBe('mine.json');
  });
});

describe('a run', () => {
  const taken = takenWith([measured({})]);
  const [none, same] = [compare(taken, { kind: 'none' }), compare(taken, { kind: 'record', record })];
  const unreadable = compare(taken, { kind: 'unreadable', why: 'EISDIR' });
  const save = { ...asked, save: true };

  test('is stored when it is the first, and replaces nothing unasked', () => {
    expect([none, same, unreadable].map((comparison) => isStored(asked, comparison, []))).toEqual([true, false, false]);
    expect([none, same, unreadable].map((comparison) => isStored(save, comparison, []))).toEqual([true, true, true]);
  });

  test('with a count over its limit is never stored', () => {
    expect([none, same].map((comparison) => isStored(save, comparison, ['idle writes: 1']))).toEqual([false, false]);
  });

  test('is three where three are short, and one of more than a thousand agents', () => {
    expect([300, 1_000, 1_001].map((n) => askedFrom({}, n).runs)).toEqual([3, 3, 1]);
    expect(askedFrom({ RUNS: '2', SAVE: '1' }, 10_000)).toMatchObject({ runs: 2, save: true });
  });

  test.each([{ RUNS: '0' }, { RUNS: '1.5' }, { RUNS: '21' }, { RUNS: 'all' }, { SAVE: 'yes' }])(
    'is refused with %o',
    (env) => {
      expect(() => askedFrom(env, 300)).toThrow(/^(RUNS|SAVE) is ".*", not /);
    },
  );
});
