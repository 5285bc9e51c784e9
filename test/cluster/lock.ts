import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CommandError } from './command.ts';

export interface Lock {
  release(): Promise<void>;
}

/**
 * Takes an exclusive lock on a file, or returns undefined when someone else holds it and `wait` is false. A `flock` process
 * holds it for us and lets go when its standard input closes, so the kernel releases the lock however this process ends.
 */
export async function takeLock(path: string, wait: boolean): Promise<Lock | undefined> {
  await mkdir(dirname(path), { recursive: true });
  const mode = wait ? [] : ['--nonblock'];
  const holder = spawn('flock', [...mode, '--conflict-exit-code', '75', path, 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // Out of the terminal's process group: Ctrl-C must not release the lock before the work under it has stopped.
    detached: true,
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    holder.once('error', reject);
    holder.once('exit', resolve);
  });
  const held = new Promise<true>((resolve) => holder.stdout.once('data', () => resolve(true)));
  const outcome = await Promise.race([held, ended]);
  if (outcome === true) {
    holder.unref();
    return {
      release: async () => {
        holder.ref();
        holder.stdin.end();
        await ended;
      },
    };
  }
  if (outcome === 75) return undefined;
  throw new CommandError(`flock ${path} ended with ${outcome}`);
}
