import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheKey, cacheRoot, exists, fillOnce } from './cache.ts';
import { run } from './command.ts';
import { digestFile, type ImageFile, type ImageSpec, imageConfig, writeImage } from './oci.ts';
import { need } from './packages.ts';
import { type Progress, silent } from './progress.ts';

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

const nameFile = (name: string) => join(store(), 'names', encodeURIComponent(name));

async function remember(name: string, archive: string): Promise<void> {
  await mkdir(join(store(), 'names'), { recursive: true });
  const scratch = `${nameFile(name)}.${process.pid}`;
  await writeFile(scratch, archive);
  await rename(scratch, nameFile(name));
}

export interface ImageBuild {
  readonly dockerfile: string;
  readonly context: string;
  readonly tag: string;
  /** A value that starts with `localhost/` names an image made here before, for use in FROM. */
  readonly buildArgs?: Readonly<Record<string, string>>;
}

/** Builds a Dockerfile without a daemon or a registry and returns the path of the image's OCI archive. */
export async function buildImage(build: ImageBuild, progress: Progress = silent): Promise<string> {
  await need(['buildah'], progress);
  const args = build.buildArgs ?? {};
  for (const value of Object.values(args)) if (value.startsWith('localhost/')) await importBase(value);
  const given = Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
  const what = ['--tag', build.tag, '--file', build.dockerfile, build.context];
  await buildah('build', '--pull-never', '--layers', '--timestamp', '0', ...given, ...what);
  const id = (await buildah('images', '--quiet', '--no-trunc', build.tag)).trim().replace(/^sha256:/, '');
  const folder = join(store(), cacheKey(build.tag, id));
  await fillOnce(folder, async (scratch) => {
    await buildah('push', '--quiet', build.tag, `oci-archive:${join(scratch, 'image.tar')}:${build.tag}`);
  });
  const archive = join(folder, 'image.tar');
  await remember(build.tag, archive);
  return archive;
}

/** buildah keeps its images beside ours; root's own containers are not touched. */
function buildah(command: string, ...args: string[]): Promise<string> {
  const root = join(cacheRoot(), 'buildah');
  const places = ['--root', join(root, 'root'), '--runroot', join(root, 'run'), '--storage-driver', 'vfs'];
  return run('buildah', [...places, command, ...args], { env: { ...process.env, BUILDAH_ISOLATION: 'chroot' } });
}

async function importBase(name: string): Promise<void> {
  const archive = await archiveOf(name);
  const marker = join(cacheRoot(), 'buildah', 'imported', encodeURIComponent(name));
  if ((await readFile(marker, 'utf8').catch(() => '')) === archive) return;
  await buildah('pull', '--quiet', `oci-archive:${archive}`);
  await mkdir(join(cacheRoot(), 'buildah', 'imported'), { recursive: true });
  await writeFile(marker, archive);
}
