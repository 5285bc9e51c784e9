import type { KubeObject } from '@agentcard-operator/kube/objects';
import type { AgentCard, AgentCardStatus } from '../api/agentcard.ts';
import type { Workload } from '../workload/workload.ts';

/** An AgentCard as the cache keeps it: the published card's bytes are replaced by their hash. */
export interface CachedCard extends Omit<AgentCard, 'status'> {
  readonly status?: Omit<AgentCardStatus, 'card'>;
  readonly publishedHash?: string | undefined;
}

/** A workload as it is cached: what the operator needs, read once. */
export interface CachedWorkload extends KubeObject {
  /** Undefined while the object lacks what its kind requires. */
  readonly workload: Workload | undefined;
  /** It lacks that because it was suspended before it had its first pod. */
  readonly unborn?: boolean;
}
