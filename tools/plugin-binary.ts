/** `make plugin-binary`: kubectl-agentcard with its Node in one file that needs nothing else, for the machine that builds it. */
import { copyFile, mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { version } from '../src/operator/settings/version.ts';
import { run } from '../test/cluster/command.ts';
import { nodePackage, placeNode } from './bundle.ts';
import { buildPlugin } from './plugin.ts';

const root = join(import.meta.dirname, '..');

/** As Go, and so krew, names machines. */
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

export interface Built {
  readonly binary: string;
  readonly archive: string;
}

/** Of Linux the Node of the lock file, pinned by hash; elsewhere the one that runs this. */
const node = process.platform === 'linux' ? join(root, nodePackage, 'bin/node') : process.execPath;

export async function buildBinary(folder: string): Promise<Built> {
  const parts = join(folder, 'parts');
  await mkdir(parts, { recursive: true });
  const [plugin, completion] = await buildPlugin(parts);
  const binary = join(folder, 'kubectl-agentcard');
  const base = join(parts, 'node');
  await placeNode(node, base);
  if (process.platform === 'darwin') await run('codesign', ['--remove-signature', base]);
  const config = join(parts, 'sea.json');
  await writeFile(config, JSON.stringify(settings(plugin, base, binary)));
  await run(node, ['--build-sea', config]);
  // Apple's processors run nothing unsigned.
  if (process.platform === 'darwin') await run('codesign', ['--sign', '-', binary]);
  await copyFile(completion, join(folder, 'kubectl_complete-agentcard'));
  await copyFile(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  const archive = join(
    folder,
    `kubectl-agentcard_v${version}_${process.platform}_${architectures[process.arch]}.tar.gz`,
  );
  const files = ['kubectl-agentcard', 'kubectl_complete-agentcard', 'LICENSE'];
  await run('tar', ['--create', '--gzip', '--file', archive, '--directory', folder, ...files]);
  return { binary, archive };
}

function settings(main: string, executable: string, output: string) {
  return {
    ...{ main, mainFormat: 'commonjs', executable, output },
    disableExperimentalSEAWarning: true,
    // Halves the time until it answers.
    useCodeCache: true,
    // What checks signatures takes no options of Node from whoever set the environment.
    execArgvExtension: 'none',
  };
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, 'dist/plugin') } } });
  const built = await buildBinary(values.out);
  for (const file of [built.binary, built.archive])
    console.log(`${file} ${Math.round((await stat(file)).size / 1e6)} MB`);
}
