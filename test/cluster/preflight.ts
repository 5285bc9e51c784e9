import { CommandError } from './command.ts';
import { type NeedName, need } from './packages.ts';
import type { Progress } from './progress.ts';

const NEEDED: readonly NeedName[] = [
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

/** Ends with a sentence that a person can act on, before anything was built or started. */
export async function preflight(progress: Progress): Promise<void> {
  const reason = refusal({ platform: process.platform, uid: process.getuid?.() });
  if (reason !== undefined) throw new CommandError(reason);
  await need(NEEDED, progress);
}
