import { CommandError } from './command.ts';
import { placeRefusal } from './isolation.ts';
import { type NeedName, need } from './packages.ts';
import type { Progress } from './progress.ts';
import type { Places } from './state.ts';

const needed: readonly NeedName[] = [
  ...(['unshare', 'nsenter', 'setpriv', 'flock', 'mount', 'tar', 'openssl'] as const),
  ...([
    'ip',
    'iptables',
    'ipset',
    'conntrack',
    'containerd',
    'ctr',
    'runc',
    'cni-plugins',
    'busybox',
    'libatomic',
  ] as const),
];

export interface Machine {
  readonly platform: string;
  readonly uid: number | undefined;
}

/** Pure: why this machine cannot run a node, and what to do; undefined when it can. */
export function refusal({ platform, uid }: Machine): string | undefined {
  if (platform !== 'linux') {
    return `a real node needs Linux, and this is ${platform}: run it in a Linux machine. Tests that need an API server alone run here with KUBEBUILDER_ASSETS.`;
  }
  if (uid !== 0) {
    return 'a real node needs root, for namespaces, mounts and cgroups: run it again with sudo -E.';
  }
  return undefined;
}

/** Throws a sentence that a person can act on when this machine, user or cache folder cannot hold a node. */
export function mustFit(at: Places): void {
  const reason = refusal({ platform: process.platform, uid: process.getuid?.() }) ?? placeRefusal(at.root);
  if (reason !== undefined) throw new CommandError(reason);
}

/** The same, and the packages: before anything is built or started. */
export async function preflight(at: Places, progress: Progress): Promise<void> {
  mustFit(at);
  await need(needed, progress);
}
