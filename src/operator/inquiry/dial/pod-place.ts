import type { LabelSelector } from '@agentcard-operator/kube/objects';
import type { PodFacts } from '../../workload/pod.ts';

/** A pod, and where and whose it should be. */
export interface PodPlace {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Of the workload to which the pod should belong. */
  readonly workloadUid: string;
  /** Where it should answer. */
  readonly address: string;
  readonly selector: LabelSelector;
}

/** The pod answers where it should, and its owner chain ends where it should. */
export function isWhereAndWhose({ owner, addresses }: PodFacts, { workloadUid, address }: PodPlace): boolean {
  return owner.uid === workloadUid && addresses.includes(address);
}
