import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { page, root, rowsBelow } from './pages.ts';

const adversaries = [
  'Any agent',
  'A tenant with all rights in one namespace',
  'An editor of cards',
  'A network on the path',
  'A trust bundle',
  'Who reaches for the page',
];
const text = page('docs/threat-model.md');
const rows = adversaries.flatMap((who) =>
  rowsBelow(text, `## ${who}`).map(([tries = '', , tests = '']) => ({ who, tries, tests })),
);

describe('what the threat model says holds', () => {
  test('is said of every adversary', () => {
    for (const who of adversaries) expect(rows.filter((row) => row.who === who).length).toBeGreaterThan(3);
  });

  test.each(rows)('where $who tries $tries, the tests that are named are there', ({ tests }) => {
    for (const reference of tests.split('<br>')) {
      const [, file = '', title = ''] = /^`((?:test|plan)\/\S+)`: (.+)$/.exec(reference) ?? [];
      expect([reference, title]).not.toEqual([reference, '']);
      const source = readFileSync(join(root, file.startsWith('plan/') ? `test/golden/${file}` : file), 'utf8');
      expect(source.replaceAll("\\'", "'")).toContain(title);
    }
  });
});

test('what does not hold is said as well', () => {
  const [, open = ''] = text.split('## What does not hold');
  expect(open.match(/^- \*\*/gm)?.length).toBeGreaterThan(8);
});
