import type { LabelSelector } from '@agentcard-operator/kube/objects';
import type { TargetRef } from '../api/agentcard.ts';
import { agentTypeValue, autoCardAnnotation, managedByLabel } from '../api/labels.ts';
import { families } from '../api/names.ts';
import type { MeshMarks } from './mesh.ts';

/** What the operator needs to know of a workload, whatever its kind. */
export interface Workload {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  /** False when the workload opts out of auto-created AgentCards. */
  readonly autoCard: boolean;
  readonly selector: LabelSelector;
  readonly templateLabels: Readonly<Record<string, string>>;
  /** Of its template. */
  readonly meshMarks: MeshMarks;
  /** The pods' service account; never empty. */
  readonly serviceAccount: string;
  readonly hostNetwork: boolean;
  /** Hash of the newest revision where the kind's status names it (StatefulSet). */
  readonly newestRevision: string | undefined;
  /** It is meant to have no pods now. */
  readonly suspended?: boolean;
}

export type WorkloadReference = Readonly<TargetRef>;

export function groupKind(reference: Pick<WorkloadReference, 'apiVersion' | 'kind'>): string {
  const slash = reference.apiVersion.indexOf('/');
  return `${slash < 0 ? '' : reference.apiVersion.slice(0, slash)}/${reference.kind}`;
}

/** A workload is known by namespace, group, kind and name, whatever API version a card names. */
export function workloadKey(namespace: string, reference: WorkloadReference): string {
  return `${namespace}/${groupKind(reference)}/${reference.name}`;
}

export function isAgent(workload: Workload): boolean {
  return families.some(({ type }) => workload.labels[type] === agentTypeValue);
}

/** The one that the operator speaks, and whatever an AgentRuntime is for. */
export const spokenProtocol = 'a2a';

/**
 * The protocols that the workload's labels name, sorted; the deprecated labels count only when no current one does, and what
 * an AgentRuntime of one family says by its two labels only when there is neither.
 */
export function protocolsOf({ labels }: Workload): readonly string[] {
  const prefixes = families.map(({ protocolPrefix }) => protocolPrefix);
  const named = Object.keys(labels).flatMap((label) =>
    prefixes.filter((prefix) => label.startsWith(prefix)).map((prefix) => label.slice(prefix.length)),
  );
  const current = new Set(named.filter((protocol) => protocol !== ''));
  if (current.size > 0) return [...current].sort();
  const deprecated = families.flatMap((each) => each.deprecatedProtocols).map((label) => labels[label]);
  const byRuntime = families.some(
    ({ type, operator }) => labels[type] === agentTypeValue && labels[managedByLabel] === operator,
  );
  const first = deprecated.find(Boolean) ?? (byRuntime ? spokenProtocol : undefined);
  return first === undefined ? [] : [first];
}

export function optsOut(annotations: Readonly<Record<string, string>> | undefined): boolean {
  return annotations?.[autoCardAnnotation] === 'false';
}
