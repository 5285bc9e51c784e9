import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { cacheKey, cacheRoot, exists, fillOnce } from './cache.ts';
import { run } from './command.ts';
import { digestFile, type ImageFile, type ImageSpec, imageConfig, writeImage } from './oci.ts';
import { need } from './packages.ts';
import { type Progress, terminalProgress } from './progress.ts';

const store = () => join(cacheRoot(), 'images');

/** Makes an image from files of this machine and returns the path of its OCI archive, kept by the content of those files. */
export async function imageFromFolder(spec: ImageSpec): Promise<string> {
  const entries = Object.entries(spec.files).sort(([a], [b]) => (a < b ? -1 : 1));
  const contents = await Promise.all(entries.map(async ([path, file]) => `${path} ${await contentOf(file)}`));
  const key = cacheKey(spec.name, imageConfig(spec, '', process.arch), ...contents);
  const folder = join(store(), key);
  await fillOnce(folder, (scratch) => writeImage(spec, scratch));
  const archive = join(folder, 'image.tar');
  await remember(spec.name, archive);
  return archive;
}

async function contentOf(file: ImageFile): Promise<string> {
  if (typeof file !== 'string') return JSON.stringify(file);
  const info = await stat(file);
  if (!info.isDirectory()) return `${info.mode} ${await digestFile(file)}`;
  const names = (await readdir(file)).sort();
  const below = await Promise.all(names.map(async (name) => `${name} ${await contentOf(join(file, name))}`));
  return createHash('sha256').update(below.join('\n')).digest('hex');
}

/** The last archive made under a name; how `loadImage` and base images of a build are found. */
export async function archiveOf(name: string): Promise<string> {
  const path = await readFile(nameFile(name), 'utf8').catch(() => undefined);
  if (path === undefined || !(await exists(path))) throw new Error(`no image ${name} was built here`);
  return path;
}

const names = () => join(store(), 'names');
const nameFile = (name: string) => join(names(), encodeURIComponent(name));

async function remember(name: string, archive: string): Promise<void> {
  await mkdir(names(), { recursive: true });
  const scratch = join(store(), `name-${randomUUID()}-${encodeURIComponent(name)}`);
  await writeFile(scratch, archive);
  await rename(scratch, nameFile(name));
}

const dayMs = 24 * 60 * 60 * 1000;

/** Every change of a program makes an archive of its own. Those that lost their name go after a day, when no start can still want them. */
async function forgetOld(): Promise<void> {
  const named = await Promise.all((await readdir(names())).map((name) => readFile(join(names(), name), 'utf8')));
  for (const key of await readdir(store())) {
    const folder = join(store(), key);
    if (folder === names() || named.includes(join(folder, 'image.tar'))) continue;
    const age = Date.now() - (await stat(folder).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs;
    if (age > dayMs) await rm(folder, { recursive: true, force: true });
  }
}

export interface ImageBuild {
  readonly dockerfile: string;
  readonly context: string;
  readonly tag: string;
  /** An image made here before: the Dockerfile's BASE_IMAGE. */
  readonly base: string;
}

/**
 * Builds a Dockerfile without a daemon or a registry and returns the path of the image's OCI archive. The same Dockerfile, context
 * and base images are built once.
 */
export async function buildImage(build: ImageBuild, progress: Progress = terminalProgress()): Promise<string> {
  await need(['buildah'], progress);
  const base = await archiveOf(build.base);
  const sources = await Promise.all([build.dockerfile, build.context].map(contentOf));
  const folder = join(store(), cacheKey(build.tag, build.base, base, ...sources));
  await fillOnce(folder, (scratch) =>
    progress.step(`building image ${build.tag}`, () => buildInto(scratch, build, base)),
  );
  const archive = join(folder, 'image.tar');
  await remember(build.tag, archive);
  await forgetOld();
  return archive;
}

/** buildah gets a store of its own for each build: its copies of layers would fill the disk, and root's own containers are not ours. */
async function buildInto(scratch: string, build: ImageBuild, base: string): Promise<void> {
  const own = join(scratch, 'buildah');
  const places = ['--root', join(own, 'root'), '--runroot', join(own, 'run'), '--storage-driver', 'vfs'];
  const env = { ...process.env, BUILDAH_ISOLATION: 'chroot' };
  const buildah = (...args: string[]) => run('buildah', [...places, ...args], { env });
  await buildah('pull', '--quiet', `oci-archive:${base}`);
  const args = ['--build-arg', `BASE_IMAGE=${build.base}`];
  // The stage that the product's Dockerfile calls files would be built with images from a registry.
  const files = ['--build-context', `files=${resolve(build.context)}`];
  const what = [...files, '--tag', build.tag, '--file', build.dockerfile, build.context];
  await buildah('build', '--quiet', '--pull-never', '--timestamp', '0', ...args, ...what);
  await buildah('push', '--quiet', build.tag, `oci-archive:${join(scratch, 'image.tar')}:${build.tag}`);
  await rm(own, { recursive: true, force: true });
}
