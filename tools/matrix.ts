/** `make matrix`: the tests that need an API server and nothing else, on that of each release that is claimed. By hand: it builds them. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { otherApiServers } from '../test/cluster/catalogue.ts';
import { ensureTools } from '../test/cluster/tools.ts';

/** The kind, the admission policies and what else the chart renders, and the watch runtime. */
const suite = [
  ...['api/agentcard-kind', 'api/kind-explained', 'api/table'],
  ...['admission', 'dry-run', 'guards', 'label-on-create', 'ownership', 'rights'].map((name) => `chart/${name}`),
  ...['api', 'leader-election', 'manager', 'optional-kind', 'watch-faults'].map((name) => `kube/${name}`),
  'signer/config-map',
].map((name) => `test/integration/${name}.test.ts`);

const prefix = 'kube-apiserver-';
const nodes = '1.37';
const known = [...otherApiServers.map((name) => name.slice(prefix.length)), nodes];

async function main(asked: readonly string[]): Promise<number> {
  const unknown = asked.filter((version) => !known.includes(version));
  if (unknown.length > 0) {
    process.stderr.write(`no API server of ${unknown.join(', ')} here; there are ${known.join(', ')}\n`);
    return 2;
  }
  const rows: (readonly [version: string, said: string, ok: boolean])[] = [];
  for (const version of asked.length > 0 ? asked : known) {
    const found = await tried(version).catch((error: unknown) => [`not built: ${String(error)}`, false] as const);
    rows.push([version, ...found]);
  }
  for (const [version, said] of rows) console.log(`${version}\t${said}`);
  return rows.every(([, , ok]) => ok) ? 0 : 1;
}

/** What the suite says of one release, and whether all of it passed. */
async function tried(version: string): Promise<readonly [string, boolean]> {
  const name = otherApiServers.find((each) => each === prefix + version) ?? 'kube-apiserver';
  const tools = await ensureTools(['etcd', name]);
  const folder = await mkdtemp(join(tmpdir(), 'agentcard-matrix-'));
  try {
    await symlink(tools.etcd, join(folder, 'etcd'));
    await symlink(tools[name], join(folder, 'kube-apiserver'));
    const report = join(folder, 'report.json');
    await vitest(report, { KUBEBUILDER_ASSETS: folder, MATRIX_VERSION: version });
    const {
      numPassedTests: passed,
      numFailedTests: failed,
      numPendingTests: skipped,
      success,
    } = await reportOf(report);
    return [`${passed} passed, ${failed} failed, ${skipped} skipped`, success];
  } finally {
    await rm(folder, { recursive: true });
  }
}

function vitest(report: string, env: Readonly<Record<string, string>>): Promise<unknown> {
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const args = ['--no-install', 'vitest', 'run', '--project', 'integration', ...reporters, ...suite];
  const run = spawn('npx', args, { stdio: 'inherit', env: { ...process.env, ...env } });
  return new Promise((resolve) => run.once('exit', resolve));
}

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly success: boolean;
}

async function reportOf(path: string): Promise<Report> {
  return JSON.parse(await readFile(path, 'utf8')) as Report;
}

process.exitCode = await main(process.argv.slice(2));
