import { type KubeObject, type Resource, resources, type StatefulSet, typeOf } from '@agentcard-operator/kube/objects';
import { customResources } from '../api/resources.ts';
import { optsOut, type Workload } from './workload.ts';

type PodTemplate = StatefulSet['spec']['template'];

/** Sandboxes of agents.x-k8s.io: one pod, which the Sandbox itself controls. */
export interface Sandbox extends KubeObject {
  readonly spec?: { readonly podTemplate?: PodTemplate; readonly replicas?: number };
  readonly status?: { readonly selector?: string };
}

/**
 * The kinds of workload that an AgentCard may target. `read` gives nothing when the object lacks what the kind requires; a
 * cluster may not serve what is optional.
 */
export const workloadKinds = [
  { resource: resources.deployments, read: templated(resources.deployments), optional: false },
  { resource: resources.statefulSets, read: templated(resources.statefulSets), optional: false },
  { resource: customResources.sandboxes, read: readSandbox, optional: true },
];

/** A Deployment's revisions are known by its ReplicaSets alone. */
function templated(resource: Resource) {
  return (raw: KubeObject): Workload => {
    const { spec, status } = raw as StatefulSet;
    const newestRevision = status?.updateRevision;
    return { ...common(raw, resource, spec.template), selector: spec.selector, newestRevision };
  };
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
