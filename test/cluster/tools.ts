import { cp, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheKey, cacheRoot, exists, fillOnce } from './cache.ts';
import { buildArgs, estimate, nodeTools, type Part, paceOf, parts, type ToolName } from './catalogue.ts';
import { run } from './command.ts';
import { findGo } from './go-toolchain.ts';
import { takeLock } from './lock.ts';
import { need } from './packages.ts';
import { type Progress, terminalProgress } from './progress.ts';

const modules = join(dirname(fileURLToPath(import.meta.url)), 'tools');

/**
 * Paths of the named tools (by default all that a node needs), after building those that the cache lacks. A part's place in the
 * cache follows from its go.mod, go.sum and build flags, so a change of any of them builds anew and nothing else does.
 * AGENTCARD_TOOLS names a folder whose files are taken instead, whatever their version.
 */
export async function ensureTools<N extends ToolName>(
  names: readonly N[] = nodeTools as N[],
  progress: Progress = terminalProgress(),
): Promise<Record<N, string>> {
  const paths = await pathsOf(names);
  if ((await absent(paths)).length > 0) {
    await need(['flock'], progress);
    const lock = await takeBuildLock(progress);
    try {
      // Another run may have built them while we waited.
      await buildAll(await absent(paths), paths, progress);
    } finally {
      await lock.release();
    }
  }
  return paths;
}

async function pathsOf<N extends ToolName>(names: readonly N[]): Promise<Record<N, string>> {
  const paths = await Promise.all(names.map(async (name) => [name, await pathOf(name)] as const));
  return Object.fromEntries(paths) as Record<N, string>;
}

async function pathOf(name: ToolName): Promise<string> {
  const given = process.env.AGENTCARD_TOOLS;
  if (given && (await exists(join(given, name)))) return join(given, name);
  const part = parts[name];
  const read = (file: string) => readFile(join(modules, part.module, file), 'utf8');
  const own = part.source.kind === 'program' ? [await read('main.go')] : [];
  const pins = [await read('go.mod'), await read('go.sum'), ...own];
  const key = cacheKey(...pins, JSON.stringify(part.source), process.arch);
  return join(cacheRoot(), 'tools', `${name}-${key}`, name);
}

async function absent<N extends ToolName>(paths: Readonly<Record<N, string>>): Promise<N[]> {
  const names = Object.keys(paths) as N[];
  const present = await Promise.all(names.map((name) => exists(paths[name])));
  return names.filter((_name, index) => !present[index]);
}

async function takeBuildLock(progress: Progress) {
  const path = join(cacheRoot(), 'build.lock');
  const lock = (await takeLock(path, false)) ?? undefined;
  if (lock !== undefined) return lock;
  const waited = await progress.step('waiting for another run that is building the tools', () => takeLock(path, true));
  if (waited === undefined) throw new Error(`could not lock ${path}`);
  return waited;
}

async function buildAll<N extends ToolName>(
  names: readonly N[],
  paths: Readonly<Record<N, string>>,
  progress: Progress,
) {
  if (names.length === 0) return;
  const cores = availableParallelism();
  progress.say(`${names.length} tools to build, ${estimate(names, cores)} from nothing; later starts take seconds`);
  let seconds = 0;
  for (const [index, name] of names.entries()) {
    const part: Part = parts[name];
    const go = await findGo(join(modules, part.module, 'go.mod'), progress);
    const pace = paceOf(names.slice(0, index), cores, seconds);
    const left = names.length - index > 1 ? `, ${estimate(names.slice(index), cores, pace)} left` : '';
    // Finding Go may take long as well, once.
    const began = performance.now();
    await progress.step(`building ${name} (${index + 1} of ${names.length}${left})`, () =>
      fillOnce(dirname(paths[name]), (scratch) => buildPart(go, part, join(scratch, name), progress)),
    );
    seconds += (performance.now() - began) / 1000;
  }
}

async function buildPart(go: string, part: Part, output: string, progress: Progress): Promise<void> {
  const cgo = part.source.kind === 'binary' && part.source.cgo === true;
  if (cgo) await need(['gcc', 'libc-headers'], progress);
  // A newer Go than ours is never fetched, and no workspace or flag of the user's changes what is built.
  const env = { ...process.env, GOTOOLCHAIN: 'local', GOWORK: 'off', GOFLAGS: '-mod=readonly -buildvcs=false' };
  const options = { cwd: join(modules, part.module), env: { ...env, CGO_ENABLED: cgo ? '1' : '0' } };
  if (part.source.kind === 'binary' || part.source.kind === 'program') {
    await run(go, buildArgs(part, output), options);
    return;
  }
  if (part.source.kind === 'crds') {
    await run(go, ['tool', 'controller-gen', 'crd', `paths=${part.source.of}`, `output:crd:dir=${output}`], options);
    return;
  }
  const answer: unknown = JSON.parse(await run(go, ['mod', 'download', '-json', part.source.of], options));
  const folder = (answer as { Dir: string }).Dir;
  // Module folders are read-only, and a cache that cannot be deleted is a nuisance.
  await cp(join(folder, part.source.path), output, { recursive: true });
  await run('chmod', ['-R', 'u+w', output]);
}
