import { hash } from 'node:crypto';
import type { Pod } from '@agentcard-operator/kube/objects';
import { trustDomainOf } from '@agentcard-operator/spiffe/x509';
import type { AgentCardSpec, AgentCardStatus } from '../api/agentcard.ts';
import { mostCovered } from '../api/budget.ts';
import { isVerified } from '../api/conditions.ts';
import { attestedAnnotation } from '../api/labels.ts';
import type { Proven } from '../api/marks.ts';
import { storedTime } from '../api/time.ts';
import { containersHash, podFacts } from '../workload/pod.ts';
import { type CardEvidence, type PodEvidence, soughtInVain } from './evidence.ts';

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

function nameOf(uid: string, { attested, identity }: Proven): string {
  const text = [uid, attested, identity].join('\n');
  return hash('sha256', text, 'base64url').slice(0, 16);
}

/** The pods whose evidence a restart may restore, as the status keeps them. */
export function coveredText(covered: ReadonlyMap<string, Proven>): string | undefined {
  if (covered.size === 0) return undefined;
  const names = [...covered].map(([uid, proven]) => Buffer.from(nameOf(uid, proven), 'base64url'));
  return Buffer.concat(names.sort(Buffer.compare).slice(0, mostCovered)).toString('base64url');
}

/**
 * The labelled pods that the stored status, which nobody else may write, names for the containers that they run, with the
 * identity that they proved: a label and an annotation alone prove nothing.
 */
export function namedIn(
  status: Status | undefined,
  labelled: readonly Pod[],
  expected: readonly string[],
): ReadonlyMap<string, Proven> {
  const names = new Set(status?.covered?.match(/.{16}/g));
  const ids = [status?.attestedAgentSpiffeId, ...expected].filter((id) => id !== undefined);
  if (names.size === 0) return new Map();
  return new Map(
    labelled.filter(labelFits).flatMap((pod) => {
      const { uid = '' } = pod.metadata;
      const attested = containersHash(pod);
      const identity = ids.find((id) => names.has(nameOf(uid, { attested, identity: id })));
      return identity === undefined ? [] : [[uid, { attested, identity }]];
    }),
  );
}

/**
 * After a restart the stored status is the evidence. Adds it for every pod that it names and of which nothing else has been
 * learned since, so that a restart changes nothing until a pod answers or fails to.
 */
export function withRestored(
  evidence: CardEvidence,
  named: ReadonlyMap<string, Proven>,
  labelled: readonly Pod[],
  { spec, status }: { readonly spec: AgentCardSpec; readonly status?: Status },
): CardEvidence {
  if (!wasVerified(status)) return evidence;
  const found = labelled.flatMap((pod): [string, PodEvidence][] => {
    const { uid = '' } = pod.metadata;
    const learned = evidence.pods.get(uid);
    const identity = named.get(uid)?.identity;
    if (identity === undefined || learned?.answer !== undefined) return [];
    const silence = learned?.silence ?? soughtInVain(evidence, uid);
    const told = { ...status, fresh: spec.suspend === true };
    return [[uid, restored(pod, identity, { ...learned, silence }, told)]];
  });
  return found.length === 0 ? evidence : { ...evidence, pods: new Map([...evidence.pods, ...found]) };
}

type Status = Omit<AgentCardStatus, 'card'>;

/** Over mutual TLS, which alone can be restored. */
function wasVerified(status: Status | undefined): status is Status {
  return isVerified(status) && status?.attestedAgentSpiffeId !== undefined;
}

function restored(
  pod: Pod,
  uri: string,
  learned: Partial<PodEvidence>,
  status: Status & { readonly fresh: boolean },
): PodEvidence {
  const heldSince = storedTime(status.heldSince);
  const silence = learned.silence && {
    ...learned.silence,
    since: Math.min(heldSince ?? Infinity, learned.silence.since),
  };
  const expires = storedTime(status.identityExpiresAt) ?? Infinity;
  // An end that had passed before any hold began was never updated, unless nobody may ask: then it says nothing.
  const known = status.fresh || expires > (silence?.since ?? heldSince ?? -Infinity);
  const peer = { uri, trustDomain: trustDomainOf(uri), notBefore: 0, notAfter: known ? expires : Infinity, chain: [] };
  return {
    facts: learned.facts ?? podFacts(pod, undefined),
    transport: 'mtls',
    endpointVersion: learned.endpointVersion ?? '',
    answer: { kind: 'restored', at: 0, peer },
    silence,
  };
}
