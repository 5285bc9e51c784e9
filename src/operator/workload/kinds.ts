import {
  type KubeObject,
  type PodTemplate,
  type Resource,
  resources,
  type StatefulSet,
  typeOf,
} from '@agentcard-operator/kube/objects';
import { customResources } from '../api/resources.ts';
import { optsOut, type Workload } from './workload.ts';

/** A kind of workload that an AgentCard may target. */
export interface WorkloadKind {
  readonly resource: Resource;
  /** Undefined when the object lacks what the kind requires. */
  readonly read: (raw: KubeObject) => Workload | undefined;
  /** The cluster may not serve the kind. */
  readonly optional: boolean;
}

/** Sandboxes of agents.x-k8s.io: one pod, which the Sandbox itself controls. */
export interface Sandbox extends KubeObject {
  readonly spec?: { readonly podTemplate?: PodTemplate; readonly replicas?: number };
  readonly status?: { readonly selector?: string };
}

export const workloadKinds: readonly WorkloadKind[] = [
  { resource: resources.deployments, read: (raw) => readTemplated(raw, resources.deployments), optional: false },
  { resource: resources.statefulSets, read: (raw) => readTemplated(raw, resources.statefulSets), optional: false },
  { resource: customResources.sandboxes, read: readSandbox, optional: true },
];

/** A Deployment's revisions are known by its ReplicaSets alone. */
function readTemplated(raw: KubeObject, resource: Resource): Workload {
  const { spec, status } = raw as StatefulSet;
  const newestRevision = status?.updateRevision;
  return { ...common(raw, resource, spec.template), selector: spec.selector, newestRevision };
}

/** The Sandbox's pod is chosen by the selector that its status names ("key=value"). */
function readSandbox(raw: KubeObject): Workload | undefined {
  const { spec, status } = raw as Sandbox;
  const [key, value] = (status?.selector ?? '').split('=', 2);
  if (!key || value === undefined || spec?.podTemplate === undefined) return undefined;
  const own = { [key]: value };
  const workload = common(raw, customResources.sandboxes, spec.podTemplate);
  const templateLabels = { ...workload.templateLabels, ...own };
  return { ...workload, templateLabels, selector: { matchLabels: own }, newestRevision: undefined };
}

function common({ metadata }: KubeObject, resource: Resource, template: PodTemplate) {
  return {
    ...typeOf(resource),
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    labels: metadata.labels ?? {},
    autoCard: !optsOut(metadata.annotations),
    templateLabels: template.metadata?.labels ?? {},
    serviceAccount: template.spec?.serviceAccountName || 'default',
    hostNetwork: template.spec?.hostNetwork ?? false,
  };
}
