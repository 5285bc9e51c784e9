/** `make chart`: the chart as it is released, in dist/chart: it knows its image, by digest, and where it comes from. */
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { run } from '../test/cluster/command.ts';
import { ensureTools } from '../test/cluster/tools.ts';

const help = `make chart IMAGE_REPOSITORY=<repository> [IMAGE_DIGEST=sha256:…] [SOURCE_URL=<of the project>]

IMAGE_REPOSITORY and IMAGE_DIGEST become the chart's defaults, so that whoever installs it names no image.
`;

interface Release {
  readonly repository: string;
  readonly digest: string;
  readonly source: string;
}

/** Pure: values.yaml with the image as its default; comments stay. */
export function releasedValues(yaml: string, { repository, digest }: Release): string {
  const values = parseDocument(yaml);
  values.setIn(['image', 'repository'], repository);
  values.setIn(['image', 'digest'], digest);
  return values.toString({ lineWidth: 0 });
}

/** Pure: Chart.yaml with what registries of charts show of its origin. */
export function releasedDefinition(yaml: string, { repository, digest, source }: Release): string {
  const definition = parseDocument(yaml);
  const image = digest === '' ? `${repository}:${definition.get('appVersion')}` : `${repository}@${digest}`;
  definition.setIn(['annotations', 'artifacthub.io/images'], `- name: agentcard-operator\n  image: ${image}\n`);
  if (source !== '') {
    definition.set('home', source);
    definition.set('sources', [source]);
  }
  return definition.toString({ lineWidth: 0 });
}

/** Returns the path of the package. */
export async function packageChart(release: Release, folder = 'dist/chart'): Promise<string> {
  const chart = join(folder, 'agentcard-operator');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await cp('charts/agentcard-operator', chart, { recursive: true });
  const rewrite = async (file: string, by: (yaml: string, release: Release) => string) =>
    writeFile(join(chart, file), by(await readFile(join(chart, file), 'utf8'), release));
  await rewrite('values.yaml', releasedValues);
  await rewrite('Chart.yaml', releasedDefinition);
  const { helm } = await ensureTools(['helm']);
  const said = await run(helm, ['package', chart, '--destination', folder]);
  await rm(chart, { recursive: true });
  return said.trim().replace(/^.*: /, '');
}

async function main({ IMAGE_REPOSITORY, IMAGE_DIGEST = '', SOURCE_URL = '' }: NodeJS.ProcessEnv): Promise<number> {
  if (!IMAGE_REPOSITORY) {
    process.stderr.write(help);
    return 2;
  }
  console.log(await packageChart({ repository: IMAGE_REPOSITORY, digest: IMAGE_DIGEST, source: SOURCE_URL }));
  return 0;
}

if (import.meta.main) process.exitCode = await main(process.env);
