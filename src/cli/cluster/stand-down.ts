import { hostname } from 'node:os';
import { hasCode, type KubeClient } from '@agentcard-operator/kube';
import { type Key, resources, splitKey } from '@agentcard-operator/kube/objects';
import { LeaderElection } from '@agentcard-operator/kube/runtime';
import { leaseName } from '../../operator/api/labels.ts';
import { Trouble } from '../command.ts';

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
  const lease = `${namespace}/${leaseName}`;
  const hopeless = new AbortController();
  const gone = `there is no namespace ${namespace}, where the Lease would be: name the operator's own`;
  const onError = (error: Error) => {
    // Waiting brings neither a namespace nor a right.
    if (hasCode(error, 404)) hopeless.abort(new Trouble(gone));
    if (hasCode(error, 403)) hopeless.abort(error);
  };
  const election = new LeaderElection({ client, namespace, name: leaseName, identity, onError });
  await election.acquire(AbortSignal.any([hopeless.signal, AbortSignal.timeout(patienceMs)])).catch(() => {
    if (hopeless.signal.aborted) throw hopeless.signal.reason;
    throw new Trouble(`Lease ${lease} was not released: stop every replica of the operator first`);
  });
  client.fence = () => election.isLeader();
  try {
    await work();
  } finally {
    await election.release();
    client.fence = undefined;
  }
  await client.delete(resources.leases, lease);
}

/** Longer than a Lease lasts plus the operator's grace at its end. */
const patienceMs = 90_000;
