import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Condition } from '../../../../src/kube/objects.ts';
import {
  blockedRemedies,
  type ConditionType,
  floorRemedies,
  reasons,
  remedy,
} from '../../../../src/operator/api/conditions.ts';
import { plans, readGolden, recorded, recordedBases } from '../kit/golden.ts';

/** The moments on record, which golden.test.ts holds the code to. */
const known = recordedBases();
const produced = plans.flatMap((file) => {
  const { status } = recorded(readGolden(file), known);
  return typeof status === 'string' ? [] : (status.conditions as object as Condition[]);
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

test('Stalled is True where only a person can help, for that reason, and absent otherwise', () => {
  const moments = plans.flatMap((file) => {
    const { status } = recorded(readGolden(file), known);
    return typeof status === 'string' ? [] : [status.conditions as object as Condition[]];
  });
  const deaf = ['Quarantined', 'CardNotApproved', 'NotAgentWorkload', 'AmbiguousService', 'Conflict'];
  for (const conditions of moments) {
    const told = ['Ready', 'Synced', 'Verified'].flatMap((type) => conditions.find((each) => each.type === type) ?? []);
    const [cause] = told.filter(({ reason }) => deaf.includes(reason));
    const stalled = conditions.find(({ type }) => type === 'Stalled');
    expect(stalled && [stalled.status, stalled.reason, stalled.message]).toEqual(
      cause && ['True', cause.reason, cause.message],
    );
  }
});
