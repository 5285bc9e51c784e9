/** `make krew SOURCE_URL=…`: checksums of the archives that make plugin-binary left, and the manifest by which krew installs them. */
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { version } from '../src/operator/settings/version.ts';

const archiveName = /^kubectl-agentcard_v(.+)_(linux|darwin)_(amd64|arm64)\.tar\.gz$/;

/** The manifest for archives that lie where a release of the source puts them. */
export async function krewManifest(archives: readonly string[], sourceUrl: string): Promise<object> {
  if (URL.parse(sourceUrl)?.protocol !== 'https:')
    throw new Error(`SOURCE_URL is https://<host>/<owner>/<name>, not "${sourceUrl}"`);
  if (archives.length === 0)
    throw new Error('there is no archive: run make plugin-binary on each kind of machine first');
  const platforms = await Promise.all(
    archives.map(async (archive) => {
      const [, of, os, arch] = archiveName.exec(basename(archive)) ?? [];
      if (of !== version) throw new Error(`${archive} is no archive of version ${version}`);
      return {
        selector: { matchLabels: { os, arch } },
        uri: `${sourceUrl}/releases/download/v${version}/${basename(archive)}`,
        sha256: await sha256(archive),
        bin: 'kubectl-agentcard',
      };
    }),
  );
  return {
    apiVersion: 'krew.googlecontainertools.github.com/v1alpha2',
    kind: 'Plugin',
    metadata: { name: 'agentcard' },
    spec: {
      version: `v${version}`,
      homepage: sourceUrl,
      shortDescription: 'Prove who wrote and serves an A2A AgentCard',
      description: [
        'Verifies, signs and compares AgentCards of A2A agents without a cluster; explains why the',
        'agentcard-operator trusts an agent or not and what NetworkPolicies would close; quarantines,',
        'releases and approves agents; and cleans up. It is one file that brings its own runtime.',
      ].join(' '),
      caveats:
        'For completion put kubectl_complete-agentcard of the archive on the PATH: krew links the command alone.\n',
      platforms,
    },
  };
}

async function sha256(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}

/** Writes both files beside the archives and returns their paths. */
export async function writeKrew(folder: string, sourceUrl: string): Promise<readonly string[]> {
  const archives = (await readdir(folder)).filter((file) => archiveName.test(file)).sort();
  const manifest = await krewManifest(
    archives.map((file) => join(folder, file)),
    sourceUrl,
  );
  const files = [join(folder, 'agentcard.yaml'), join(folder, 'kubectl-agentcard_checksums.txt')] as const;
  await writeFile(files[0], stringify(manifest));
  const lines = await Promise.all(archives.map(async (file) => `${await sha256(join(folder, file))}  ${file}\n`));
  await writeFile(files[1], lines.join(''));
  return files;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { folder: { type: 'string', default: 'dist/plugin' }, 'source-url': { type: 'string', default: '' } },
  });
  for (const file of await writeKrew(values.folder, values['source-url'])) console.log(file);
}

if (import.meta.main) {
  await main().catch(({ message }: Error) => {
    console.error(message);
    process.exitCode = 1;
  });
}
