import type { Pod } from '@agentcard-operator/kube/objects';
import { trustDomainOf } from '@agentcard-operator/spiffe/x509';
import type { AgentCardSpec, AgentCardStatus } from '../api/agentcard.ts';
import { attestedAnnotation } from '../api/labels.ts';
import { containersHash, podFacts } from '../workload/pod.ts';
import type { CardEvidence, PodEvidence } from './evidence.ts';

/** A pod wears the label for the containers it runs now. */
export function labelFits(pod: Pod): boolean {
  return pod.metadata.annotations?.[attestedAnnotation] === containersHash(pod);
}

/** Without the evidence of labelled pods that now run other containers than those that proved themselves. */
export function withoutReplaced(evidence: CardEvidence, labelled: readonly Pod[]): CardEvidence {
  const pods = new Map(evidence.pods);
  for (const pod of labelled) {
    const uid = pod.metadata.uid ?? '';
    const known = pods.get(uid)?.facts.containersHash;
    if (known !== undefined && known !== containersHash(pod)) pods.delete(uid);
  }
  return pods.size === evidence.pods.size ? evidence : { ...evidence, pods };
}

/**
 * After a restart the stored status and the pods' annotations are the evidence. Adds it for every labelled pod of which
 * nothing else has been learned since, so that a restart changes nothing until a pod answers or fails to.
 */
export function withRestored(
  evidence: CardEvidence,
  labelled: readonly Pod[],
  { spec, status }: { readonly spec: AgentCardSpec; readonly status?: Status },
): CardEvidence {
  if (!wasVerified(status)) return evidence;
  const pods = new Map(evidence.pods);
  for (const pod of labelled) {
    const uid = pod.metadata.uid ?? '';
    const learned = pods.get(uid);
    if (learned?.answer !== undefined || !labelFits(pod)) continue;
    pods.set(uid, restored(pod, learned, { ...status, fresh: spec.suspend === true }));
  }
  return { ...evidence, pods };
}

type Status = Omit<AgentCardStatus, 'card'>;

function wasVerified(status: Status | undefined): status is Status & { attestedAgentSpiffeId: string } {
  const verified = status?.conditions?.find(({ type }) => type === 'Verified');
  return verified?.status === 'True' && status?.attestedAgentSpiffeId !== undefined;
}

function restored(
  pod: Pod,
  learned: PodEvidence | undefined,
  status: Status & { attestedAgentSpiffeId: string; fresh: boolean },
): PodEvidence {
  const heldSince = status.heldSince === undefined ? undefined : Date.parse(status.heldSince);
  const silence = learned?.silence && { ...learned.silence, since: heldSince ?? learned.silence.since };
  const expires = status.identityExpiresAt === undefined ? Infinity : Date.parse(status.identityExpiresAt);
  // An end that had passed before any hold began was never updated, unless nobody may ask: then it says nothing.
  const known = status.fresh || expires > (heldSince ?? silence?.since ?? -Infinity);
  const uri = status.attestedAgentSpiffeId;
  const peer = { uri, trustDomain: trustDomainOf(uri), notBefore: 0, notAfter: known ? expires : Infinity, chain: [] };
  return {
    facts: learned?.facts ?? podFacts(pod, undefined),
    transport: 'mtls',
    endpointVersion: learned?.endpointVersion ?? '',
    answer: { kind: 'restored', at: 0, peer },
    silence,
  };
}
