import { mkdir, readdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command.ts';
import { node } from './control-plane.ts';
import type { Places } from './state.ts';

/**
 * The kubelet sets these, and they belong to the whole machine. Files with the wanted values lie over them, so that the kubelet
 * finds nothing to change.
 */
const kernelSettings: Readonly<Record<string, string>> = {
  'vm/overcommit_memory': '1',
  'vm/panic_on_oom': '0',
  'kernel/panic': '10',
  'kernel/panic_on_oops': '1',
  'kernel/keys/root_maxkeys': '1000000',
  'kernel/keys/root_maxbytes': '25000000',
};

/** Folders that take the node's writes in a layer of their own. */
const layered = ['/etc', '/var/lib', '/var/log'];

/** Pure: why this folder cannot hold a cluster, or undefined. Inside, it must be the folder that it is outside. */
export function placeRefusal(root: string): string | undefined {
  const covered = ['/run', '/var/run', ...layered].find((folder) => root.startsWith(`${folder}/`));
  if (covered === undefined) return undefined;
  return `a node covers ${covered} with its own, so ${root} cannot hold it: set AGENTCARD_CACHE to another folder`;
}

/** The command that starts `command` as a node of its own; whoever waits for it is told of its end. A user without rights is root inside. */
export function unshareArgs(command: readonly string[], uid = process.getuid?.()): string[] {
  const user = uid === 0 ? [] : ['--user', '--map-root-user'];
  const namespaces = [...user, '--net', '--pid', '--mount', '--uts', '--ipc', '--fork'];
  // The shell is PID 1 and reaps what containers leave behind; its end, or unshare's, ends everything inside.
  const init = ['sh', '-c', '"$@" & wait $!', 'sh'];
  return [...namespaces, '--mount-proc', '--propagation', 'private', '--kill-child=SIGKILL', '--', ...init, ...command];
}

/** Pure: nothing inside can reach a proxy, and Go programs would send it what is meant for pods. */
export function withoutProxies(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(https?|all|no)_proxy$/i.test(name)));
}

/** The `nsenter` arguments that run a command inside the node whose PID 1 has this number outside. */
export function nsenterArgs(init: number, cwd: string, command: readonly string[]): string[] {
  return ['--target', String(init), '--net', '--mount', '--pid', '--uts', '--ipc', `--wd=${cwd}`, '--', ...command];
}

/** Inside, first: its own name, its own /run, and layers over the folders of the machine that it writes to. */
export async function isolateFiles(at: Places): Promise<void> {
  await run('hostname', [node.name]);
  for (const folder of layered) {
    const [upper, work] = [join(at.run, `upper${folder}`), join(at.run, `work${folder}`)];
    await Promise.all([mkdir(upper, { recursive: true }), mkdir(work, { recursive: true })]);
    const layers = `lowerdir=${folder},upperdir=${upper},workdir=${work}`;
    await run('mount', ['-t', 'overlay', 'agentcard-node', '-o', layers, folder]);
  }
  await run('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'agentcard-node', '/run']);
  await Promise.all(['/run/lock', '/var/lib/kubelet', '/run/spire'].map((path) => mkdir(path, { recursive: true })));
  await mkdir(join(at.run, 'kubelet'), { recursive: true });
  await run('mount', ['--bind', join(at.run, 'kubelet'), '/var/lib/kubelet']);
  await writeOver('/etc/hosts', `127.0.0.1 localhost\n${node.ip} ${node.name}\n`);
  await writeOver('/etc/resolv.conf', `nameserver ${node.dnsIp}\n`);
  await coverKernelSettings(at);
  await run('mount', ['--make-rshared', '/']);
}

async function writeOver(path: string, text: string): Promise<void> {
  // Often a link into /run, which is another one now.
  await rm(path, { force: true });
  await writeFile(path, text);
}

async function coverKernelSettings(at: Places): Promise<void> {
  const folder = join(at.run, 'settings');
  await mkdir(folder, { recursive: true });
  for (const [name, value] of Object.entries(kernelSettings)) {
    const file = join(folder, name.replaceAll('/', '.'));
    await writeFile(file, `${value}\n`);
    await run('mount', ['--bind', file, join('/proc/sys', name)]);
  }
}

/** Inside: a network with one bridge for the node's address and a default route, since a Service's address is routed before it is translated. */
export async function makeNetwork(): Promise<void> {
  for (const args of [
    'link set lo up',
    'link add br-node type bridge',
    'link set br-node up',
    `addr add ${node.ip}/32 dev br-node`,
    `route add default dev br-node src ${node.ip}`,
  ]) {
    await run('ip', args.split(' '));
  }
  await writeFile('/proc/sys/net/ipv4/ip_forward', '1');
}

const cgroups = '/sys/fs/cgroup';

/** The machine's cgroup hierarchies: one on version 2, one per controller on version 1. */
async function hierarchies(): Promise<string[]> {
  const names = await readdir(cgroups);
  if (names.includes('cgroup.controllers')) return [cgroups];
  const folders = await Promise.all(
    names.map(async (name) => ((await stat(join(cgroups, name))).isDirectory() ? [join(cgroups, name)] : [])),
  );
  return folders.flat();
}

export async function makeCgroups({ cgroup }: Places): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    const folder = join(hierarchy, cgroup);
    await mkdir(folder, { recursive: true });
    // A new cpuset is empty, and nothing can be put into an empty one.
    for (const file of hierarchy.endsWith('/cpuset') ? ['cpuset.cpus', 'cpuset.mems'] : []) {
      await writeFile(join(folder, file), await readFile(join(hierarchy, file)));
    }
    if (hierarchy.endsWith('/cpu')) await writeFile(join(folder, 'cpu.shares'), `${podsShares}`);
  }
}

/**
 * What all pods of a node get under load. On version 1 each thread outside of every group counts as much as a group
 * with the default of 1024: beside other tests, pods would get a twentieth of the machine.
 */
const podsShares = 16 * 1_024;

/** Outside, after the end: removes the subtree from every hierarchy. Returns what could not be removed yet. */
export async function removeCgroups({ cgroup }: Places): Promise<string[]> {
  const left: string[] = [];
  for (const hierarchy of await hierarchies().catch(() => []))
    left.push(...(await removeTree(join(hierarchy, cgroup))));
  return left;
}

async function removeTree(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return [];
  const below: string[] = [];
  for (const entry of entries) if (entry.isDirectory()) below.push(...(await removeTree(join(folder, entry.name))));
  // The files in a cgroup's folder are the kernel's: only rmdir works, and only once no process is left.
  return rmdir(folder).then(
    () => below,
    () => [...below, folder],
  );
}
