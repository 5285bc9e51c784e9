import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** Everything the harness keeps lives in this one folder, outside the repository; deleting it is always safe while no cluster is up. */
export function cacheRoot(env: NodeJS.ProcessEnv = process.env): string {
  if (env.AGENTCARD_CACHE) return env.AGENTCARD_CACHE;
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'agentcard-operator');
}

/** A short stable name for a set of inputs: the same inputs, in the same order, give the same key. */
export function cacheKey(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    // The length goes in first, so that ("ab", "c") and ("a", "bc") differ.
    hash.update(`${part.length}:`).update(part);
  }
  return hash.digest('hex').slice(0, 16);
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/**
 * Fills a cache folder once. `fill` writes into a scratch folder beside the target, which takes the target's name only when
 * `fill` succeeded: a reader sees the whole folder or none, whatever was killed when.
 */
export async function fillOnce(target: string, fill: (scratch: string) => Promise<void>): Promise<void> {
  if (await exists(target)) return;
  await mkdir(dirname(target), { recursive: true });
  const scratch = await mkdtemp(`${target}.tmp-`);
  try {
    await fill(scratch);
    await chmod(scratch, 0o755);
    await rename(scratch, target);
  } catch (error) {
    // Another run that filled the same target in the meantime did the same work: its result serves.
    if (!(await exists(target))) throw error;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
