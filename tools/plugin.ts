/** `make plugin`: kubectl-agentcard as one file that can be copied anywhere on the PATH, and its completion for kubectl. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { embeddedPage } from './embedded-page.ts';
import { kubeconfigOnly } from './kubeconfig-only.ts';
import { withoutNeverCalled } from './never-called.ts';

const root = join(import.meta.dirname, '..');
const leastNode = 26;

// Runs before everything else, so it is written for any Node at all. The last line makes the file run as CommonJS and as a
// module alike: which of them a file without extension is depends on the folder that it was put into.
const banner = `if (Number(process.versions.node.split('.')[0]) < ${leastNode}) {
  process.stderr.write('error: kubectl-agentcard needs Node.js ${leastNode} or later, and this is ' + process.version + '; put a newer node first on the PATH\\n');
  process.exit(2);
}
var require = process.getBuiltinModule;`;

// kubectl looks for a program of this name beside the plugin.
const completion = `#!/bin/sh
exec kubectl-agentcard __complete "$@"
`;

/** Writes both files and returns their paths. */
export async function buildPlugin(folder: string): Promise<readonly [plugin: string, completion: string]> {
  await mkdir(folder, { recursive: true });
  const files = [join(folder, 'kubectl-agentcard'), join(folder, 'kubectl_complete-agentcard')] as const;
  await build({
    entryPoints: [join(root, 'src/cli/main.ts')],
    outfile: files[0],
    bundle: true,
    platform: 'node',
    // An old Node must be able to read the file before it can say that it is too old.
    format: 'cjs',
    target: 'node14',
    banner: { js: banner },
    plugins: [kubeconfigOnly, withoutNeverCalled, embeddedPage],
    // Names stay, since errors show them.
    minifySyntax: true,
    minifyWhitespace: true,
    logLevel: 'warning',
  });
  await writeFile(files[1], completion);
  for (const file of files) await chmod(file, 0o755);
  return files;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, 'dist') } } });
  for (const file of await buildPlugin(values.out)) console.log(file);
}
