import { join } from 'node:path';
import { cacheRoot, exists } from './cache.ts';
import { CommandError, run, which } from './command.ts';
import { takeLock } from './lock.ts';
import type { Progress } from './progress.ts';

/** Something that must be on the machine, the Debian package that has it, and how to tell that it is there. */
interface Need {
  readonly package: string;
  readonly present?: () => Promise<boolean>;
}

const runs =
  (command: string, ...args: string[]) =>
  () =>
    run(command, args).then(
      () => true,
      () => false,
    );

/** Plain names are commands on PATH; the others bring their own test. */
const needs = {
  busybox: { package: 'busybox-static' },
  buildah: { package: 'buildah' },
  chromium: { package: 'chromium' },
  'cni-plugins': { package: 'containernetworking-plugins', present: () => exists('/usr/lib/cni/ptp') },
  conntrack: { package: 'conntrack' },
  containerd: { package: 'containerd' },
  ctr: { package: 'containerd' },
  'dejavu-fonts': {
    package: 'fonts-dejavu-core',
    present: () => exists('/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf'),
  },
  flock: { package: 'util-linux' },
  gcc: { package: 'gcc' },
  ip: { package: 'iproute2' },
  ipset: { package: 'ipset' },
  iptables: { package: 'iptables' },
  'libc-headers': { package: 'libc6-dev', present: () => exists('/usr/include/stdlib.h') },
  libatomic: {
    package: 'libatomic1',
    present: async () => (await run('/sbin/ldconfig', ['-p'])).includes('libatomic.so.1 '),
  },
  mount: { package: 'mount' },
  nsenter: { package: 'util-linux' },
  openssl: { package: 'openssl' },
  pip: { package: 'python3-pip', present: runs('python3', '-m', 'pip', '--version') },
  python3: { package: 'python3', present: () => exists('/usr/bin/python3') },
  runc: { package: 'runc' },
  setpriv: { package: 'util-linux' },
  tar: { package: 'tar' },
  unshare: { package: 'util-linux' },
} satisfies Record<string, Need>;

export type NeedName = keyof typeof needs;

async function missingOf(names: readonly NeedName[]): Promise<NeedName[]> {
  const present = await Promise.all(
    names.map((name) => {
      const need: Need = needs[name];
      return need.present === undefined ? which(name).then((path) => path !== undefined) : need.present();
    }),
  );
  return names.filter((_name, index) => !present[index]);
}

/** Pure: what to tell a person whose machine lacks something that we may not or cannot install. */
export function missingMessage(names: readonly NeedName[]): string {
  return `missing on this machine: ${names.join(', ')}. Install them (Debian: apt-get install ${packagesOf(names).join(' ')}) and run this again.`;
}

function packagesOf(names: readonly NeedName[]): string[] {
  return [...new Set(names.map((name) => needs[name].package))].sort();
}

/** Makes sure that everything named is on the machine: as root on a Debian, installs what is not; elsewhere says what to do. */
export async function need(names: readonly NeedName[], progress: Progress): Promise<void> {
  const missing = await missingOf(names);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || (await which('apt-get')) === undefined)
    throw new CommandError(missingMessage(missing));
  const lock = await takeLock(join(cacheRoot(), 'packages.lock'), true);
  try {
    // Another process may have installed them while we waited.
    const still = await missingOf(missing);
    if (still.length > 0) await install(still, progress);
  } finally {
    await lock?.release();
  }
}

/** apt-get refuses to run beside itself. */
async function install(missing: readonly NeedName[], progress: Progress): Promise<void> {
  const packages = packagesOf(missing);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await progress.step(`installing Debian packages: ${packages.join(' ')}`, async () => {
    await run('apt-get', ['update', '--quiet'], { env });
    await run('apt-get', ['install', '--yes', '--quiet', '--no-install-recommends', ...packages], { env });
  });
  const still = await missingOf(missing);
  if (still.length > 0) throw new CommandError(missingMessage(still));
}
