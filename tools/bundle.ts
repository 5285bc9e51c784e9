import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { type BuildOptions, build } from 'esbuild';
import { embeddedPage } from './embedded-page.ts';
import { kubeconfigOnly } from './kubeconfig-only.ts';
import { lazyBuiltins } from './lazy-builtins.ts';
import { withoutNeverCalled } from './never-called.ts';
import { replaceFile } from './replace-file.ts';

/** What the image holds besides its base, from its root on. */
export const contextFolder = 'dist/image';
export const nodePlace = 'usr/local/bin/node';

/** A program of the image each: name of its file in /app → source. */
const programs = {
  'agentcard-operator': 'src/operator/main.ts',
  /** Started by the operator. */
  'agentcard-asker': 'src/operator/inquiry/asking/asker-main.ts',
  'kubectl-agentcard': 'src/cli/main.ts',
  'network-probe': 'src/probe/network-probe.ts',
  'agentcard-signer': 'src/signer/main.ts',
  'test-tls-agent': 'src/agent/test-tls-agent.ts',
};

// Modules of the older kind call require(), which a bundle of the newer kind lacks.
const banner = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

const settings = {
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node26',
  outExtension: { '.js': '.mjs' },
  chunkNames: 'chunks/[hash]',
  banner: { js: banner },
  plugins: [kubeconfigOnly, withoutNeverCalled, embeddedPage, lazyBuiltins],
  // Names stay, since errors and logs show them.
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  sourcemap: 'linked',
  sourcesContent: false,
  logLevel: 'warning',
} satisfies BuildOptions;

/** The Node of the image: a package of the lock file, so that its bytes are pinned by hash like everything else's. */
export const nodePackage = `node_modules/node-linux-${process.arch}`;

/** Bundles programs to ES modules with source maps. What several need, or one needs only sometimes, becomes a chunk. */
export async function bundle(entryPoints: Readonly<Record<string, string>>, outdir: string): Promise<void> {
  const { outputFiles } = await build({ ...settings, entryPoints, outdir, write: false });
  await Promise.all(outputFiles.map(({ path, contents }) => replaceFile(path, contents)));
}

/** The files that the image's programs are made of. */
export async function bundledFiles(): Promise<readonly string[]> {
  const options = { ...settings, entryPoints: programs, outdir: contextFolder, write: false, metafile: true } as const;
  const { metafile } = await build(options);
  return Object.values(metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs));
}

/** Fills the folder: the bundled programs and the Node that runs them. */
export async function makeContext(): Promise<string> {
  await makePrograms();
  await placeNode(`${nodePackage}/bin/node`, `${contextFolder}/${nodePlace}`);
  return contextFolder;
}

async function makePrograms(): Promise<void> {
  await rm(contextFolder, { recursive: true, force: true });
  await bundle(programs, `${contextFolder}/app`);
}

/** Without its symbol table, where the machine can take that off: a fifth of its size, which only a debugger reads. */
export async function placeNode(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await promisify(execFile)('strip', ['-o', to, from]).catch(() => copyFile(from, to));
  await chmod(to, 0o755);
}

if (import.meta.main) await (process.argv.includes('--programs') ? makePrograms() : makeContext());
