import { readFileSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { reasons } from '../../../../src/operator/api/conditions.ts';
import {
  bases,
  basesFrom,
  difference,
  type Golden,
  nearest,
  pathOf,
  plans,
  readGolden,
  recorded,
  recordedBases,
  textOf,
} from '../kit/golden.ts';
import { life, tellLife } from '../kit/lives.ts';
import { type Json, type Outcome, outcomeOf } from '../kit/outcome.ts';
import { tell } from '../kit/tell.ts';

/** UPDATE_GOLDEN=1 writes `then`, and `like` where a file names no base. */
const update = process.env.UPDATE_GOLDEN === '1';
const outcomes = new Map(
  [...bases, ...plans].map((file) => {
    const { before, given } = readGolden(file);
    return [file, outcomeOf(tell(given, before === undefined ? undefined : tell(before)))] as const;
  }),
);
const outcomeFor = (file: string) => outcomes.get(file) as Outcome;
const known = update ? basesFrom(outcomeFor) : recordedBases();

if (update) for (const file of [...bases, ...plans]) rewrite(file, readGolden(file));

function rewrite(file: string, golden: Golden): void {
  const outcome = outcomeFor(file);
  const like = file.startsWith('base/') ? undefined : (golden.like ?? nearest(outcome, known));
  if (like !== golden.like) console.info(`${file}: like ${like}`);
  const [head = ''] = readFileSync(pathOf(file), 'utf8').split(/^(?:like|then):/m);
  const then = difference(outcome, like, known);
  writeFileSync(pathOf(file), head + textOf({ ...(like === undefined ? {} : { like }), then }));
}

const moments = [...bases, ...plans].map((file) => ({ file, golden: readGolden(file) }));

describe('on record', () => {
  test.each(moments)('$golden.title ($file)', ({ file, golden }) => {
    expect(recorded(golden, known)).toStrictEqual(outcomeFor(file));
    // It says no more than what differs.
    expect(golden.then).toEqual(difference(outcomeFor(file), golden.like, known));
  });

  test('no plan passes for another one: whatever of it is changed, missing, added or exchanged is seen', () => {
    for (const { file, golden } of moments) {
      const record = recorded(golden, known);
      const unseen = [...mutants(outcomeFor(file) as object as Json)].find((other) => isDeepStrictEqual(record, other));
      expect({ file, unseen }).toEqual({ file, unseen: undefined });
    }
  });

  test('any plan can be told as the difference from any base, and is given back whole', () => {
    fc.assert(
      fc.property(life, fc.constantFrom(...known.briefs.keys()), (lived, like) => {
        const outcome = outcomeOf(tellLife(lived));
        const then = difference(outcome, like, known);
        expect(recorded({ title: '', given: {}, like, then }, known)).toStrictEqual(outcome);
      }),
      { numRuns: 300 },
    );
  });

  test('at least sixty moments are held', () => expect(plans.length).toBeGreaterThanOrEqual(60));

  test('every reason of every condition stands in one of them', () => {
    const said = new Set(
      [...outcomes.values()].flatMap(({ status }) =>
        typeof status === 'string'
          ? []
          : (status.conditions as { type: string; reason: string }[]).map(({ type, reason }) => `${type} ${reason}`),
      ),
    );
    const all = Object.entries(reasons).flatMap(([type, table]) =>
      Object.keys(table).map((reason) => `${type} ${reason}`),
    );
    expect(all.filter((one) => !said.has(one))).toEqual([]);
  });
});

/** The same with one leaf changed, one member or item taken away or added, or two neighbours exchanged. */
function* mutants(value: Json): Generator<Json> {
  if (Array.isArray(value)) {
    yield [...value, 'one more'];
    for (const [index, item] of value.entries()) {
      yield value.toSpliced(index, 1);
      const before = value[index - 1];
      if (before !== undefined && !isDeepStrictEqual(before, item)) yield value.toSpliced(index - 1, 2, item, before);
      for (const other of mutants(item)) yield value.with(index, other);
    }
  } else if (typeof value === 'object' && value !== null) {
    yield { ...value, more: true };
    for (const [key, item] of Object.entries(value)) {
      const { [key]: _, ...rest } = value as Readonly<Record<string, Json>>;
      yield rest;
      for (const other of mutants(item)) yield { ...value, [key]: other };
    }
  } else yield typeof value === 'string' ? `${value}.` : typeof value === 'number' ? value + 1 : !value;
}
