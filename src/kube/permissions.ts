/** One rule of the operator's ClusterRole. */
export interface Permission {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  /** Why the operator needs it, for the person who reviews the role. */
  readonly reason: string;
}

/** Everything that the operator may do. No Secrets, and no writes to workloads. */
export const permissions: readonly Permission[] = [
  rule('agent.kagenti.dev', ['agentcards'], ['get', 'list', 'watch'], 'The cards that are judged.'),
  rule('agent.kagenti.dev', ['agentcards/status'], ['patch'], 'The verdict is written to the status of the card.'),
  rule('apps', ['deployments', 'statefulsets'], ['list', 'watch'], 'The workloads that cards name.'),
  rule('apps', ['replicasets'], ['get'], 'A pod belongs to a Deployment through its ReplicaSet.'),
  rule('', ['services', 'namespaces'], ['list', 'watch'], 'Services lead to agents; Namespaces say how to enforce.'),
  rule('discovery.k8s.io', ['endpointslices'], ['list', 'watch'], 'The addresses of pods behind a Service.'),
  rule('', ['pods'], ['get', 'list', 'watch', 'patch'], 'Who answers on an address; pods are labelled in place.'),
  rule('', ['configmaps'], ['get', 'list', 'watch'], 'Signed cards and trust bundles are ConfigMaps.'),
  rule(
    'networking.k8s.io',
    ['networkpolicies'],
    ['list', 'watch', 'create', 'patch', 'delete'],
    'Verdicts are enforced by NetworkPolicies, and foreign ones may weaken them.',
  ),
  rule('events.k8s.io', ['events'], ['create', 'patch'], 'Changes are told as Events.'),
  rule('coordination.k8s.io', ['leases'], ['get', 'create', 'update', 'patch'], 'Only one replica acts at a time.'),
];

function rule(group: string, resources: string[], verbs: string[], reason: string): Permission {
  return { apiGroups: [group], resources, verbs, reason };
}
