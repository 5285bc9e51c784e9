import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { run } from '../../cluster/command.ts';

/** What makes two machines' figures comparable. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMiB: number;
  readonly kernel: string;
}

/** This one. Memory is rounded, since what a kernel keeps for itself differs from boot to boot. */
export function thisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim().replace(/\s+/g, ' ') || 'unknown',
    cores: availableParallelism(),
    memoryMiB: Math.round(totalmem() / 2 ** 26) * 64,
    kernel: release(),
  };
}

/** Of the checkout, with `+` where it holds changes; `unknown` where there is no git. */
export async function commitOf(): Promise<string> {
  try {
    const commit = await run('git', ['rev-parse', '--short=12', 'HEAD']);
    const changes = await run('git', ['status', '--porcelain', '--untracked-files=no']);
    return `${commit.trim()}${changes === '' ? '' : '+'}`;
  } catch {
    return 'unknown';
  }
}
