import { copyFile, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseLdd } from '../../test/cluster/base-images.ts';
import { cacheKey, cacheRoot, fillOnce } from '../../test/cluster/cache.ts';
import { run } from '../../test/cluster/command.ts';
import { buildImage, imageFromFolder } from '../../test/cluster/images.ts';
import { need } from '../../test/cluster/packages.ts';
import { type Progress, silent } from '../../test/cluster/progress.ts';
import { bundle, contextFolder, makeContext } from '../../tools/bundle.ts';
import { operatorImage, pythonAgentImage, sdkAgentImage } from './image-names.ts';

/** Debian's, since the machine's other Pythons live where an image could not take them from. */
const python = '/usr/bin/python3';

/** What each image is built from: a Dockerfile and the folder of its files. The SDK's agent stands on the operator's image, for Node. */
export const recipes = {
  [operatorImage]: { dockerfile: 'Dockerfile', context: contextFolder },
  [sdkAgentImage]: { dockerfile: 'Dockerfile', context: 'dist/sdk-agent' },
  [pythonAgentImage]: { dockerfile: 'demos/agents/Dockerfile.python', context: 'dist/python-agent' },
} as const;

/** `docker build` and its arguments for a machine with registries: there the operator's image brings its own base. */
export const dockerBuilds = async () => ({
  [operatorImage]: '.',
  [sdkAgentImage]: `--build-arg BASE_IMAGE=$IMAGES/${operatorImage.split('/')[1]} --build-context files=${recipes[sdkAgentImage].context} .`,
  [pythonAgentImage]: `--build-arg BASE_IMAGE=<Python ${await pythonVersion()}> -f ${recipes[pythonAgentImage].dockerfile} ${recipes[pythonAgentImage].context}`,
});

const nodeBase = 'localhost/base-node:1';
const pythonBase = 'localhost/base-python:1';

/** Fills the folders that the recipes name. */
export async function makeContexts(progress: Progress): Promise<void> {
  await makeContext();
  await makeSdkAgent();
  await makePythonAgent(progress);
}

/** Builds the images without a registry, on bases made from this machine's files. Returns their names. */
export async function buildImages(progress: Progress): Promise<string[]> {
  await makeContexts(progress);
  await makePythonBase();
  const bases = { [operatorImage]: nodeBase, [sdkAgentImage]: operatorImage, [pythonAgentImage]: pythonBase };
  for (const [tag, base] of Object.entries(bases)) {
    await buildImage({ ...recipes[tag as keyof typeof recipes], tag, base }, progress);
  }
  return Object.keys(recipes);
}

async function makeSdkAgent(): Promise<void> {
  const { context } = recipes[sdkAgentImage];
  await rm(context, { recursive: true, force: true });
  await bundle({ 'sdk-agent': 'demos/agents/sdk-agent.ts' }, join(context, 'app'));
}

async function makePythonAgent(progress: Progress): Promise<void> {
  const { context } = recipes[pythonAgentImage];
  const requirements = 'demos/agents/requirements.txt';
  const version = await pythonVersion();
  const packages = join(cacheRoot(), 'python', cacheKey(await readFile(requirements), version, process.arch));
  await need(['pip'], progress);
  await fillOnce(packages, (scratch) => installPackages({ requirements, version, target: scratch }));
  await rm(context, { recursive: true, force: true });
  await mkdir(context, { recursive: true });
  await run('cp', ['-r', packages, join(context, 'packages')]);
  await copyFile('demos/agents/python_agent.py', join(context, 'python_agent.py'));
}

/** Wheels for the image's Python, whichever Python runs pip. */
async function installPackages(to: { requirements: string; version: string; target: string }): Promise<void> {
  const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  const platforms = ['manylinux2014', 'manylinux_2_28'].flatMap((name) => ['--platform', `${name}_${machine}`]);
  const kind = ['--only-binary=:all:', '--implementation', 'cp', '--python-version', to.version, ...platforms];
  const quiet = ['--quiet', '--no-compile', '--disable-pip-version-check', '--root-user-action=ignore'];
  await run('python3', ['-m', 'pip', 'install', ...quiet, ...kind, '--target', to.target, '-r', to.requirements]);
}

async function pythonVersion(): Promise<string> {
  await need(['python3'], silent);
  return (await run(python, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'])).trim();
}

/** This machine's Python, with the libraries that it and the agent's packages link. */
async function makePythonBase(): Promise<void> {
  const folder = `/usr/lib/python${await pythonVersion()}`;
  const extensions = await run('find', [folder, recipes[pythonAgentImage].context, '-name', '*.so']);
  const linked = parseLdd(await run('ldd', [python, ...extensions.trim().split('\n')]));
  const libraries = linked.filter((path) => /^\/(usr\/)?lib/.test(path));
  await imageFromFolder({
    name: pythonBase,
    files: {
      '/etc/passwd': { content: 'nonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n' },
      '/tmp': { folderMode: 0o1777 },
      [python]: python,
      [folder]: folder,
      ...Object.fromEntries(libraries.map((path) => [path, path])),
    },
    user: '65532:65532',
  });
}
