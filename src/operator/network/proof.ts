import type { KubeObject } from '@agentcard-operator/kube/objects';
import { probePoolLabel, probePoolsLabel } from '../api/labels.ts';

/** Of a probe's pod what its kubelet says of it: nobody else can say it, and nobody has to ask the pod. */
export interface ProbePod extends KubeObject {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly state?: Ended; readonly lastState?: Ended }[];
  };
}

interface Ended {
  readonly terminated?: { readonly exitCode: number };
}

/** What a probe has found on its pool of nodes; a leak says which way packets went that a NetworkPolicy denies. */
export type Finding = 'enforces' | 'nothing' | { readonly leak: string };

export const proofStates = ['proven', 'refuted', 'unproven'] as const;

/** What all probes have shown of the network. */
export interface NetworkProof {
  readonly state: (typeof proofStates)[number];
  readonly says: string;
}

/** As what a probe ends that has seen denied packets arrive. */
export const leakCodes = { in: 65, out: 66, both: 67 } as const;
const ways: ReadonlyMap<number | undefined, string> = new Map([
  [leakCodes.in, 'into pods'],
  [leakCodes.out, 'out of pods'],
  [leakCodes.both, 'into pods and out of them'],
]);

/** Ready means: what a policy allows arrived, and what it denies did not. */
export function findingOf({ status = {} }: ProbePod): Finding {
  if (status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True'))
    return 'enforces';
  const ends = (status.containerStatuses ?? []).flatMap(({ state, lastState }) => [state, lastState]);
  const leak = ends.map((end) => ways.get(end?.terminated?.exitCode)).find((way) => way !== undefined);
  return leak === undefined ? 'nothing' : { leak };
}

export interface Probe extends KubeObject {
  readonly finding: Finding;
}

/** Every pool has to enforce: a workload may run on any. Of a pool's pods, while one replaces another, a leak counts first. */
export function proofOf(probes: readonly Probe[]): NetworkProof {
  const pools = Map.groupBy(probes, ({ metadata }) => metadata.labels?.[probePoolLabel] ?? '');
  const silent: string[] = [];
  for (const [pool, ofPool] of [...pools].sort()) {
    const findings = ofPool.map(({ finding }) => finding);
    for (const finding of findings) {
      if (typeof finding === 'string') continue;
      const says = `On node pool ${pool}, packets get ${finding.leak} although a NetworkPolicy denies them.`;
      return { state: 'refuted', says };
    }
    if (!findings.includes('enforces')) silent.push(pool);
  }
  const wanted = probes.reduce(
    (most, { metadata }) => Math.max(most, Number(metadata.labels?.[probePoolsLabel] ?? 0)),
    0,
  );
  if (pools.size < wanted) {
    return { state: 'unproven', says: `Of ${wanted} node pools, ${wanted - pools.size} have no probe.` };
  }
  const [first] = silent;
  if (first !== undefined) return { state: 'unproven', says: `The probe of node pool ${first} has shown nothing yet.` };
  return probes.length === 0 ? unproven : { state: 'proven', says: '' };
}

export const unproven: NetworkProof = { state: 'unproven', says: 'No probe has shown that the network enforces it.' };
