import { quarantineListName } from './labels.ts';

/** One RBAC rule and why the operator needs it. The chart's roles are generated from this list. */
export interface Permission {
  readonly group: string;
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  /** Only these objects. */
  readonly names?: readonly string[];
  readonly reason: string;
  /** `cluster`: meaningless in a namespaced Role; `own`: only in our own namespace. Default: in every watched namespace. */
  readonly scope?: 'cluster' | 'own';
  /** Where it is needed besides when only some namespaces are watched: our own, or those of the API server and of DNS. */
  readonly also?: 'own' | 'infrastructure';
}

const READ = ['get', 'list', 'watch'];

/** Nothing here reads a Secret or writes a workload. */
export const PERMISSIONS: readonly Permission[] = [
  {
    group: 'agent.kagenti.dev',
    resources: ['agentcards'],
    verbs: [...READ, 'create', 'delete', 'patch'],
    reason:
      "The kind itself; cards of labelled workloads are created, and deleted when a hand-written one takes over. The Go operator's finalizers are patched off cards that go.",
  },
  {
    group: 'agent.kagenti.dev',
    resources: ['agentcards/status'],
    verbs: ['patch'],
    reason: 'The verdict.',
  },
  {
    group: 'apps',
    resources: ['deployments', 'statefulsets'],
    verbs: READ,
    reason: 'Targets of cards: selector, service account, revision, readiness.',
  },
  {
    group: 'apps',
    resources: ['replicasets'],
    verbs: ['get'],
    reason: "A pod's owner chain leads through its ReplicaSet to the Deployment.",
  },
  {
    group: 'agents.x-k8s.io',
    resources: ['sandboxes'],
    verbs: READ,
    reason: 'Targets of cards, where that kind is installed.',
  },
  {
    group: 'apiextensions.k8s.io',
    resources: ['customresourcedefinitions'],
    names: ['sandboxes.agents.x-k8s.io'],
    verbs: ['list', 'watch'],
    reason: 'Whether that kind is installed, also later.',
    scope: 'cluster',
  },
  {
    group: '',
    resources: ['services'],
    verbs: READ,
    reason: 'Where an agent is served.',
    also: 'infrastructure',
  },
  {
    group: 'discovery.k8s.io',
    resources: ['endpointslices'],
    verbs: READ,
    reason: 'The pods behind a Service; the addresses of the API server and of DNS for policies.',
    also: 'infrastructure',
  },
  {
    group: '',
    resources: ['pods'],
    verbs: [...READ, 'patch'],
    reason: 'Who serves a card; the verified label and its annotation are patched onto pods.',
  },
  {
    group: 'networking.k8s.io',
    resources: ['networkpolicies'],
    verbs: [...READ, 'create', 'patch', 'delete'],
    reason:
      "One policy per card; foreign policies are read to report that they weaken it. A quarantine's exists in every mode.",
  },
  {
    group: '',
    resources: ['configmaps'],
    verbs: READ,
    reason: "The signer's cards, the quarantine list, a trust bundle.",
  },
  {
    group: '',
    resources: ['namespaces'],
    verbs: READ,
    reason: 'The enforcement label of a namespace.',
    scope: 'cluster',
  },
  {
    group: 'events.k8s.io',
    resources: ['events'],
    verbs: ['create', 'patch'],
    reason: 'What happened, for people; a repetition is counted on its Event.',
    also: 'own',
  },
  {
    group: '',
    resources: ['configmaps'],
    names: [quarantineListName],
    verbs: READ,
    reason: 'The list of quarantines.',
    scope: 'own',
  },
  {
    group: 'coordination.k8s.io',
    resources: ['leases'],
    verbs: ['get', 'create', 'patch', 'update'],
    reason: 'Leader election.',
    scope: 'own',
  },
];

/** What is needed once, before the chart is uninstalled: to end the operator and take off what it leaves. */
export const CLEANUP_PERMISSIONS: readonly Permission[] = [
  {
    group: '',
    resources: ['pods'],
    verbs: ['list', 'patch'],
    reason: 'The verified label and its annotation are taken off.',
  },
  {
    group: 'networking.k8s.io',
    resources: ['networkpolicies'],
    verbs: ['list', 'delete'],
    reason: "The operator's policies go.",
  },
  {
    group: 'agent.kagenti.dev',
    resources: ['agentcards'],
    verbs: ['list', 'patch'],
    reason: 'Finalizers of the Go operator would hold cards, and their namespaces, for ever.',
  },
  {
    group: 'agent.kagenti.dev',
    resources: ['agentcards/status'],
    verbs: ['patch'],
    reason: 'A verdict that nobody renews becomes Unknown.',
  },
  {
    group: 'apps',
    resources: ['deployments'],
    verbs: ['get'],
    reason: 'Whether the operator is still there.',
    scope: 'own',
  },
  {
    group: 'apps',
    resources: ['deployments/scale'],
    verbs: ['patch'],
    reason: 'The operator is scaled to none.',
    scope: 'own',
  },
  {
    group: 'coordination.k8s.io',
    resources: ['leases'],
    verbs: ['get', 'create', 'patch', 'update', 'delete'],
    reason: 'The Lease is taken, so that no replica writes meanwhile, and removed.',
    scope: 'own',
  },
];
