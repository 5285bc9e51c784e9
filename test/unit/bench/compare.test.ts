import { describe, expect, test } from 'vitest';
import { compare, type FigureComparison, type Stored, type Taken, wayOf } from '../../bench/compare/compare.ts';
import { comparisonText, doubts } from '../../bench/compare/words.ts';
import { measured, recordWith, takenWith } from './records.ts';

const stored = (...runs: number[]): Stored => ({ kind: 'record', record: recordWith([measured({ runs })]) });
const now = (...runs: number[]): Taken => takenWith([measured({ runs })]);

function first(taken: Taken, against: Stored): FigureComparison | undefined {
  const comparison = compare(taken, against);
  return comparison.kind === 'compared' ? comparison.figures[0] : undefined;
}

const saying = (taken: Taken, against: Stored) => comparisonText(taken, compare(taken, against));

describe('a figure', () => {
  test.each([
    ['beyond the stored runs and the slack', [13, 14], [10, 11.5], 'worse', 'moved: 30 % more, worse'],
    ['below the stored runs and the slack', [7, 7.5], [10, 11.5], 'better', 'moved: 30 % less, better'],
    ['beyond the stored runs, within the slack', [12, 30], [10, 11.5], 'noise', 'noise: 20 % more'],
    ['below the slack with one run, while another lies among the stored', [7, 10.5], [10, 11.5], 'noise', '30 % less'],
    ['just as it was', [10, 11], [10, 11.5], 'noise', 'as before'],
    ['that was nothing', [1, 1], [0, 0], 'worse', 'moved: from 0 to 1, worse'],
    ['that became nothing', [0, 0], [1, 1], 'better', 'moved: 100 % less, better'],
  ] as const)('%s', (_name, runs, before, verdict, words) => {
    expect(first(now(...runs), stored(...before))?.verdict).toBe(verdict);
    expect(saying(now(...runs), stored(...before))).toContain(words);
  });

  test('of which more is better is better when it grew', () => {
    const taken = takenWith([measured({ runs: [20], smallerIsBetter: false })]);
    expect(first(taken, stored(10))?.verdict).toBe('better');
  });

  test('moves the same way when two runs change places, and never both ways', () => {
    const ranges = [0, 1, 1.05, 1.2, 2].flatMap((min) => [0, 0.1, 3].map((spread) => ({ min, max: min + spread })));
    const opposite = { up: 'down', down: 'up', none: 'none' } as const;
    for (const a of ranges) for (const b of ranges) expect(wayOf(a, b, 0)).toBe(opposite[wayOf(b, a, 0)]);
  });

  test('never moves by more slack', () => {
    const ranges = [1, 1.05, 1.2, 2].map((min) => ({ min, max: min + 0.1 }));
    for (const a of ranges) {
      for (const b of ranges) expect([wayOf(a, b, 0), 'none']).toContain(wayOf(a, b, 0.1));
    }
  });

  test('of which nothing is stored, or that is measured no more, is said to be so', () => {
    const taken = takenWith([measured({ name: 'another' })]);
    const comparison = compare(taken, stored(10));
    expect(comparison).toMatchObject({ figures: [{ verdict: 'not-stored' }, { verdict: 'not-measured' }] });
    const text = comparisonText(taken, comparison);
    expect(text).toContain('new: nothing is stored of it');
    expect(text).toContain('not measured now');
  });

  test('in another unit is another figure', () => {
    const taken = takenWith([measured({ unit: 'ms' })]);
    expect(first(taken, stored(10))?.verdict).toBe('not-stored');
  });
});

describe('without anything fit to compare with, the figures are told and', () => {
  test('that nothing is stored', () => {
    const text = saying(now(10), { kind: 'none' });
    expect(text).toContain('10 s');
    expect(text).toContain('no run of this machine with these parameters is stored');
  });

  test('that the stored run cannot be read', () => {
    expect(saying(now(10), { kind: 'unreadable', why: 'it is no JSON' })).toContain('cannot be read (it is no JSON)');
  });

  test('in what the machine differs', () => {
    const record = {
      ...recordWith([measured({})]),
      machine: { ...recordWith([]).machine, kernel: '5.0.0', cores: 64 },
    };
    const text = saying(now(10), { kind: 'record', record });
    expect(text).toContain('taken of another machine (cores: 2 here, 64 there; kernel: 6.1.0 here, 5.0.0 there)');
    expect(text).not.toMatch(/moved|noise/);
  });

  test('in what the parameters differ, those that one of the two does not know as well', () => {
    const record = { ...recordWith([measured({})]), parameters: { n: 300, older: true } };
    const text = saying(now(10), { kind: 'record', record });
    expect(text).toContain('other parameters (silent: 0.05 here, not known there; older: not known here, true there)');
    expect(text).not.toMatch(/moved|noise/);
  });
});

test('the conclusion names the figures that moved, and none that did not', () => {
  const names = ['time', 'memory', 'calm'];
  const record = recordWith(names.map((name) => measured({ name, runs: [10] })));
  const values = { time: 20, memory: 5, calm: 10.1 };
  const taken = takenWith(Object.entries(values).map(([name, value]) => measured({ name, runs: [value] })));
  const text = saying(taken, { kind: 'record', record });
  expect(text.split('\n').at(-1)).toMatch(/Moved, worse: time; better: memory\. What else differs is noise\.$/);
  const calm = saying(takenWith([measured({ runs: [10.1] })]), stored(10));
  expect(calm).toMatch(/No figure moved: what differs is noise\.$/);
});

test('what makes the figures worth less is told: other work now or then, and a stored run that stands alone', () => {
  const [calm, three] = [recordWith([measured({})]), recordWith([measured({ runs: [10, 11, 12] })])];
  const busy = { ...three, loadBefore: 8 };
  const told = (taken: typeof calm, record: typeof calm) =>
    doubts(taken, compare(takenWith([measured({})]), { kind: 'record', record }));
  expect(told(calm, three)).toEqual([]);
  expect(told(busy, three)).toEqual([
    'The machine had other work (a load of 8.0 before the first run): times may have moved by that.',
  ]);
  expect(told(calm, busy).join()).toContain('a load of 8.0 before the stored run');
  expect(told(calm, calm)).toEqual([expect.stringContaining('One run is stored, which shows no spread')]);
  expect(doubts(calm, { kind: 'no-baseline' })).toEqual([]);
});
