import {
  agentTypeLabel,
  agentTypeValue,
  autoCardAnnotation,
  deprecatedProtocolLabels,
  protocolLabelPrefix,
} from '../api/labels.ts';
import type { Deployment, KubeObject, LabelSelector, PodTemplate, StatefulSet } from '../kube/objects.ts';

/** What the operator needs to know of a workload, whatever its kind. */
export interface Workload {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly autoCard: boolean;
  readonly selector: LabelSelector;
  readonly templateLabels: Readonly<Record<string, string>>;
  /** The pods' service account; never empty. */
  readonly serviceAccount: string;
  readonly hostNetwork: boolean;
  readonly replicas: number;
  readonly readyReplicas: number;
  /** Hash of the newest revision where the kind's status names it (StatefulSet). */
  readonly newestRevision: string | undefined;
}

/** The workload kinds that an AgentCard may target, as group and kind. */
export const workloadKinds = ['apps/Deployment', 'apps/StatefulSet'] as const;

export function groupKind(reference: { apiVersion: string; kind: string }): string {
  const slash = reference.apiVersion.indexOf('/');
  return `${slash < 0 ? '' : reference.apiVersion.slice(0, slash)}/${reference.kind}`;
}

/** A workload is known by namespace, group, kind and name, whatever API version a card names. */
export function workloadKey(namespace: string, reference: { apiVersion: string; kind: string; name: string }): string {
  return `${namespace}/${groupKind(reference)}/${reference.name}`;
}

export function deploymentWorkload(object: Deployment): Workload {
  return {
    ...commonFields(object, 'apps/v1', 'Deployment'),
    ...templateFields(object.spec.template),
    selector: object.spec.selector,
    replicas: object.spec.replicas ?? 1,
    readyReplicas: object.status?.readyReplicas ?? 0,
    newestRevision: undefined,
  };
}

export function statefulSetWorkload(object: StatefulSet): Workload {
  return {
    ...commonFields(object, 'apps/v1', 'StatefulSet'),
    ...templateFields(object.spec.template),
    selector: object.spec.selector,
    replicas: object.spec.replicas ?? 1,
    readyReplicas: object.status?.readyReplicas ?? 0,
    newestRevision: object.status?.updateRevision,
  };
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

function commonFields(object: KubeObject, apiVersion: string, kind: string) {
  const { metadata } = object;
  return {
    apiVersion,
    kind,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    labels: metadata.labels ?? {},
    autoCard: metadata.annotations?.[autoCardAnnotation] !== 'false',
  };
}

function templateFields(template: PodTemplate) {
  return {
    templateLabels: template.metadata?.labels ?? {},
    serviceAccount: template.spec?.serviceAccountName || 'default',
    hostNetwork: template.spec?.hostNetwork ?? false,
  };
}
