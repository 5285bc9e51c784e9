import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { reasons } from '../../../src/operator/api/conditions.ts';
import { flags } from '../../../src/operator/settings/flag-table.ts';

const migration = await readFile('docs/migration.md', 'utf8');
const operations = await readFile('docs/operations.md', 'utf8');

function section(page: string, title: string): string {
  const [, text = ''] = page.split(new RegExp(`^#+ ${title}\n`, 'm'));
  return text.split(/^#+ /m)[0] ?? '';
}

test('whoever comes from the Go operator finds each difference with what was there and what is here', () => {
  const rows = section(migration, 'Differences from the Go operator').matchAll(
    /^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm,
  );
  const here = new Map([...rows].map(([, what = '', _there, text = '']) => [what, text]));
  expect(here.get('`identityBinding.strict`')).toContain(
    `\`--strict-binding\`, which is \`${flags.strictBinding.default}\``,
  );
  expect(here.get('invalid signature')).toContain('over mutual TLS too');
  expect(Object.keys(reasons.Bound).some((reason) => here.get('signer and server')?.includes(`\`${reason}\``))).toBe(
    true,
  );
  expect(here.get('verified label')).toContain('in place');
  expect(here.get('Kubernetes client')).toContain('a TLS connection for every call');
  expect(here.get('Workload API client')).toContain('denied');
});

test('that users fetch cards as before is answered among the questions', () => {
  expect(section(operations, 'Questions')).toMatch(/\*\*Does the way in which users fetch cards change\?\*\* No\./);
});
