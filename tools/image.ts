import { spawnSync } from 'node:child_process';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeContext } from './bundle.ts';
import { sbomFile, writeSbom } from './sbom.ts';

const builders = ['docker', 'podman', 'buildah'] as const;

const help = `make image needs a base image, which this project does not choose for you:

  make image BASE_IMAGE=<name> [IMAGE=<name:tag>] [BUILDER=docker|podman|buildah]

The base brings glibc 2.28 or newer, libstdc++, libgcc and libatomic, and needs nothing else: no Node, no shell, no package
manager. A "distroless" image for C++ fits when it has libatomic.so.1; a slim Debian with libatomic1 fits as well.
`;

/** `make image`: bundles the programs and builds the Dockerfile with the machine's own builder. */
async function main({ BASE_IMAGE, BUILDER, IMAGE }: NodeJS.ProcessEnv): Promise<number> {
  if (!BASE_IMAGE) return complain(help);
  const builder = BUILDER || builders.find(answers);
  if (builder === undefined)
    return complain(`install or start one of ${builders.join(', ')}, or name one in BUILDER=\n`);
  const { version } = JSON.parse(await readFile('package.json', 'utf8'));
  const tag = IMAGE || `agentcard-operator:${version}`;
  const context = await makeContext();
  const what = ['--build-arg', `BASE_IMAGE=${BASE_IMAGE}`, '--tag', tag, '--file', 'Dockerfile', context];
  const { status } = spawnSync(builder, ['build', ...what], { stdio: 'inherit' });
  if (status !== 0) return status ?? 1;
  const packages = await writeSbom();
  console.log(`${sbomFile}: what is in it, ${packages} packages.`);
  console.log(`${tag}: ${await sizeOverBase(context)}. Push it to where your cluster pulls from.`);
  return 0;
}

/** What the image adds to its base, uncompressed. */
export async function sizeOverBase(context: string): Promise<string> {
  const [node, programs] = await Promise.all([bytesOf(join(context, 'node')), bytesOf(join(context, 'app'))]);
  const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  return `${mib(node + programs)} over the base (Node ${mib(node)}, programs with source maps ${mib(programs)})`;
}

async function bytesOf(path: string): Promise<number> {
  const info = await stat(path);
  if (!info.isDirectory()) return info.size;
  const sizes = await Promise.all((await readdir(path)).map((name) => bytesOf(join(path, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** A client may be there while its daemon is not. */
function answers(builder: string): boolean {
  return spawnSync(builder, ['info'], { stdio: 'ignore', timeout: 10_000 }).status === 0;
}

function complain(text: string): number {
  process.stderr.write(text);
  return 2;
}

if (import.meta.main) process.exitCode = await main(process.env);
