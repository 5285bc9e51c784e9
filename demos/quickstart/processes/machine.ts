/** What the demonstration wants of the machine, and how to do without. */
import { CommandError, run } from '../../../test/cluster/command.ts';
import { unshareArgs } from '../../../test/cluster/isolation.ts';
import { need } from '../../../test/cluster/packages.ts';
import type { Progress } from '../../../test/cluster/progress.ts';

export const neededPackages = ['unshare', 'setpriv', 'flock', 'mount', 'ip', 'openssl'] as const;
export const neededTools = [
  ...(['etcd', 'kube-apiserver', 'kubectl', 'kube-controller-manager', 'kube-scheduler'] as const),
  ...(['kwok', 'kwok-stages'] as const),
] as const;

/** Pure: what to do where namespaces are not to be had. */
export function refusal(why: string, uid: number | undefined): string {
  const rest = `a network and mounts of your own (${why}).`;
  if (uid === 0) return `this machine does not let even root have ${rest} A container needs --privileged for that.`;
  return `this machine lets only root have ${rest} As root it works: sudo -E env "PATH=$PATH" make demo`;
}

/** Before anything is built or started. */
export async function mustFit(progress: Progress): Promise<void> {
  if (process.platform !== 'linux')
    throw new CommandError('this needs Linux; on a cluster that you have: CLUSTER=current CONFIRM=<context> make demo');
  await need(neededPackages, progress);
  const asInside = ['sh', '-c', 'ip link set lo up && mount -t tmpfs demo /run'];
  await run('unshare', unshareArgs(asInside)).catch((error: Error) => {
    throw new CommandError(refusal(error.message.trim().split('\n').at(-1) ?? '', process.getuid?.()));
  });
}
