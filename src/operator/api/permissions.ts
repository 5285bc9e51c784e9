import { apiGroup, quarantineListName } from './labels.ts';

/** One RBAC rule and why the operator needs it. The chart's roles are generated from this list. */
export interface Permission extends Limits {
  readonly group: string;
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly reason: string;
}

interface Limits {
  /** Only these objects. */
  readonly names?: readonly string[];
  /** `cluster`: meaningless in a namespaced Role; `own`: only in our own namespace. Default: in every watched namespace. */
  readonly scope?: 'cluster' | 'own';
  /** Where it is needed besides when only some namespaces are watched: our own, or those of the API server and of DNS. */
  readonly also?: 'own' | 'infrastructure';
}

/** `what` names resources of one API group: "<group>/<resource> <resource>"; a subresource follows by another slash. */
function may(verbs: string, what: string, reason: string, limits: Limits = {}): Permission {
  const slash = what.indexOf('/');
  const resources = what.slice(slash + 1).split(' ');
  return { group: what.slice(0, slash), resources, verbs: verbs.split(' '), reason, ...limits };
}

const read = 'get list watch';

/** Nothing here reads a Secret or writes a workload. */
export const operatorPermissions: readonly Permission[] = [
  may(
    `${read} create delete patch`,
    `${apiGroup}/agentcards`,
    "The kind itself; cards of labelled workloads are created, and deleted when a hand-written one takes over. The Go operator's finalizers are patched off cards that go.",
  ),
  may('patch', `${apiGroup}/agentcards/status`, 'The verdict.'),
  may(read, 'apps/deployments statefulsets', 'Targets of cards: selector, service account, revision, readiness.'),
  may('get list', 'apps/replicasets', "A pod's owner chain leads through its ReplicaSet to the Deployment."),
  may(
    read,
    'agents.x-k8s.io/sandboxes',
    'Targets of cards, where that kind is installed, in v1beta1 or else v1alpha1.',
  ),
  may(
    'list watch',
    'apiextensions.k8s.io/customresourcedefinitions',
    'In which versions that kind is served, also later.',
    {
      names: ['sandboxes.agents.x-k8s.io'],
      scope: 'cluster',
    },
  ),
  may(read, '/services', 'Where an agent is served.', { also: 'infrastructure' }),
  may(
    read,
    'discovery.k8s.io/endpointslices',
    'The pods behind a Service; the addresses of the API server and of DNS for policies.',
    { also: 'infrastructure' },
  ),
  may(`${read} patch`, '/pods', 'Who serves a card; the verified label and its annotation are patched onto pods.'),
  may(
    `${read} create patch delete`,
    'networking.k8s.io/networkpolicies',
    "One policy per card; foreign policies are read to report that they weaken it. A quarantine's exists in every mode.",
  ),
  may(read, '/configmaps', "The signer's cards, the quarantine list, a trust bundle."),
  may(read, '/namespaces', 'The enforcement label of a namespace.', { scope: 'cluster' }),
  may('create patch', 'events.k8s.io/events', 'What happened, for people; a repetition is counted on its Event.', {
    also: 'own',
  }),
  may(read, '/configmaps', 'The list of quarantines.', { names: [quarantineListName], scope: 'own' }),
  may('list watch', '/pods', 'What the pods that probe the network have found.', { scope: 'own' }),
  may('get create patch update', 'coordination.k8s.io/leases', 'Leader election.', { scope: 'own' }),
];

/** What is needed once, before the chart is uninstalled: to end the operator and take off what it leaves. */
export const cleanupPermissions: readonly Permission[] = [
  may('list patch', '/pods', 'The verified label and its annotation are taken off.'),
  may('list delete', 'networking.k8s.io/networkpolicies', "The operator's policies go."),
  may(
    'list patch',
    `${apiGroup}/agentcards`,
    'Finalizers of the Go operator would hold cards, and their namespaces, for ever.',
  ),
  may('patch', `${apiGroup}/agentcards/status`, 'A verdict that nobody renews becomes Unknown.'),
  may('get', 'apps/deployments', 'Whether the operator is still there.', { scope: 'own' }),
  may('patch', 'apps/deployments/scale', 'The operator is scaled to none.', { scope: 'own' }),
  may(
    'get create patch update delete',
    'coordination.k8s.io/leases',
    'The Lease is taken, so that no replica writes meanwhile, and removed.',
    { scope: 'own' },
  ),
];
