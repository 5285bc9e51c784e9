import { rm } from 'node:fs/promises';
import { removeCgroups } from './isolation.ts';
import type { Places } from './state.ts';
import { until } from './until.ts';

/** Removes what a node leaves once its processes are gone: its cgroups and its data. The logs stay until the next start. */
export async function cleanUp(at: Places): Promise<void> {
  let left: string[] = [];
  // Killed processes leave their cgroup a moment after they are gone from sight.
  await until({ what: 'the cgroups to empty', timeoutMs: 10_000, everyMs: 50 }, async () => {
    left = await removeCgroups(at);
    return left.length === 0 || undefined;
  }).catch(() => {
    throw new Error(`processes still run in ${left[0]}`);
  });
  for (const path of [at.run, at.pki, at.state, at.kubeconfig, at.kubectl]) {
    await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}
