import type { Pod } from '../../../src/kube/objects.ts';
import type { Lease } from '../../../src/kube/runtime/leader-election.ts';
import { operatorNamespace, type World } from './world.ts';

export interface Held {
  /** Of the process: a restarted container has another one. */
  readonly identity: string;
  /** The leader's pod; empty when nobody leads. */
  readonly holder: string;
  readonly transitions: number;
  readonly acquired: number;
}

export async function leaseOf(world: World): Promise<Held> {
  const { spec } = await world.json<Lease>('-n', operatorNamespace, 'get', 'lease', 'agentcard-operator');
  const identity = spec?.holderIdentity ?? '';
  return {
    identity,
    holder: identity.split('_')[0] ?? '',
    transitions: spec?.leaseTransitions ?? 0,
    acquired: Date.parse(spec?.acquireTime ?? ''),
  };
}

/** Ends an operator's process without a word to it: a deleted pod would release its Lease. */
export async function killOperator(world: World, pod: string): Promise<void> {
  const { status } = await world.json<Pod>('-n', operatorNamespace, 'get', 'pod', pod);
  const [container] = status?.containerStatuses ?? [];
  const id = container?.containerID?.replace('containerd://', '') ?? '';
  await world.cluster.exec(['ctr', '--namespace', 'k8s.io', 'tasks', 'kill', '--signal', 'SIGKILL', id]);
}
