import { type KubeObject, type Resource, resources, type StatefulSet, typeOf } from '@agentcard-operator/kube/objects';
import { customResources, sandboxVersions } from '../api/resources.ts';
import { meshMarks } from './mesh.ts';
import { optsOut, type Workload } from './workload.ts';

type PodTemplate = StatefulSet['spec']['template'];

/**
 * Sandboxes of agents.x-k8s.io: one pod, which the Sandbox itself controls, or none while it is suspended: by
 * `operatingMode`, in v1alpha1 by `replicas`.
 */
export interface Sandbox extends KubeObject {
  readonly spec?: {
    readonly podTemplate?: PodTemplate;
    readonly operatingMode?: 'Running' | 'Suspended';
    readonly replicas?: number;
  };
  readonly status?: { readonly selector?: string };
}

interface WorkloadKind {
  readonly resource: Resource;
  /** Nothing when the object lacks what the kind requires. */
  readonly read: (raw: KubeObject) => Workload | undefined;
  /** Of a kind that the cluster may not serve, or not in all of them: those that are read, the best first. */
  readonly versions?: readonly string[];
}

/** The kinds of workload that an AgentCard may target. */
export const workloadKinds: readonly WorkloadKind[] = [
  { resource: resources.deployments, read: templated(resources.deployments) },
  { resource: resources.statefulSets, read: templated(resources.statefulSets) },
  { resource: customResources.sandboxes, read: readSandbox, versions: sandboxVersions },
];

/** A Deployment's revisions are known by its ReplicaSets alone. */
function templated(resource: Resource) {
  return (raw: KubeObject): Workload => {
    const { spec, status } = raw as StatefulSet;
    const newestRevision = status?.updateRevision;
    return { ...common(raw, resource, spec.template), selector: spec.selector, newestRevision };
  };
}

/** The Sandbox's pod is chosen by the selector that its status names ("key=value"); it has the version that it was read in. */
function readSandbox(raw: KubeObject): Workload | undefined {
  const { spec, status } = raw as Sandbox;
  const [, key, value = ''] = /^([^=!,]+)=([^=,]*)$/.exec(status?.selector ?? '') ?? [];
  if (key === undefined || spec?.podTemplate === undefined) return undefined;
  const own = { [key]: value };
  const workload = common(raw, customResources.sandboxes, spec.podTemplate);
  const { apiVersion = workload.apiVersion } = raw;
  const templateLabels = { ...workload.templateLabels, ...own };
  const suspended = isSuspended(raw);
  return {
    ...workload,
    apiVersion,
    templateLabels,
    selector: { matchLabels: own },
    newestRevision: undefined,
    suspended,
  };
}

export function isSuspended({ spec }: Sandbox): boolean {
  return spec?.operatingMode === 'Suspended' || spec?.replicas === 0;
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
    meshMarks: meshMarks(template.metadata ?? {}),
    serviceAccount: template.spec?.serviceAccountName || 'default',
    hostNetwork: template.spec?.hostNetwork ?? false,
  };
}
