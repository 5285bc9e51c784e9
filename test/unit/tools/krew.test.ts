import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { version } from '../../../src/operator/settings/version.ts';
import { writeKrew } from '../../../tools/krew.ts';

const source = 'https://forge.test/owner/agentcard-operator';
const archive = (machine: string, of = version) => `kubectl-agentcard_v${of}_${machine}.tar.gz`;

function folderOf(...files: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'krew-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const file of files) writeFileSync(join(folder, file), `bytes of ${file}`);
  return folder;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

test('krew finds an archive for each kind of machine, where a release puts it, and checks its bytes', async () => {
  const machines = ['darwin_arm64', 'linux_amd64', 'linux_arm64'];
  const folder = folderOf(...machines.map((machine) => archive(machine)), 'kubectl-agentcard', 'sbom.cdx.json');
  const [manifest = '', checksums = ''] = await writeKrew(folder, source);
  const { metadata, spec } = parse(readFileSync(manifest, 'utf8'));
  expect(metadata).toEqual({ name: 'agentcard' });
  expect(spec.version).toBe(`v${version}`);
  expect(spec.platforms).toEqual(
    machines.map((machine) => {
      const [os, arch] = machine.split('_');
      return {
        selector: { matchLabels: { os, arch } },
        uri: `${source}/releases/download/v${version}/${archive(machine)}`,
        sha256: sha256(`bytes of ${archive(machine)}`),
        bin: 'kubectl-agentcard',
      };
    }),
  );
  // krew links `bin` alone, and kubectl completes by another file of the archive.
  expect(spec.caveats).toContain('kubectl_complete-agentcard');
  const lines = machines.map((machine) => `${sha256(`bytes of ${archive(machine)}`)}  ${archive(machine)}\n`);
  expect(readFileSync(checksums, 'utf8')).toBe(lines.join(''));
});

test.each([
  [[], source, 'there is no archive'],
  [[archive('linux_amd64', '0.0.0')], source, `is no archive of version ${version}`],
  [[archive('linux_amd64')], '', 'SOURCE_URL is https://'],
  [[archive('linux_amd64')], 'http://forge.test/x', 'SOURCE_URL is https://'],
])('no manifest is written for %j from "%s"', async (files, url, why) => {
  await expect(writeKrew(folderOf(...files), url)).rejects.toThrow(why);
});
