import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildPlugin } from '../../../tools/plugin.ts';
import { pathOf } from '../trust/vectors.ts';
import { temporaryFile, trust } from './cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'plugin-'));
const card = pathOf('cards/alg-es384.json');
let plugin = '';
let completion = '';

beforeAll(async () => {
  [plugin, completion] = await buildPlugin(join(folder, 'bin'));
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function start(program: string, args: readonly string[]) {
  const PATH = [dirname(process.execPath), dirname(plugin), process.env.PATH].join(delimiter);
  return spawnSync(program, args, { encoding: 'utf8', env: { ...process.env, PATH } });
}

test('the plugin is one file that answers as the command does, in a folder of modules too', () => {
  const modules = join(folder, 'modules');
  mkdirSync(modules);
  writeFileSync(join(modules, 'package.json'), '{"type":"module"}');
  const copy = join(modules, 'kubectl-agentcard');
  copyFileSync(plugin, copy);
  for (const program of [plugin, copy]) {
    expect(start(program, ['verify', card, ...trust])).toMatchObject({ status: 0, stderr: '' });
    expect(start(program, ['verify', pathOf('cards/tamper-url.json'), ...trust])).toMatchObject({ status: 1 });
    expect(start(program, ['frobnicate'])).toMatchObject({ status: 2, stdout: '' });
  }
});

test('an old Node is told what is needed', () => {
  const old = temporaryFile(
    'old.cjs',
    'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.1.0" } });',
  );
  const { status, stderr } = start(process.execPath, ['--require', old, plugin, '--help']);
  expect(status).toBe(2);
  expect(stderr).toMatch(/^error: kubectl-agentcard needs Node\.js 26 or later, .*\n$/);
});

test('nothing of the machine that built it is in it', () => {
  expect(readFileSync(plugin, 'utf8')).not.toContain(dirname(import.meta.dirname));
});

test('kubectl gets commands, options and files as candidates', () => {
  expect(start(completion, ['ve']).stdout).toBe('verify\n:4\n');
  expect(start(completion, ['verify', '--s']).stdout).toBe('--spiffe-id\n--signature-forms\n:4\n');
  expect(start(completion, ['verify', '']).stdout).toBe(':0\n');
  expect(start(completion, ['frobnicate', '--']).stdout).toBe(':4\n');
});
