import { spawnSync } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { advisoryFaults, installedFaults, type Locked, lockFaults } from '../../../tools/audit.ts';

const sound: Locked = { version: '1.2.3', integrity: `sha512-${'A'.repeat(86)}==`, license: 'MIT' };
const withOne = (change: Partial<Locked>) => ({ 'node_modules/one': { ...sound, ...change } });

test('the lock file, what is installed and the licences of this project are sound', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['tools/audit.ts'], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^\d+ packages, 0 faults/);
  expect(status).toBe(0);
});

test.each<[string, Partial<Locked>, string]>([
  ['a range instead of a version', { version: '^1.2.3' }, 'no exact version'],
  ['no hash', { integrity: undefined }, 'no SHA-512'],
  ['a weak hash alone', { integrity: 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=' }, 'no SHA-512'],
  ['another place to fetch from', { resolved: 'git+ssh://host/one.git' }, 'instead of the registry'],
  ['no licence', { license: undefined }, 'licence ""'],
  ['a licence that binds its users', { license: 'AGPL-3.0-only' }, 'AGPL'],
  ['one of two licences that hold together', { license: 'MIT AND SSPL-1.0' }, 'SSPL'],
])('%s is a fault', (_, change, fault) => {
  expect(lockFaults(withOne(change))).toEqual([expect.stringContaining(fault)]);
});

test('of alternative licences one suffices, and workspaces are not looked at', () => {
  expect(lockFaults(withOne({ license: '(GPL-2.0 OR MIT)' }))).toEqual([]);
  expect(lockFaults({ 'src/kube': {}, 'node_modules/kube': { link: true, resolved: 'src/kube' } })).toEqual([]);
});

test('what is installed is what the lock file says, no more, no less and no other', () => {
  const packages = { ...withOne({}), 'node_modules/elsewhere': { ...sound, optional: true } };
  expect(installedFaults(packages, withOne({}))).toEqual([]);
  expect(installedFaults(packages, {})).toEqual([expect.stringContaining('not installed')]);
  expect(installedFaults(packages, withOne({ version: '1.2.4' }))).toEqual([expect.stringContaining('1.2.4')]);
  expect(installedFaults(packages, withOne({ integrity: `sha512-${'B'.repeat(86)}==` }))).toHaveLength(1);
  const stray = { ...withOne({}), 'node_modules/stray': sound };
  expect(installedFaults(packages, stray)).toEqual([expect.stringContaining('not in the lock file')]);
});

test('an advisory is told for the versions that it names, wherever the package lies', () => {
  const packages = { ...withOne({}), 'node_modules/two/node_modules/one': { ...sound, version: '2.0.0' } };
  const known = { one: [{ title: 'a hole', severity: 'high', vulnerable_versions: '>=1.0.0 <1.3.0' }] };
  expect(advisoryFaults(packages, known)).toEqual(['node_modules/one 1.2.3: high: a hole']);
});

test('a file of advisories that cannot be read ends the audit instead of passing', async () => {
  const file = join(await mkdtemp(join(tmpdir(), 'audit-')), 'advisories.json');
  await writeFile(file, '{"one": "everything"}');
  const { status } = spawnSync(process.execPath, ['tools/audit.ts', '--advisories', file], { encoding: 'utf8' });
  expect(status).not.toBe(0);
});
