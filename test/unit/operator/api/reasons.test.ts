import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Condition } from '../../../../src/kube/objects.ts';
import {
  blockedRemedies,
  type ConditionType,
  floorRemedies,
  reasons,
  remedy,
} from '../../../../src/operator/api/conditions.ts';

/** The moments on record, which golden.test.ts holds the code to. */
const golden = join(import.meta.dirname, '../../../golden/plan');
const produced = readdirSync(golden).flatMap((file) => {
  const moment = parse(readFileSync(join(golden, file), 'utf8')) as {
    then?: { status?: { conditions?: Condition[] } };
  };
  return moment.then?.status?.conditions ?? [];
});
const reference = readFileSync(join(import.meta.dirname, '../../../../docs/reference.md'), 'utf8');
const all = Object.entries(reasons).flatMap(([type, known]) =>
  Object.keys(known).map((reason) => [type as ConditionType, reason] as const),
);

test.each(all)('%s %s stands in the reference, and a moment on record produces it with its remedy', (type, reason) => {
  expect(reference).toContain(`| ${type} | \`${reason}\` |`);
  const told = produced.filter((condition) => condition.type === type && condition.reason === reason);
  expect(told.some(({ message }) => message.endsWith(remedy(type, reason)))).toBe(true);
});

test('whatever is not True says what to do, and no reason is outside the list', () => {
  expect(produced.length).toBeGreaterThan(300);
  const known = new Set(all.map(([type, reason]) => `${type} ${reason}`));
  for (const { type, status, reason, message } of produced) {
    if (type !== 'Ready') expect(known).toContain(`${type} ${reason}`);
    const todo = remedy(type as ConditionType, reason);
    if (status === 'True') continue;
    expect(todo).not.toBe('');
    const own = Object.values({ ...blockedRemedies, ...floorRemedies }).some((words) => message.endsWith(words));
    expect([message, own || message.endsWith(todo)]).toEqual([message, true]);
  }
});
