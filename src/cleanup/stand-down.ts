import { hostname } from 'node:os';
import { leaseName } from '../api/labels.ts';
import type { KubeClient } from '../kube/client.ts';
import { LeaderElection } from '../kube/leader-election.ts';
import { type Key, resources, splitKey } from '../kube/objects.ts';

/**
 * Ends an operator's writing for good: scales its Deployment to none and takes the Lease from it, which its last replica
 * releases when it stops and which runs out when it died. Then runs `work`, the only writer; removes the Lease in the end.
 */
export async function standDown(client: KubeClient, deployment: Key, work: () => Promise<void>): Promise<void> {
  const { namespace = '' } = splitKey(deployment);
  if ((await client.get(resources.deployments, deployment)) !== undefined) {
    const body = { spec: { replicas: 0 } };
    await client.patch(resources.deployments, deployment, body, { type: 'merge', subresource: 'scale' });
  }
  const identity = `cleanup_${hostname()}_${process.pid}`;
  const election = new LeaderElection({ client, namespace, name: leaseName, identity });
  await election.acquire(AbortSignal.timeout(patienceMs));
  client.fence = () => election.isLeader();
  try {
    await work();
  } finally {
    await election.release();
    client.fence = undefined;
  }
  await client.delete(resources.leases, `${namespace}/${leaseName}`);
}

/** Longer than a Lease lasts plus the operator's grace at its end. */
const patienceMs = 90_000;
