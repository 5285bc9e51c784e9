import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { families, foreignFinalizers } from '../../../../src/operator/api/names.ts';

const root = join(import.meta.dirname, '../../../..');
const filesBelow = (folder: string) =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

const generated = "Written by 'make generate'";
/** An example in a comment follows nothing. */
const withoutComments = (text: string) =>
  text.includes(generated) ? text : text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');

test('the names of the Go operator stand in one table, and whatever else needs one takes it from there', () => {
  const table = join(root, 'src/operator/api/names.ts');
  // The name of a signature form is a contract of its own.
  const form = join(root, 'src/agentcard/forms/legacy.ts');
  const names = /kagenti|rossoctl/i;
  const handWritten = ['src', 'tools', 'charts']
    .flatMap(filesBelow)
    .filter((file) => !file.includes('node_modules') && file !== table && file !== form)
    .map((file) => ({ file, text: withoutComments(readFileSync(file, 'utf8')) }))
    .filter(({ file, text }) => !text.includes(generated) && !file.endsWith('values.schema.json'));
  expect(handWritten.length).toBeGreaterThan(100);
  expect(handWritten.filter(({ text }) => names.test(text)).map(({ file }) => file)).toEqual([]);
});

test('every family has names of its own, and the same ones', () => {
  const [first, ...others] = families;
  for (const other of others) {
    const keys = Object.keys(first) as (keyof typeof first)[];
    expect(Object.keys(other)).toEqual(keys);
    for (const key of keys) expect(other[key]).not.toEqual(first[key]);
  }
});

test.each(['kagenti', 'rossoctl'])('the finalizers of %s are known, and nobody else’s', (name) => {
  const theirs = [`agentcard.${name}.dev/finalizer`, `agentcard.${name}.dev/network-policy`];
  expect(foreignFinalizers([...theirs, 'example.org/other'])).toEqual(['example.org/other']);
  expect(foreignFinalizers(['example.org/other', `agent.${name}.dev/finalizer`])).toBeUndefined();
});
