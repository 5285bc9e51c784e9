import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { kindNames } from '../../../src/operator/api/kind.ts';
import { keptPromises, promises, promisesFile } from '../../../tools/generate/promises.ts';

const now = ['field spec.a string', 'optional spec.a', 'flag agentcard-operator/--a default ""'];
const file = (...lines: string[]) => ['# notice', ...lines, ''].join('\n');
const changelog = (...items: string[]) =>
  [
    '# Changelog',
    '',
    '## 0.2.0, not released yet',
    '',
    ...items,
    '',
    '## 0.1.0',
    '',
    '- Removed: `spec.old`.',
    '',
  ].join('\n');
const brokenBy = (line: string, ...items: string[]) =>
  keptPromises(now, file(...now, line), changelog(...items)).broken;

describe('what is promised', () => {
  test('may gain whatever it likes', () => {
    expect(keptPromises(now, file('optional spec.a'), changelog()).broken).toEqual([]);
  });

  test.each([
    ['goes', 'flag agentcard-operator/--b default ""'],
    ['changes its type', 'field spec.a integer'],
    ['becomes required', 'optional spec.b'],
  ])('is broken when it %s, and stays in the file', (_, line) => {
    const { broken, text } = keptPromises(now, file(...now, line), changelog('- Something else.'));
    expect(broken).toEqual([line]);
    expect(text).toContain(`\n${line}\n`);
  });

  test.each([
    ['- Removed: `spec.b`, which nobody set.'],
    ['- Changed: what follows is told\n  on a second line, `spec.b`.'],
  ])('is given up by an entry that says so: %s', (item) => {
    const line = 'field spec.b string';
    const { broken, text } = keptPromises(now, file(...now, line), changelog('- First.', item));
    expect(broken).toEqual([]);
    expect(text).not.toContain(line);
  });

  test.each([
    ['that only names it', '- `spec.b` is new.'],
    ['of another name', '- Removed: `spec.bb`.'],
    ['without backticks', '- Removed: spec.b.'],
  ])('is not given up by an entry %s', (_, item) => {
    expect(brokenBy('field spec.b string', item)).toHaveLength(1);
  });

  test('is not given up by what an earlier version removed', () => {
    expect(brokenBy('field spec.old string', '- Nothing of the kind.')).toHaveLength(1);
  });
});

describe('the list', async () => {
  const lines = await promises();
  const names = (sort: string) => lines.filter((line) => line.startsWith(`${sort} `)).map((line) => line.split(' ')[1]);

  test('says each thing once, in one line with a name', () => {
    expect(new Set(lines).size).toBe(lines.length);
    expect(lines.filter((line) => !/^[a-z-]+ \S+( .+)?$/.test(line))).toEqual([]);
  });

  test('has fields, reasons, names, metrics, flags, commands and values', async () => {
    expect(names('field')).toContain('spec.targetRef.name');
    expect(names('optional')).not.toContain('spec.targetRef');
    expect(names('reason')).toContain('Verified/mTLSVerified');
    expect(names('name')).toEqual(expect.arrayContaining([kindNames.group, 'kagenti.io/type', 'rossoctl.io/type']));
    expect(names('metric-label')).toContain('agentcard_cards/reason');
    expect(names('flag')).toEqual(
      expect.arrayContaining(['agentcard-operator/--trust-domain', 'agentcard-signer/--sidecar']),
    );
    expect(names('option')).toContain('explain/--all');
    const values = parse(await readFile('charts/agentcard-operator/values.yaml', 'utf8')) as object;
    for (const key of Object.keys(values)) {
      expect(names('chart-value').some((name) => name === key || name?.startsWith(`${key}.`))).toBe(true);
    }
  });
});

describe('make verify', () => {
  /** A checkout, as far as generated files go. */
  async function checkout() {
    const root = await mkdtemp(join(tmpdir(), 'promises-'));
    onTestFinished(() => rm(root, { recursive: true, force: true }));
    for (const part of ['charts', 'config', 'docs', 'CHANGELOG.md'])
      await cp(part, join(root, part), { recursive: true });
    const edit = async (path: string, change: (text: string) => string) =>
      writeFile(join(root, path), change(await readFile(join(root, path), 'utf8')));
    const generate = (...args: string[]) =>
      new Promise<{ code: number; err: string }>((done) => {
        execFile(process.execPath, [resolve('tools/generate.ts'), ...args], { cwd: root }, (error, _, err) =>
          done({ code: Number(error?.code ?? 0), err }),
        );
      });
    return { edit, generate };
  }

  test('fails while a promised flag is gone that the changelog does not tell of, and passes once it does', async () => {
    const { edit, generate } = await checkout();
    expect(await generate('--check')).toEqual({ code: 0, err: '' });
    await edit(promisesFile, (text) => `${text}flag agentcard-operator/--gone default ""\n`);
    for (const args of [['--check'], []]) {
      const { code, err } = await generate(...args);
      expect(code).toBe(1);
      expect(err).toContain('`agentcard-operator/--gone`');
    }
    const entry = '\n\n- Removed: `agentcard-operator/--gone`; nothing took its place.';
    await edit('CHANGELOG.md', (text) => text.replace(/^## .*not released.*$/m, (heading) => heading + entry));
    expect((await generate('--check')).err).toContain('stale');
    expect(await generate()).toEqual({ code: 0, err: '' });
    expect(await generate('--check')).toEqual({ code: 0, err: '' });
  });
});
