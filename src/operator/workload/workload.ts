import type { LabelSelector } from '@agentcard-operator/kube/objects';
import type { TargetRef } from '../api/agentcard.ts';
import {
  agentTypeLabel,
  agentTypeValue,
  autoCardAnnotation,
  deprecatedProtocolLabels,
  protocolLabelPrefix,
} from '../api/labels.ts';

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
  /** The pods' service account; never empty. */
  readonly serviceAccount: string;
  readonly hostNetwork: boolean;
  /** Hash of the newest revision where the kind's status names it (StatefulSet). */
  readonly newestRevision: string | undefined;
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
  return workload.labels[agentTypeLabel] === agentTypeValue;
}

/** The protocols that the workload's labels name, sorted; the deprecated labels count only when no current one does. */
export function protocolsOf(workload: Workload): readonly string[] {
  const current = Object.keys(workload.labels)
    .filter((label) => label.startsWith(protocolLabelPrefix))
    .map((label) => label.slice(protocolLabelPrefix.length))
    .filter((protocol) => protocol !== '');
  if (current.length > 0) return current.sort();
  const deprecated = deprecatedProtocolLabels.map((label) => workload.labels[label]).find(Boolean);
  return deprecated === undefined ? [] : [deprecated];
}

export function optsOut(annotations: Readonly<Record<string, string>> | undefined): boolean {
  return annotations?.[autoCardAnnotation] === 'false';
}
