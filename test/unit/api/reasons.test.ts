import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { reasons } from '../../../src/api/conditions.ts';

const golden = join(import.meta.dirname, '../../golden/plan');
const plans = readdirSync(golden).map((file) => readFileSync(join(golden, file), 'utf8'));
const readme = readFileSync(join(import.meta.dirname, '../../../README.md'), 'utf8');
const all = Object.entries(reasons).flatMap(([type, known]) =>
  Object.keys(known).map((reason) => [type, reason] as const),
);

test.each(all)('%s %s stands in the README with its remedy, and a moment on record produces it', (type, reason) => {
  expect(readme).toContain(`| ${type} | \`${reason}\` |`);
  expect(plans.some((plan) => new RegExp(`reason: ${reason}\\b`).test(plan))).toBe(true);
});
