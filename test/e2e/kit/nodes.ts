import { type Cluster, useOrStartCluster } from '../../cluster/cluster.ts';
import { progressOf, terminalProgress } from '../../cluster/progress.ts';
import { nodeRoot, places } from '../../cluster/state.ts';

/** The number of the node that this process's test files have to themselves, for as long as one of them runs. */
export function workersNode(): number {
  return Number(process.env.VITEST_POOL_ID);
}

/** The first is the one of `make cluster`, when that is up. */
export function openNode(number: number): Promise<Cluster> {
  return useOrStartCluster(progressOf(`node ${number}`, terminalProgress()), places(nodeRoot(number)));
}
