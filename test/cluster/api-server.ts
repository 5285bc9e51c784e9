import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApiAccess, apiReady } from './api-client.ts';
import { exists } from './cache.ts';
import { apiServerArgs, apiServerNames, etcdArgs } from './control-plane.ts';
import { type Daemon, mustLive, startDaemon } from './daemon.ts';
import { renderKubeconfig } from './kubeconfig.ts';
import { need } from './packages.ts';
import { makePki } from './pki.ts';
import { freePorts } from './ports.ts';
import { silent } from './progress.ts';
import { ensureTools } from './tools.ts';
import { until } from './until.ts';

/** An etcd and an API server on loopback: no namespaces, no root, no controllers, no nodes. */
export interface ApiServer {
  /** `https://127.0.0.1:<port>`; the same after a restart. */
  readonly url: string;
  readonly caPem: string;
  /** A client certificate and a bearer token, each of a cluster administrator. */
  readonly clientCertPem: string;
  readonly clientKeyPem: string;
  readonly adminToken: string;
  /** Path of a kubeconfig that holds its certificates itself. */
  readonly kubeconfig: string;
  /** Folder of `etcd.log` and `kube-apiserver.log`, until `stop`. */
  readonly logs: string;
  readonly etcd: { readonly url: string; readonly pid: number };
  pids(): { readonly apiServer: number; readonly etcd: number };
  /** Kills the API server without notice and starts it again on the same port and data; returns when it is ready. */
  restartApiServer(): Promise<void>;
  stop(): Promise<void>;
}

export interface ApiServerOptions {
  /** More flags for kube-apiserver; a flag given here wins over the harness's own. */
  readonly extraArgs?: readonly string[];
}

const adminGroup = 'system:masters';
const prefix = 'agentcard-api-';
const abandonedMs = 6 * 3_600_000;
const attempts = 3;

/** Starts an API server in about five seconds. Everything ends with `stop`, or with this process however that ends. */
export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const binaries = await findBinaries();
  await need(['openssl'], silent);
  await removeAbandoned();
  for (let attempt = 1; ; attempt++) {
    const home = await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-`));
    try {
      return await startIn(home, binaries, options.extraArgs ?? []);
    } catch (error) {
      await rm(home, { recursive: true, force: true });
      // Ports are picked before they are bound, so another process can be quicker.
      if (attempt === attempts || !String(error).includes('address already in use')) throw error;
    }
  }
}

async function startIn(home: string, binaries: Binaries, extraArgs: readonly string[]): Promise<ApiServer> {
  const { access, adminToken } = await makeCredentials(home);
  const logs = join(home, 'logs');
  const etcdUrl = `http://127.0.0.1:${(await freePorts(1))[0]}`;
  const settings = {
    etcdUrl,
    pki: join(home, 'pki'),
    port: Number(new URL(access.server).port),
    bindAddress: '127.0.0.1',
  };
  const args = apiServerArgs({ ...settings, extraArgs: [...apiOnlyArgs(home), ...extraArgs] });
  const start = (name: keyof Binaries, daemonArgs: string[]) =>
    startDaemon({ name, command: binaries[name], args: daemonArgs, logs });
  const etcd = await start('etcd', etcdArgs(join(home, 'etcd'), etcdUrl));
  let apiServer = await start('kube-apiserver', args);
  const stop = async () => {
    await Promise.all([apiServer.kill(), etcd.kill()]);
    await rm(home, { recursive: true, force: true });
  };
  const { caPem, certPem: clientCertPem, keyPem: clientKeyPem } = access;
  try {
    await waitReady(access, [etcd, apiServer]);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    ...{ url: access.server, caPem, clientCertPem, clientKeyPem, adminToken, logs, stop },
    kubeconfig: join(home, 'kubeconfig'),
    etcd: { url: etcdUrl, pid: etcd.pid },
    pids: () => ({ apiServer: apiServer.pid, etcd: etcd.pid }),
    restartApiServer: async () => {
      await apiServer.kill();
      apiServer = await start('kube-apiserver', args);
      await waitReady(access, [etcd, apiServer]);
    },
  };
}

/** Nothing here makes service accounts for namespaces, so pods must be accepted without one. */
function apiOnlyArgs(home: string): string[] {
  return [
    '--authorization-mode=RBAC',
    '--disable-admission-plugins=ServiceAccount',
    `--token-auth-file=${join(home, 'tokens.csv')}`,
  ];
}

async function makeCredentials(home: string): Promise<{ access: ApiAccess; adminToken: string }> {
  const pki = join(home, 'pki');
  await mkdir(join(home, 'logs'));
  await makePki(pki, [
    { name: 'apiserver', subject: '/CN=kube-apiserver', names: apiServerNames, usage: 'server' },
    { name: 'admin', subject: `/O=${adminGroup}/CN=admin`, usage: 'client' },
  ]);
  const read = (name: string) => readFile(join(pki, name), 'utf8');
  const [caPem, certPem, keyPem] = await Promise.all([read('ca.crt'), read('admin.crt'), read('admin.key')]);
  const access = { server: `https://127.0.0.1:${(await freePorts(1))[0]}`, caPem, certPem, keyPem };
  const adminToken = randomBytes(24).toString('hex');
  await writeFile(join(home, 'tokens.csv'), `${adminToken},admin,admin,${adminGroup}\n`, { mode: 0o600 });
  await writeFile(join(home, 'kubeconfig'), renderKubeconfig(access), { mode: 0o600 });
  return { access, adminToken };
}

async function waitReady(access: ApiAccess, daemons: readonly Daemon[]): Promise<void> {
  await until({ what: 'the API server to be ready', timeoutMs: 60_000 }, async () => {
    for (const daemon of daemons) await mustLive(daemon);
    return apiReady(access);
  });
}

type Binaries = Readonly<Record<'etcd' | 'kube-apiserver', string>>;

/** KUBEBUILDER_ASSETS, the folder that envtest and its users have, saves the build. */
async function findBinaries(): Promise<Binaries> {
  const assets = process.env.KUBEBUILDER_ASSETS;
  if (assets === undefined || assets === '') return ensureTools(['etcd', 'kube-apiserver']);
  const binaries = { etcd: join(assets, 'etcd'), 'kube-apiserver': join(assets, 'kube-apiserver') };
  for (const path of Object.values(binaries)) {
    if (!(await exists(path)))
      throw new Error(`KUBEBUILDER_ASSETS is ${assets}, but ${path} does not exist; unset it or fill it`);
  }
  return binaries;
}

/** A killed test process leaves its folder, and its folder carries its process id. */
/** Numbers of processes mean nothing across PID namespaces that share a folder, so only what is old counts as abandoned. */
async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = name.startsWith(prefix) ? Number.parseInt(name.slice(prefix.length), 10) : 0;
    if (pid <= 0 || (await exists(`/proc/${pid}`))) continue;
    const folder = join(tmpdir(), name);
    const age = Date.now() - ((await stat(folder).catch(() => undefined))?.mtimeMs ?? Date.now());
    if (age > abandonedMs) await rm(folder, { recursive: true, force: true });
  }
}
