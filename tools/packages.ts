/** `make packages`: the libraries below src/ as tarballs that npm installs, with JavaScript, types and a manifest of their own. */
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../test/cluster/command.ts';

const root = join(import.meta.dirname, '..');
const folders = ['wire', 'spiffe', 'agentcard', 'kube'] as const;
const leastNode = '>=22.19';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** What Node 22 runs, which is less than the checkout needs. The lists of names are those that it has of what came later. */
const compilerOptions = {
  target: 'es2023',
  lib: ['es2024', 'es2025.iterator', 'es2025.collection', 'esnext.disposable'],
  noEmit: false,
  noEmitOnError: true,
  allowImportingTsExtensions: false,
  rewriteRelativeImportExtensions: true,
  declaration: true,
  rootDir: join(root, 'src'),
  typeRoots: [join(root, 'node_modules/@types')],
};

/** Builds and packs all of them; returns the paths of the tarballs. */
export async function packAll(target = join(root, 'dist/packages')): Promise<readonly string[]> {
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  const manifests = await Promise.all(folders.map((folder) => manifestOf(folder)));
  await emit(manifests, target);
  const tarballs: string[] = [];
  for (const [index, folder] of folders.entries()) {
    const manifest = manifests[index] as Manifest;
    await assemble(folder, installable(manifest, manifests), target);
    const packed = await run('npm', ['pack', '--silent', '--pack-destination', target, join(target, folder)]);
    tarballs.push(join(target, packed.trim()));
  }
  await rm(join(target, 'emitted'), { recursive: true });
  return tarballs;
}

async function manifestOf(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(root, 'src', folder, 'package.json'), 'utf8'));
}

/**
 * One run for all, since they see each other's source. By their paths: what the compiler first meets below node_modules it
 * takes for somebody else's, and at times emits no JavaScript for it.
 */
async function emit(manifests: readonly Manifest[], target: string): Promise<void> {
  const doors = folders.flatMap((folder, index) => {
    const { name, exports } = manifests[index] as Manifest;
    return Object.entries(exports).map(([door, source]) => [name + door.slice(1), join(root, 'src', folder, source)]);
  });
  const paths = Object.fromEntries(doors.map(([name, source]) => [name, [source]]));
  const config = join(target, 'tsconfig.json');
  const options = { ...compilerOptions, paths, outDir: join(target, 'emitted') };
  await writeFile(
    config,
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: options,
      files: Object.values(paths).flat(),
      include: [],
    }),
  );
  await run('npx', ['--no-install', 'tsc', '-p', config], { cwd: root });
  await rm(config);
}

/** The manifest of the checkout names sources; an installed one names what was made of them. */
function installable(manifest: Manifest, all: readonly Manifest[]) {
  for (const { name, version } of all) {
    const wanted = manifest.dependencies?.[name];
    if (wanted !== undefined && wanted !== version)
      throw new Error(`${manifest.name} wants ${name} ${wanted}, which is ${version}`);
  }
  const doors = Object.entries(manifest.exports).map(([door, source]) => {
    const made = source.replace(/^\.\/(.*)\.ts$/, './dist/$1');
    return [door, { types: `${made}.d.ts`, default: `${made}.js` }];
  });
  return { ...manifest, exports: Object.fromEntries(doors), files: ['dist'], engines: { node: leastNode } };
}

async function assemble(folder: string, manifest: object, target: string): Promise<void> {
  const place = join(target, folder);
  await mkdir(place);
  await rename(join(target, 'emitted', folder), join(place, 'dist'));
  for (const file of await readdir(join(place, 'dist'), { recursive: true })) {
    if (file.endsWith('.d.ts')) await nameModules(join(place, 'dist', file));
  }
  await writeFile(join(place, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  await copyFile(join(root, 'LICENSE'), join(place, 'LICENSE'));
  await copyFile(join(root, 'src', folder, 'README.md'), join(place, 'README.md'));
}

/** The compiler renames imports in JavaScript alone. */
async function nameModules(declaration: string): Promise<void> {
  const text = await readFile(declaration, 'utf8');
  await writeFile(declaration, text.replaceAll(/(\bfrom |\bimport\()'(\.[^']*)\.ts'/g, "$1'$2.js'"));
}

if (import.meta.main) for (const tarball of await packAll()) console.log(tarball);
