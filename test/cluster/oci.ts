import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, copyFile, cp, mkdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from './command.ts';

/** A file or folder of the machine (by its path), a text, a symbolic link, or an empty folder. */
export type ImageFile =
  | string
  | { readonly content: string; readonly mode?: number }
  | { readonly link: string }
  | { readonly folderMode: number };

export interface ImageSpec {
  /** Full name with tag, for example `localhost/agent:1`. */
  readonly name: string;
  /** Absolute path inside the image → what is there. */
  readonly files: Readonly<Record<string, ImageFile>>;
  readonly entrypoint?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** `uid` or `uid:gid`; root when absent. */
  readonly user?: string;
}

/** Pure: the image's configuration, whose digest is the image's identity. */
export function imageConfig(spec: ImageSpec, layerDigest: string, arch: string): string {
  const architecture = arch === 'x64' ? 'amd64' : arch;
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin:/opt/bin', ...spec.env };
  return JSON.stringify({
    architecture,
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: {
      Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      ...(spec.entrypoint ? { Entrypoint: spec.entrypoint } : {}),
      ...(spec.user ? { User: spec.user } : {}),
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layerDigest}`] },
    // buildah counts the base's layers by its history.
    history: [{ created: '1970-01-01T00:00:00Z', created_by: 'test/cluster' }],
  });
}

export interface Blob {
  readonly digest: string;
  readonly size: number;
}

/** Pure: the manifest of an image with one uncompressed layer. */
export function imageManifest(config: Blob, layer: Blob): string {
  const media = 'application/vnd.oci.image';
  const entry = (type: string, { digest, size }: Blob) => ({ mediaType: type, digest: `sha256:${digest}`, size });
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: `${media}.manifest.v1+json`,
    config: entry(`${media}.config.v1+json`, config),
    layers: [entry(`${media}.layer.v1.tar`, layer)],
  });
}

/** Pure: the index of a layout that holds one image. containerd takes the name from its own annotation, others from OCI's. */
export function imageIndex(name: string, manifest: Blob): string {
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const annotations = { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name };
  const entry = { mediaType, digest: `sha256:${manifest.digest}`, size: manifest.size, annotations };
  return JSON.stringify({ schemaVersion: 2, manifests: [entry] });
}

export async function digestFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Writes `image.tar`, an OCI layout with one layer, into a scratch folder. The same files give the same bytes. */
export async function writeImage(spec: ImageSpec, scratch: string): Promise<void> {
  const root = join(scratch, 'root');
  const layout = join(scratch, 'layout');
  const blobs = join(layout, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  await mkdir(root);
  for (const [path, file] of Object.entries(spec.files)) await place(join(root, path), file);

  const sameEveryTime = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
  const tar = join(scratch, 'layer.tar');
  await run('tar', [...sameEveryTime, '-C', root, '-cf', tar, '.']);
  const layer: Blob = { digest: await digestFile(tar), size: (await stat(tar)).size };
  await rename(tar, join(blobs, layer.digest));

  const put = async (text: string): Promise<Blob> => {
    const digest = createHash('sha256').update(text).digest('hex');
    await writeFile(join(blobs, digest), text);
    return { digest, size: Buffer.byteLength(text) };
  };
  const config = await put(imageConfig(spec, layer.digest, process.arch));
  const manifest = await put(imageManifest(config, layer));
  await writeFile(join(layout, 'index.json'), imageIndex(spec.name, manifest));
  await writeFile(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  await run('tar', ['-C', layout, '-cf', join(scratch, 'image.tar'), '.']);
  await Promise.all([root, layout].map((folder) => rm(folder, { recursive: true, force: true })));
}

async function place(target: string, file: ImageFile): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  if (typeof file === 'string') {
    // What a link on this machine points at belongs into the image, not the link.
    if ((await stat(file)).isDirectory()) await cp(file, target, { recursive: true, dereference: true });
    else await copyFile(file, target);
  } else if ('link' in file) {
    await symlink(file.link, target);
  } else if ('content' in file) {
    await writeFile(target, file.content);
    await chmod(target, file.mode ?? 0o644);
  } else {
    await mkdir(target, { recursive: true });
    await chmod(target, file.folderMode);
  }
}
