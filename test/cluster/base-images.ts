import { run } from './command.ts';
import { imageFromFolder } from './images.ts';
import type { ImageFile } from './oci.ts';
import type { Progress } from './progress.ts';
import { ensureEnvoy } from './wheel.ts';

type Files = Record<string, ImageFile>;

/** Pure: the paths that `ldd` found, the dynamic loader's own included. */
export function parseLdd(output: string): string[] {
  return [...output.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].map((match) => match[1] ?? '');
}

/** Pure: soname → path, from `ldconfig -p`; the first entry of a name is the one of the machine's own architecture. */
export function parseLdconfig(output: string): Map<string, string> {
  const paths = new Map<string, string>();
  for (const [, soname, path] of output.matchAll(/^\s*(\S+) \(.*\) => (\/\S+)$/gm)) {
    if (soname !== undefined && path !== undefined && !paths.has(soname)) paths.set(soname, path);
  }
  return paths;
}

async function librariesOf(...binaries: string[]): Promise<Files> {
  const outputs = await Promise.all(binaries.map((binary) => run('ldd', [binary])));
  return Object.fromEntries(outputs.flatMap(parseLdd).map((path) => [path, path]));
}

/** What the C library loads by name when it looks up a host or a user. */
const lookups = ['libnss_dns.so.2', 'libnss_files.so.2', 'libresolv.so.2', 'libc.so.6'];
/** What Node links, on every glibc: before 2.34 some of these were libraries of their own. */
const nodeLibraries = [
  'libatomic.so.1',
  'libstdc++.so.6',
  'libgcc_s.so.1',
  'libm.so.6',
  'libdl.so.2',
  'libpthread.so.0',
];

async function librariesNamed(sonames: readonly string[]): Promise<Files> {
  const known = parseLdconfig(await run('/sbin/ldconfig', ['-p']));
  const paths = sonames.map((soname) => {
    const path = known.get(soname);
    if (path === undefined) throw new Error(`${soname} is not on this machine, and images need it`);
    return path;
  });
  return Object.fromEntries(paths.map((path) => [path, path]));
}

const system: Files = {
  '/etc/passwd': { content: 'root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n' },
  '/etc/group': { content: 'root:x:0:\nnonroot:x:65532:\n' },
  '/etc/nsswitch.conf': { content: 'hosts: files dns\n' },
  '/tmp': { folderMode: 0o1777 },
};

const busybox = '/bin/busybox';

/** A shell and its commands. Busybox is static, but looking up a name loads the C library's modules at run time. */
async function shell(): Promise<Files> {
  const commands = (await run('busybox', ['--list']))
    .trim()
    .split('\n')
    .filter((name) => name !== 'busybox');
  const links = commands.map((name): [string, ImageFile] => [`/bin/${name}`, { link: 'busybox' }]);
  const loader = await librariesOf(process.execPath);
  const onlyLoader = Object.entries(loader).filter(([path]) => path.includes('/ld-'));
  const libraries = { ...Object.fromEntries(onlyLoader), ...(await librariesNamed(lookups)) };
  return { ...system, ...libraries, '/bin/busybox': busybox, ...Object.fromEntries(links) };
}

export interface BaseTools {
  readonly coredns: string;
  readonly 'spire-server': string;
  readonly 'spire-agent': string;
  readonly 'spire-controller-manager': string;
}

/** The images that every node starts with, in the order in which it needs them. Returns their archives. */
export async function ensureBaseImages(tools: BaseTools): Promise<string[]> {
  const commands = await shell();
  const spire = ['spire-server', 'spire-agent', 'spire-controller-manager'] as const;
  const spirePrograms = Object.fromEntries(spire.map((name) => [`/opt/bin/${name}`, tools[name]]));
  const spireLibraries = await librariesOf(tools['spire-server'], tools['spire-agent']);
  const pause = { '/bin/busybox': busybox, '/bin/sleep': { link: 'busybox' } };
  return Promise.all([
    imageFromFolder({ name: 'localhost/pause:1', files: pause, entrypoint: ['/bin/sleep', '2147483647'] }),
    imageFromFolder({ name: 'localhost/busybox:1', files: commands, entrypoint: ['/bin/sh'] }),
    imageFromFolder({ name: 'localhost/coredns:1', files: { ...system, '/opt/bin/coredns': tools.coredns } }),
    imageFromFolder({ name: 'localhost/spire:1', files: { ...commands, ...spireLibraries, ...spirePrograms } }),
    baseNodeImage(),
  ]);
}

/** What the `node` of npm's `node` package needs to run, without it: the base for images that bring their own. */
async function baseNodeImage(): Promise<string> {
  const libraries = {
    ...(await librariesOf(process.execPath)),
    ...(await librariesNamed([...nodeLibraries, ...lookups])),
  };
  return imageFromFolder({ name: 'localhost/base-node:1', files: { ...system, ...libraries }, user: '65532:65532' });
}

/** Envoy, for agents that leave SPIFFE to a sidecar; made on first use, since only some tests need its 100 MB. Returns its name. */
export async function ensureEnvoyImage(progress: Progress): Promise<string> {
  const envoy = await ensureEnvoy(progress);
  const files = { ...system, ...(await librariesOf(envoy)), '/usr/local/bin/envoy': envoy };
  await imageFromFolder({ name: envoyImage, files, user: '65532:65532' });
  return envoyImage;
}

const envoyImage = 'localhost/envoy:1.40';
