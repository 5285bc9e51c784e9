import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { agentCardSpecSchema, agentCardStatusSchema } from '../../../src/operator/api/agentcard.ts';
import { questions } from '../../../src/operator/judge/questions.ts';
import { flags } from '../../../src/operator/settings/flag-table.ts';
import { markdownTable } from '../../../tools/generate/markdown.ts';
import { questionTable, referencePage } from '../../../tools/generate/reference.ts';
import { tell } from '../operator/kit/tell.ts';

const page = await referencePage();
const names = (texts: Iterable<string>) => [...texts].filter((text) => !page.includes(`| \`${text}\` |`));

describe('the reference', () => {
  test('lists every flag', () => {
    for (const { name } of Object.values(flags)) expect(page).toContain(`| \`--${name}\``);
  });

  test('lists every metric that the operator’s source names', () => {
    const folder = 'src/operator/metrics';
    const source = readdirSync(folder).map((file) => readFileSync(`${folder}/${file}`, 'utf8'));
    const metrics = [...source.join('').matchAll(/'(agentcard_\w+)'/g)].map(([, name = '']) => name);
    expect(metrics.length).toBeGreaterThan(10);
    expect(names(metrics)).toEqual([]);
  });

  test('lists every field of the kind', () => {
    expect(names(Object.keys(agentCardSpecSchema.shape).map((name) => `spec.${name}`))).toEqual([]);
    expect(names(Object.keys(agentCardStatusSchema.shape).map((name) => `status.${name}`))).toEqual([]);
  });

  test('lists nothing without a word about it', () => {
    expect(page.match(/^\| `.*\|\s*\|$/gm)).toBeNull();
  });

  test('lists every value of the chart', () => {
    const groups = ['resources', 'networkProbe.resources', 'injection.resources', 'config'];
    const leaves = (value: unknown, path: string): string[] => {
      const open = typeof value !== 'object' || value === null || Array.isArray(value) || groups.includes(path);
      if (open || path.endsWith('labels')) return [path];
      return Object.entries(value).flatMap(([name, below]) => leaves(below, path === '' ? name : `${path}.${name}`));
    };
    const all = leaves(parse(readFileSync('charts/agentcard-operator/values.yaml', 'utf8')), '');
    expect(all.length).toBeGreaterThan(30);
    expect(names(all)).toEqual([]);
  });

  test('lists the questions that a status answers, in their order', () => {
    const { fields } = tell();
    expect(questions.map(({ name }) => name)).toEqual(fields?.checks?.map(({ name }) => name));
  });
});

test('the table of questions says of each what its answers are worth, and says it once', () => {
  const late = { weight: 'guilt', Synced: 'FetchFailed', Verified: 'NotVerified' } as const;
  const decides = { late, tooLate: late, odd: { weight: 'note' } } as const;
  const table = questionTable([{ name: 'punctual', about: 'pod', asks: 'Is it on time?', decides }]);
  expect(table.split('\n')[2]).toBe(
    '| 1 | `punctual` | pod | Is it on time? | guilt: Synced `FetchFailed`, Verified `NotVerified`<br>note: no condition |',
  );
});

test('neither a bar nor a line break ends a cell', () => {
  expect(markdownTable(['a', 'b'], [['x|y', 'one\ntwo']])).toBe('| a | b |\n| --- | --- |\n| x\\|y | one two |\n');
});
