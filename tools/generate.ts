import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { admissionFiles } from './generate/admission.ts';
import { chartFiles } from './generate/chart-files.ts';
import { crdFiles } from './generate/crd.ts';
import { markFiles } from './generate/marks.ts';
import { monitoringFiles } from './generate/monitoring.ts';
import { brokenPromises, keptPromises, promises, promisesFile } from './generate/promises.ts';
import { rbacFiles } from './generate/rbac.ts';
import { referencePage } from './generate/reference.ts';
import { valuesSchema } from './generate/values-schema.ts';

const promised = keptPromises(
  await promises(),
  // Without it nobody would know what was promised: it has to come from the history.
  await readFile(promisesFile, 'utf8'),
  (await contentOf('CHANGELOG.md')) ?? '',
);

/** Writes every generated file; with --check writes nothing and fails, naming those that are stale. Either fails on a broken promise. */
const generated: ReadonlyMap<string, string> = new Map([
  ...crdFiles(),
  ...rbacFiles(),
  ...admissionFiles(),
  ...markFiles(),
  ...monitoringFiles(),
  ['charts/agentcard-operator/values.schema.json', valuesSchema()],
  ...(await chartFiles()),
  ['docs/reference.md', await referencePage()],
  [promisesFile, promised.text],
]);

const stale: string[] = [];
for (const [path, content] of generated) {
  if (content !== (await contentOf(path))) stale.push(path);
}
if (process.argv.includes('--check')) {
  if (stale.length > 0) {
    console.error(`These files are stale; run 'make generate' and commit them:\n  ${stale.join('\n  ')}`);
    process.exitCode = 1;
  }
} else {
  for (const path of stale) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, generated.get(path) ?? '');
    console.log(`wrote ${path}`);
  }
}

if (promised.broken.length > 0) {
  console.error(brokenPromises(promised.broken));
  process.exitCode = 1;
}

async function contentOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}
