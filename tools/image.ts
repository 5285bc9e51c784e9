import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { sbomFile, writeSbom } from './sbom.ts';

const builders = ['docker', 'podman', 'buildah'] as const;

/** `make image`: builds the Dockerfile with the machine's own builder, and says what is in it. */
async function main({ BASE_IMAGE, BUILD_IMAGE, BUILDER, IMAGE, PLATFORM }: NodeJS.ProcessEnv): Promise<number> {
  const builder = BUILDER || builders.find(answers);
  if (builder === undefined) {
    process.stderr.write(`install or start one of ${builders.join(', ')}, or name one in BUILDER=\n`);
    return 2;
  }
  const { version } = JSON.parse(await readFile('package.json', 'utf8'));
  const tag = IMAGE || `agentcard-operator:${version}`;
  const given = Object.entries({ BASE_IMAGE, BUILD_IMAGE }).filter(([, image]) => image);
  const bases = given.flatMap(([name, image]) => ['--build-arg', `${name}=${image}`]);
  const platform = PLATFORM ? ['--platform', PLATFORM] : [];
  const { status } = spawnSync(builder, ['build', ...bases, ...platform, '--tag', tag, '.'], { stdio: 'inherit' });
  if (status !== 0) return status ?? 1;
  console.log(`${sbomFile}: what is in it, ${await writeSbom()} packages besides the base's.`);
  console.log(`${tag} is built. Push it to where your cluster pulls from.`);
  return 0;
}

/** A client may be there while its daemon is not. */
function answers(builder: string): boolean {
  return spawnSync(builder, ['info'], { stdio: 'ignore', timeout: 10_000 }).status === 0;
}

process.exitCode = await main(process.env);
