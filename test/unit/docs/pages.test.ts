import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { allCommands } from '../../../src/cli/run.ts';
import type { ConfigMap } from '../../../src/kube/client/kinds.ts';
import { questions } from '../../../src/operator/judge/questions.ts';
import { flags } from '../../../src/operator/settings/flag-table.ts';
import type { Flag } from '../../../src/operator/settings/flags.ts';
import { parseQuarantineList } from '../../../src/operator/watch/quarantine-entries.ts';
import { page, pages, root, rowsBelow } from './pages.ts';

const commands = await allCommands();
const read = (path: string) => readFileSync(join(root, path), 'utf8');

test('the README can be read at one sitting: 9 KiB', () => {
  expect(Buffer.byteLength(page('README.md'))).toBeLessThanOrEqual(9_216);
});

test.each([...pages].filter(([path]) => path !== 'README.md'))('%s names its reader first', (_, text) => {
  expect(text).toMatch(/^(<!-- .* -->\n\n)?# .+\n\nFor who/);
});

test('every page can be reached from the README', () => {
  const linked = [...page('README.md').matchAll(/\]\(([^)#:]+\.md)/g)].map(([, path]) => path);
  expect([...pages.keys()].filter((path) => path !== 'README.md' && !linked.includes(path))).toEqual([]);
});

test.each([...pages])('nothing in %s has a heading twice, nor is a question answered twice', (_, text) => {
  const titles = [...text.matchAll(/^(?:#+ .+|\*\*[^*]+\?\*\*)/gm)].map(([title]) => title);
  expect(titles.filter((title, index) => titles.indexOf(title) !== index)).toEqual([]);
});

/** As GitHub makes it of a heading. */
const slug = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .trim()
    .replaceAll(/\s/g, '-');
const anchorsOf = (text: string) => [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => slug(heading));

test.each([...pages])('every link of %s leads somewhere', (path, text) => {
  for (const [, target = '', , anchor] of text.matchAll(/\]\((?!https?:)([^)#\s]*)(#([^)]*))?\)/g)) {
    const to = target === '' ? path : join(dirname(path), target);
    expect([to, existsSync(join(root, to))]).toEqual([to, true]);
    if (anchor !== undefined) expect(anchorsOf(page(to))).toContain(anchor);
  }
});

describe('what a page names is there', () => {
  const rooms = 'api|cleanup|discover|inquiry|judge|metrics|network|reconcile|settings|watch|workload';
  const file = new RegExp(`\`((?:(?:charts|config|demos|docs|src|test|tools)/|(?:${rooms})/)[\\w./-]+)\``, 'g');

  test.each([...pages])('every file that %s names is there', (_, text) => {
    const named = [...text.matchAll(file)].map(([, path = '']) => path);
    const isThere = (path: string) => existsSync(join(root, path)) || existsSync(join(root, 'src/operator', path));
    expect(named.filter((path) => !isThere(path))).toEqual([]);
  });

  test.each([...pages])('every flag that %s names is there', (_, text) => {
    const ours = Object.values(flags as Readonly<Record<string, Flag>>);
    const known = ours.flatMap(({ name, aliases }) => [name, ...Object.keys(aliases ?? {})]);
    const plugin = commands.flatMap(({ options }) => Object.keys(options));
    // Of helm, of all.
    const others = [...plugin, 'set', 'take-ownership', 'reuse-values', 'reset-then-reuse-values', 'help', 'version'];
    const named = [...text.matchAll(/`--([a-z0-9-]+)/g)].map(([, name = '']) => name);
    expect(named.filter((name) => !known.includes(name) && !others.includes(name))).toEqual([]);
  });

  test.each([...pages])('every target of make that %s names is there', (_, text) => {
    const targets = [...text.matchAll(/(?:`|^|= )make ([a-z][a-z-]*)/gm)].map(([, target = '']) => target);
    const makefile = read('Makefile');
    expect(targets.filter((target) => !new RegExp(`^${target}:`, 'm').test(makefile))).toEqual([]);
  });
});

describe('each alert', () => {
  interface Rule {
    readonly alert: string;
    readonly annotations: Readonly<Record<string, string>>;
  }
  const file = parse(read('config/rules/agentcard-operator.yaml')) as { groups: { rules: Rule[] }[] };
  const rules = file.groups.flatMap((group) => group.rules);

  test.each(rules)('$alert has a section of the operations page, and names it', ({ alert, annotations }) => {
    const text = page('docs/operations.md');
    expect(text).toContain(`\n### ${alert}\n`);
    expect(annotations.runbook_url).toBe(`docs/operations.md#${slug(alert)}`);
  });

  test('that has a section is an alert that there is', () => {
    const sections = [...page('docs/operations.md').matchAll(/^### (AgentCard\w+)$/gm)].map(([, name]) => name);
    expect(sections).toEqual(rules.map(({ alert }) => alert));
  });
});

describe('what pages say by hand', () => {
  test('the questions of the concepts page are those that are asked, in their order', () => {
    const rows = rowsBelow(page('docs/concepts.md'), '## What is checked, in which order');
    expect(rows.map(([, name]) => name)).toEqual(questions.map(({ name }) => `\`${name}\``));
  });

  test('the tables of toolchains are those that the interop test found', () => {
    for (const table of read('test/integration/interop/golden/table.md').trim().split(/\n\n+/)) {
      expect(page('docs/signing.md')).toContain(table);
    }
  });

  test('the list of quarantines is one that the operator reads', () => {
    const [, text = ''] =
      /```yaml\n(apiVersion: v1\nkind: ConfigMap\n[\s\S]*?)```/.exec(page('docs/operations.md')) ?? [];
    expect(parseQuarantineList(parse(text) as ConfigMap)).toMatchObject({ entries: [{}, {}], isPartial: false });
  });

  test('each decision has its context, what was decided, and what follows', () => {
    const sections = page('docs/decisions.md').split(/^### /m).slice(1);
    expect(sections.length).toBeGreaterThan(15);
    for (const section of sections) {
      expect(section).toMatch(/^.+\n\n\*\*Context\.\*\* [\s\S]+\n\*\*Decision\.\*\* [\s\S]+\n\*\*Consequence\.\*\* /);
    }
  });
});
