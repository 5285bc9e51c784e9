import type { KubeObject, Resource } from './objects.ts';

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration?: number;
}

export interface PodTemplate {
  readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: { readonly serviceAccountName?: string; readonly hostNetwork?: boolean };
}

export interface Deployment extends KubeObject {
  readonly spec: { readonly replicas?: number; readonly selector: LabelSelector; readonly template: PodTemplate };
  readonly status?: { readonly readyReplicas?: number; readonly observedGeneration?: number };
}

export interface StatefulSet extends KubeObject {
  readonly spec: Deployment['spec'];
  readonly status?: Deployment['status'] & { readonly currentRevision?: string; readonly updateRevision?: string };
}

export type ReplicaSet = KubeObject;

export interface Container {
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number; readonly protocol?: string }[];
}

type ContainerIds = readonly { readonly name: string; readonly containerID?: string }[];

export interface Pod extends KubeObject {
  readonly spec?: {
    readonly serviceAccountName?: string;
    readonly hostNetwork?: boolean;
    readonly nodeName?: string;
    readonly containers?: readonly Container[];
    readonly initContainers?: readonly Container[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly podIPs?: readonly { readonly ip: string }[];
    readonly containerStatuses?: ContainerIds;
    readonly initContainerStatuses?: ContainerIds;
    readonly ephemeralContainerStatuses?: ContainerIds;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

export interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly targetPort?: number | string;
  readonly protocol?: string;
}

export interface Service extends KubeObject {
  readonly spec?: {
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports?: readonly ServicePort[];
    readonly clusterIPs?: readonly string[];
    readonly ipFamilies?: readonly string[];
  };
}

export interface EndpointSlice extends KubeObject {
  readonly addressType: 'IPv4' | 'IPv6' | 'FQDN';
  readonly endpoints?:
    | readonly {
        readonly addresses: readonly string[];
        readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
        readonly targetRef?: {
          readonly kind?: string;
          readonly name?: string;
          readonly namespace?: string;
          readonly uid?: string;
        };
      }[]
    | null;
  readonly ports?: readonly { readonly name?: string; readonly port?: number; readonly protocol?: string }[] | null;
}

export type ConfigMap = KubeObject & { readonly data?: Readonly<Record<string, string>> };

export type Namespace = KubeObject;

export interface NetworkPolicyPeer {
  readonly podSelector?: LabelSelector;
  readonly namespaceSelector?: LabelSelector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}

export interface NetworkPolicyPort {
  readonly protocol?: string;
  readonly port?: number | string;
  readonly endPort?: number;
}

export interface NetworkPolicyRule {
  readonly from?: readonly NetworkPolicyPeer[];
  readonly to?: readonly NetworkPolicyPeer[];
  readonly ports?: readonly NetworkPolicyPort[];
}

export interface NetworkPolicy extends KubeObject {
  readonly spec: {
    readonly podSelector: LabelSelector;
    readonly policyTypes?: readonly string[];
    readonly ingress?: readonly NetworkPolicyRule[];
    readonly egress?: readonly NetworkPolicyRule[];
  };
}

const v1 = (group: string, plural: string, kind: string, namespaced = true): Resource => {
  return { group, version: 'v1', plural, kind, namespaced };
};

/** Where Kubernetes' own kinds live. */
export const resources = {
  deployments: v1('apps', 'deployments', 'Deployment'),
  statefulSets: v1('apps', 'statefulsets', 'StatefulSet'),
  replicaSets: v1('apps', 'replicasets', 'ReplicaSet'),
  pods: v1('', 'pods', 'Pod'),
  services: v1('', 'services', 'Service'),
  endpointSlices: v1('discovery.k8s.io', 'endpointslices', 'EndpointSlice'),
  networkPolicies: v1('networking.k8s.io', 'networkpolicies', 'NetworkPolicy'),
  configMaps: v1('', 'configmaps', 'ConfigMap'),
  namespaces: v1('', 'namespaces', 'Namespace', false),
  events: v1('events.k8s.io', 'events', 'Event'),
  leases: v1('coordination.k8s.io', 'leases', 'Lease'),
  customResourceDefinitions: v1('apiextensions.k8s.io', 'customresourcedefinitions', 'CustomResourceDefinition', false),
} as const;
