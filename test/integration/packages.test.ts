import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { packAll } from '../../tools/packages.ts';
import { run } from '../cluster/command.ts';
import { FakeWorkloadApi, svidMessage } from '../pki/fake-workload-api.ts';
import { root, svid } from '../pki/mint.ts';
import { bookmark, event, fakeApi } from '../unit/kube/fake-api.ts';
import { listen, tlsOptions } from '../unit/spiffe/tls/peers.ts';

const checkout = join(import.meta.dirname, '../..');
const names = ['agentcard', 'kube', 'spiffe', 'wire'] as const;
let folder = '';
let project = '';
let tarballs: readonly string[] = [];
/** The oldest Node that is at hand: the packages promise 22, and the project itself brings a newer one. */
let node = process.execPath;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'packages-'));
  project = join(folder, 'project');
  tarballs = await packAll(join(folder, 'packages'));
  await install();
  node = await nodeOf(22).catch(() => process.execPath);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** npm's own variables would send it to the project that these tests run in. */
function npm(args: readonly string[]): Promise<string> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')));
  return run('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], { cwd: project, env });
}

/**
 * Into an empty project, by npm, without network: everything else comes at the versions of the checkout's lock file, which
 * npm has in its cache since it installed the checkout.
 */
async function install(): Promise<void> {
  const { packages } = JSON.parse(await readFile(join(checkout, 'package-lock.json'), 'utf8'));
  const foreign = Object.entries<{ dev?: boolean; optional?: boolean }>(packages).filter(
    ([path, { dev, optional }]) => {
      return (
        path.startsWith('node_modules/') && !path.startsWith('node_modules/@agentcard-operator/') && !dev && !optional
      );
    },
  );
  const own = await Promise.all(tarballs.map(lockedTarball));
  const dependencies = Object.fromEntries(
    own.map(([path, { resolved }]) => [path.slice('node_modules/'.length), resolved]),
  );
  const manifest = { name: 'empty', version: '1.0.0', private: true, type: 'module', dependencies };
  const locked = { '': manifest, ...Object.fromEntries([...own, ...foreign]) };
  await mkdir(project);
  await writeFile(join(project, 'package.json'), JSON.stringify(manifest));
  await writeFile(
    join(project, 'package-lock.json'),
    JSON.stringify({ ...manifest, lockfileVersion: 3, packages: locked }),
  );
  await npm(['ci', '--prefer-offline', '--ignore-scripts']);
}

async function lockedTarball(tarball: string) {
  const manifest = JSON.parse(await run('tar', ['-xzOf', tarball, 'package/package.json']));
  const integrity = `sha512-${createHash('sha512')
    .update(await readFile(tarball))
    .digest('base64')}`;
  const { name, version, dependencies } = manifest;
  return [
    `node_modules/${name}`,
    { version, resolved: `file:../packages/${basename(tarball)}`, integrity, dependencies },
  ] as const;
}

/** From npm's cache; fails when that has none. */
async function nodeOf(major: number): Promise<string> {
  await npm(['install', '--offline', '--no-save', '--prefix', join(folder, 'node'), `node@${major}`]);
  const path = join(folder, 'node/node_modules/node/bin/node');
  expect(await run(path, ['--version'])).toMatch(`v${major}.`);
  return path;
}

/** The programs of a package's page, as a reader would copy them. */
async function examplesOf(name: string): Promise<readonly string[]> {
  const page = await readFile(join(project, 'node_modules/@agentcard-operator', name, 'README.md'), 'utf8');
  return [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code);
}

async function start(file: string, code: string, env: Readonly<Record<string, string>>, args: readonly string[] = []) {
  await writeFile(join(project, file), code);
  const child = execFile(node, [file, ...args], { cwd: project, env: { PATH: '', ...env } });
  const said = { out: '', err: '' };
  child.stdout?.on('data', (text: string) => (said.out += text));
  child.stderr?.on('data', (text: string) => (said.err += text));
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, said, ended: once(child, 'close') };
}

test.each(names)('%s brings JavaScript, declarations, a page and the licence, and no source', async (name) => {
  const tarball = tarballs.find((path) => path.includes(`-${name}-`)) ?? '';
  const files = (await run('tar', ['-tzf', tarball])).trim().split('\n');
  expect(files).toEqual(expect.arrayContaining(['package/package.json', 'package/README.md', 'package/LICENSE']));
  expect(
    files.filter((file) => !/^package\/(dist\/.*(\.js|\.d\.ts)|package\.json|README\.md|LICENSE)$/.test(file)),
  ).toEqual([]);
  const declared = files.filter((file) => file.endsWith('.d.ts')).map((file) => file.replace(/\.d\.ts$/, '.js'));
  expect(declared.filter((file) => !files.includes(file))).toEqual([]);
});

test('every door opens for plain JavaScript, and the pure ones bring nothing along', async () => {
  const doors = [
    'agentcard',
    'kube',
    'kube/objects',
    'kube/runtime',
    'spiffe/x509',
    'spiffe/workload-api',
    'spiffe/tls',
    'wire/tls',
    'wire/growing-buffer',
  ];
  const imports = doors.map((door, index) => `import * as door${index} from '@agentcard-operator/${door}';`).join('\n');
  const used = `
    const id = door4.parseSpiffeId('spiffe://example.org/a');
    const card = door0.canonicalize({ b: 1, a: [] });
    const pod = door2.typeOf(door2.resources.pods);
    console.log(JSON.stringify([id.value.trustDomain, String(card), pod.kind, [${doors.map((_, index) => `Object.keys(door${index}).length > 0`)}]]));`;
  const { said, ended } = await start('doors.js', `${imports}\n${used}`, {});
  expect([await ended, said.err]).toEqual([[0, null], '']);
  expect(JSON.parse(said.out)).toEqual(['example.org', '{"a":[],"b":1}', 'Pod', doors.map(() => true)]);

  await rm(join(project, 'node_modules/@grpc'), { recursive: true });
  const pure = await start(
    'pure.js',
    "import '@agentcard-operator/spiffe/x509'; import '@agentcard-operator/agentcard';",
    {},
  );
  expect([await pure.ended, pure.said.err]).toEqual([[0, null], '']);
  await npm(['ci', '--prefer-offline', '--ignore-scripts']);
});

test('the controller of the page runs: it writes what it is for, sees its own write, and ends in good order', async () => {
  const [example = ''] = await examplesOf('kube');
  const object = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a', namespace: 'b', uid: 'u', resourceVersion: '7' },
  };
  const written = { ...object, metadata: { ...object.metadata, resourceVersion: '8' }, data: { greeting: 'hello' } };
  const watch = (response: ServerResponse) => void response.write(event('ADDED', object) + bookmark(7, true));
  const { client, requests } = await fakeApi([watch, (response) => void response.end(JSON.stringify(written))]);
  const cluster = { server: client.config.server.href, 'insecure-skip-tls-verify': true };
  const kubeconfig = {
    ...{ clusters: [{ name: 'c', cluster }], users: [{ name: 'u', user: { token: 't' } }], 'current-context': 'x' },
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
  };
  await writeFile(join(project, 'kubeconfig'), JSON.stringify(kubeconfig));
  const quiet = example.replace("':8080'", "'0'").replace("':8081'", "'0'");
  const { child, said, ended } = await start('controller.ts', quiet, { KUBECONFIG: join(project, 'kubeconfig') });
  await expect.poll(() => requests.length, { timeout: 20_000, message: said.err }).toBe(2);
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  expect(said.err).toContain('"message":"stopped"');
  expect(requests[1]).toMatchObject({ method: 'PATCH', url: '/api/v1/namespaces/b/configmaps/a' });
  expect(requests[1]?.headers['user-agent']).toBe('greeter');
  expect(requests[1]?.body).toBe('{"metadata":{"uid":"u"},"data":{"greeting":"hello"}}');
});

test('the programs of the page prove a peer before they believe it, and follow the Workload API', async () => {
  const [ask = '', follow = ''] = await examplesOf('spiffe');
  const authority = root('example.org');
  const [ours, theirs] = ['client', 'server'].map((name) => `spiffe://example.org/${name}`) as [string, string];
  const api = new FakeWorkloadApi();
  await api.start();
  onTestFinished(() => api.stop());
  api.send({ svids: [svidMessage(ours, [svid(authority, ours)], [authority])] });
  const env = { SPIFFE_ENDPOINT_SOCKET: api.address };

  const server = createServer(tlsOptions([svid(authority, theirs)], [authority]), (_, response) =>
    response.end('fine'),
  );
  const port = String(await listen(server));
  const good = await start('ask.ts', ask, env, ['127.0.0.1', port]);
  await good.ended;
  expect(good.said).toEqual({ err: '', out: `${theirs} answered 200: fine\n` });

  const other = root('example.org');
  const impostor = createServer(tlsOptions([svid(other, theirs)], [authority]), (_, response) => response.end('fine'));
  const bad = await start('ask.ts', ask, env, ['127.0.0.1', String(await listen(impostor))]);
  await bad.ended;
  expect(bad.said.out).toBe('');
  expect(bad.said.err).toContain('PeerCertificateInvalid');

  const local = follow.replace('unix:///run/spire/agent.sock', api.address);
  const following = await start('follow.ts', local, env);
  await expect.poll(() => following.said.out, { timeout: 20_000 }).toContain(`${ours} until 20`);
});

test('the declarations say what the programs need, to the strictest compiler', async () => {
  const examples = [...(await examplesOf('kube')), ...(await examplesOf('spiffe'))];
  const files = await Promise.all(
    examples.map(async (code, index) => {
      await writeFile(join(project, `example-${index}.ts`), code);
      return `example-${index}.ts`;
    }),
  );
  const wrong =
    "import { keyOf } from '@agentcard-operator/kube/objects';\nexport const key: number = keyOf({ metadata: { name: 'a' } });\n";
  await writeFile(join(project, 'wrong.ts'), wrong);
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    module: 'nodenext',
    target: 'es2023',
    types: ['node'],
  };
  const check = async (...sources: readonly string[]): Promise<string> => {
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: sources }));
    return run(process.execPath, [join(checkout, 'node_modules/typescript/bin/tsc'), '-p', project]);
  };
  expect(await check(...files)).toBe('');
  await expect(check('wrong.ts')).rejects.toThrow("'string' is not assignable to type 'number'");
});
