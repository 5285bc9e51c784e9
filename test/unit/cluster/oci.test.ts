import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseLdconfig, parseLdd } from '../../cluster/base-images.ts';
import { digestFile, type ImageSpec, imageConfig, imageIndex, imageManifest, writeImage } from '../../cluster/oci.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'oci-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const spec: ImageSpec = {
  name: 'localhost/thing:1',
  files: {
    '/bin/thing': { content: 'x', mode: 0o755 },
    '/bin/other': { link: 'thing' },
    '/tmp': { folderMode: 0o1777 },
  },
  entrypoint: ['/bin/thing'],
  env: { COLOUR: 'red' },
  user: '65532:65532',
};

test('a configuration says user, entry point and environment, and nothing of this machine but its architecture', () => {
  const config = JSON.parse(imageConfig(spec, 'abc', 'x64'));
  expect(config).toMatchObject({ architecture: 'amd64', os: 'linux', created: '1970-01-01T00:00:00Z' });
  expect(config.config).toMatchObject({ Entrypoint: ['/bin/thing'], User: '65532:65532' });
  expect(config.config.Env).toContain('COLOUR=red');
  expect(config.rootfs.diff_ids).toEqual(['sha256:abc']);
  expect(config.history).toHaveLength(1);
});

test('a manifest and an index point at what they describe', () => {
  const manifest = JSON.parse(imageManifest({ digest: 'c', size: 1 }, { digest: 'l', size: 2 }));
  expect(manifest.config).toMatchObject({ digest: 'sha256:c', size: 1 });
  expect(manifest.layers).toMatchObject([{ digest: 'sha256:l', size: 2 }]);
  const index = JSON.parse(imageIndex('localhost/thing:1', { digest: 'm', size: 3 }));
  expect(index.manifests[0]).toMatchObject({ digest: 'sha256:m', size: 3 });
  expect(index.manifests[0].annotations['org.opencontainers.image.ref.name']).toBe('localhost/thing:1');
});

test('an archive holds its files with their modes, and the same files give the same layer', async () => {
  const [one, two] = [join(folder, 'one'), join(folder, 'two')];
  for (const scratch of [one, two]) {
    await mkdir(scratch);
    await writeImage(spec, scratch);
    execFileSync('tar', ['-xf', 'image.tar'], { cwd: scratch });
  }
  const index = await readFile(join(one, 'index.json'), 'utf8');
  expect(await readFile(join(two, 'index.json'), 'utf8')).toBe(index);
  const blob = (digest: string) => join(one, 'blobs', digest.replace(':', '/'));
  const manifest = JSON.parse(await readFile(blob(JSON.parse(index).manifests[0].digest), 'utf8'));
  const layer = manifest.layers[0].digest;
  expect(`sha256:${await digestFile(blob(layer))}`).toBe(layer);
  const listing = execFileSync('tar', ['-tvf', blob(layer)]).toString();
  expect(listing).toMatch(/^-rwxr-xr-x 0\/0 .* \.\/bin\/thing$/m);
  expect(listing).toMatch(/^l.* \.\/bin\/other -> thing$/m);
  expect(listing).toMatch(/^drwxrwxrwt .* \.\/tmp\/$/m);
});

test("a file of this machine goes in, and a link's target instead of the link", async () => {
  await writeFile(join(folder, 'real.so.1.2'), 'library');
  execFileSync('ln', ['-s', 'real.so.1.2', join(folder, 'real.so.1')]);
  const scratch = join(folder, 'scratch');
  await mkdir(scratch);
  await writeImage({ name: 'localhost/l:1', files: { '/lib/real.so.1': join(folder, 'real.so.1') } }, scratch);
  execFileSync('tar', ['-xf', 'image.tar'], { cwd: scratch });
  const manifestDigest = JSON.parse(await readFile(join(scratch, 'index.json'), 'utf8')).manifests[0].digest;
  const blob = (digest: string) => join(scratch, 'blobs', digest.replace(':', '/'));
  const layer = JSON.parse(await readFile(blob(manifestDigest), 'utf8')).layers[0].digest;
  expect(execFileSync('tar', ['-xOf', blob(layer), './lib/real.so.1']).toString()).toBe('library');
});

test('libraries are found in what the loader prints, its own path included', () => {
  const output = [
    '\tlinux-vdso.so.1 (0x00007fdc8b2c9000)',
    '\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007fdc8b1c9000)',
    '\t/lib64/ld-linux-x86-64.so.2 (0x00007fdc8b2cb000)',
  ].join('\n');
  expect(parseLdd(output)).toEqual(['/lib/x86_64-linux-gnu/libm.so.6', '/lib64/ld-linux-x86-64.so.2']);
});

test("of libraries with one name the first, the machine's own architecture, counts", () => {
  const output = [
    '2 libs found in cache',
    '\tlibm.so.6 (libc6,x86-64, OS ABI: Linux 3.2.0) => /lib/x86_64-linux-gnu/libm.so.6',
    '\tlibm.so.6 (libc6) => /lib32/libm.so.6',
  ].join('\n');
  expect([...parseLdconfig(output)]).toEqual([['libm.so.6', '/lib/x86_64-linux-gnu/libm.so.6']]);
});
