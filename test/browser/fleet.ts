import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { KubeClient, kubeconfigConfig } from '../../src/kube/kube.ts';
import { type Condition, type KubeObject, resources } from '../../src/kube/objects.ts';
import type { AgentCard, AgentCardSpec, AgentCardStatus, Check } from '../../src/operator/api/agentcard.ts';
import { type ConditionType, messageWithRemedy } from '../../src/operator/api/conditions.ts';
import { customResources } from '../../src/operator/api/resources.ts';
import { until } from '../cluster/until.ts';

/** What a story says of one agent: how it stands, and what its card says. */
export interface Told {
  readonly namespace: string;
  readonly name: string;
  readonly ready: 'True' | 'False';
  readonly reason: string;
  readonly seen?: string;
  readonly minutesAgo?: number;
  readonly status?: Partial<AgentCardStatus>;
  readonly spec?: Partial<AgentCardSpec>;
  readonly card?: Readonly<Record<string, unknown>>;
  readonly conditions?: readonly Condition[];
}

export async function clientFor(kubeconfig: string): Promise<KubeClient> {
  return new KubeClient(await kubeconfigConfig(kubeconfig));
}

/** The kind, and nothing that would write to it. */
export async function installKind(client: KubeClient): Promise<void> {
  const definition = parse(await readFile('config/crd/agentcards.yaml', 'utf8')) as KubeObject;
  await client.create(resources.customResourceDefinitions, definition);
  await until({ what: 'the kind to be served', timeoutMs: 30_000 }, () =>
    client.listPage(customResources.agentCards, { limit: 1 }).then(
      () => true,
      () => undefined,
    ),
  );
}

const at = (minutesAgo: number) => new Date(Date.now() - minutesAgo * 60_000).toISOString().replace(/\.\d+Z/, 'Z');

export function condition(
  type: ConditionType,
  status: 'True' | 'False',
  reason: string,
  more: Partial<Told> = {},
): Condition {
  const { seen = 'As seen at the last question.', minutesAgo = 90 } = more;
  return {
    type,
    status,
    reason,
    message: messageWithRemedy(type, reason, seen),
    lastTransitionTime: at(minutesAgo),
    observedGeneration: 1,
  };
}

const id = ({ namespace, name }: Told) => `spiffe://example.org/ns/${namespace}/sa/${name}`;

function checksOf(told: Told): Check[] {
  const failing = told.reason === 'IdentityMismatch' ? 'server-identity' : told.ready === 'True' ? '' : 'transport';
  const check = (name: string, observed: string): Check => {
    if (name !== failing) return { name, result: 'pass', observed };
    return {
      name,
      result: 'fail',
      expected: id(told),
      observed: told.seen ?? 'no answer',
      hint: 'Look at the agent: its log and its port.',
    };
  };
  return [
    check('workload', `Deployment ${told.name}`),
    check('endpoint', `Service ${told.name}, 2 pods`),
    check('transport', 'TLS 1.3, both sides proved who they are'),
    check('server-identity', id(told)),
    { name: 'signature', result: 'skipped', observed: 'signatures are not looked at' },
  ];
}

export function agentCard(told: Told): AgentCard {
  const { namespace, name, ready, reason, spec = {}, status = {}, card } = told;
  const content = card ?? defaultCard(told);
  const cardId = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  const verified =
    ready === 'True'
      ? condition('Verified', 'True', 'mTLSVerified', told)
      : condition(
          'Verified',
          'False',
          ['FetchFailed', 'IdentityMismatch', 'CardNotApproved', 'Quarantined', 'EvidenceHeld'].includes(reason)
            ? reason
            : 'NotVerified',
          told,
        );
  return {
    apiVersion: 'agent.kagenti.dev/v1alpha1',
    kind: 'AgentCard',
    metadata: { name, namespace },
    spec: { targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name }, syncPeriod: '5m', ...spec },
    status: {
      observedGeneration: 1,
      conditions: [condition('Ready', ready, reason as never, told), verified, ...(told.conditions ?? [])],
      checks: checksOf(told),
      agentName: String((content as { name?: string }).name ?? name).slice(0, 63),
      card: content,
      cardId,
      history: [{ cardId, time: at(told.minutesAgo ?? 900) }],
      lastSyncTime: at(told.minutesAgo ?? 900),
      source: 'mtls',
      protocol: 'a2a',
      url: `https://${name}.${namespace}.svc:8443/`,
      replicas: { ready: 2, attested: ready === 'True' ? 2 : 0 },
      expectedSpiffeID: id(told),
      ...(ready === 'True' ? { attestedAgentSpiffeId: id(told) } : {}),
      ...status,
    },
  };
}

function defaultCard({ namespace, name }: Told) {
  const title = name.replaceAll('-', ' ').replace(/^./, (first) => first.toUpperCase());
  return {
    name: title,
    version: '2.4.0',
    description: `Answers questions about ${name.replaceAll('-', ' ')} for the ${namespace} team, and books what it finds.`,
    provider: { organization: 'Example Travel', url: 'https://agents.example.org' },
    url: `https://${name}.${namespace}.svc:8443/`,
    preferredTransport: 'JSONRPC',
    capabilities: { streaming: true, pushNotifications: false },
    skills: [
      { id: 'search', name: 'Search', description: 'Finds what fits a wish, with prices.', tags: ['search', 'prices'] },
      { id: 'book', name: 'Book', description: 'Books what was found, after a confirmation.', tags: ['booking'] },
    ],
  };
}

/** Creates a card, or replaces its status by what is told now. */
export async function tell(client: KubeClient, told: Told): Promise<void> {
  const card = agentCard(told);
  const key = `${told.namespace}/${told.name}`;
  const { status, ...object } = card;
  const there = await client.get(customResources.agentCards, key);
  if (there === undefined) await client.create(customResources.agentCards, object);
  await client.patch(customResources.agentCards, key, { status }, { type: 'merge', subresource: 'status' });
}

export async function namespace(client: KubeClient, name: string, labels: Record<string, string> = {}): Promise<void> {
  if ((await client.get(resources.namespaces, name)) !== undefined) return;
  await client.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
}

/** The workload that a card names, so that policies and lists have something to stand on. */
export async function deployment(client: KubeClient, { namespace, name }: Told): Promise<void> {
  const labels = { app: name, 'kagenti.io/type': 'agent', 'protocol.kagenti.io/a2a': '' };
  const template = {
    metadata: { labels },
    spec: { serviceAccountName: name, containers: [{ name: 'agent', image: 'x' }] },
  };
  const spec = { replicas: 2, selector: { matchLabels: { app: name } }, template };
  await client.create(resources.deployments, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels },
    spec,
  } as KubeObject);
}

const modes = { travel: 'enforce', payments: 'enforce', research: 'audit' } as const;
const enforced = condition('Enforced', 'True', 'PolicyApplied', { seen: 'NetworkPolicy applied.' });

/** A small company: three namespaces in which most is well, and some is not. */
export const company: readonly Told[] = [
  ...['flights', 'hotels', 'trip-planner', 'weather', 'visa-rules', 'insurance'].map(
    (name): Told => ({ namespace: 'travel', name, ready: 'True', reason: 'ReadyToServe', conditions: [enforced] }),
  ),
  ...['invoices', 'fraud-watch', 'exchange-rates', 'receipts'].map(
    (name): Told => ({ namespace: 'payments', name, ready: 'True', reason: 'ReadyToServe', conditions: [enforced] }),
  ),
  ...['papers', 'summaries', 'translation'].map(
    (name): Told => ({ namespace: 'research', name, ready: 'True', reason: 'ReadyToServe' }),
  ),
  {
    namespace: 'payments',
    name: 'ledger',
    ready: 'True',
    reason: 'ReadyToServe',
    conditions: [enforced],
    spec: {
      callers: [
        { agentCard: { name: 'invoices' } },
        { agentCard: { name: 'trip-planner', namespace: 'travel' } },
        { serviceAccount: { name: 'audit', namespace: 'finance' } },
      ],
    },
  },
  {
    namespace: 'payments',
    name: 'payouts',
    ready: 'True',
    reason: 'ReadyToServe',
    conditions: [enforced],
    spec: {
      callers: [
        { agentCard: { name: 'ledger' } },
        { agentCard: { name: 'fraud-watch' } },
        { agentCard: { name: 'gone' } },
      ],
    },
  },
  {
    namespace: 'payments',
    name: 'refunds',
    ready: 'False',
    reason: 'IdentityMismatch',
    seen: 'Its pod proved spiffe://example.org/ns/payments/sa/default, expected is spiffe://example.org/ns/payments/sa/refunds.',
    minutesAgo: 12,
    conditions: [enforced],
  },
  {
    namespace: 'travel',
    name: 'car-rental',
    ready: 'False',
    reason: 'Quarantined',
    seen: 'The card orders it: sends booking data to an unknown host, incident 4711.',
    minutesAgo: 34,
    conditions: [enforced],
    spec: { quarantine: { reason: 'sends booking data to an unknown host, incident 4711' } },
  },
  {
    namespace: 'travel',
    name: 'rail',
    ready: 'False',
    reason: 'FetchFailed',
    seen: 'No pod answers: connection refused on port 8443.',
    minutesAgo: 3,
    status: { heldSince: at(3), identityExpiresAt: at(-22) },
    conditions: [enforced],
  },
  {
    namespace: 'research',
    name: 'crawler',
    ready: 'False',
    reason: 'NotVerified',
    seen: 'The card is read over plain HTTP, which proves nothing of who serves it.',
    minutesAgo: 2_000,
  },
  {
    namespace: 'research',
    name: 'notebook',
    ready: 'False',
    reason: 'CardNotApproved',
    seen: 'Another content than the approved one is served.',
    minutesAgo: 47,
    spec: { approvedCardId: 'ab'.repeat(32) },
  },
];

/** The operator's own Deployment, from which its flags are read; nothing runs it. */
async function operator(client: KubeClient): Promise<void> {
  await namespace(client, 'agentcard-system');
  const labels = { 'app.kubernetes.io/name': 'agentcard-operator' };
  const args = ['--trust-domain=example.org', '--enable-verified-fetch', '--spiffe-endpoint-socket=unix:///s'];
  const template = { metadata: { labels }, spec: { containers: [{ name: 'manager', image: 'x', args }] } };
  const metadata = { name: 'agentcard-operator', namespace: 'agentcard-system', labels };
  const spec = { selector: { matchLabels: labels }, template };
  await client.create(resources.deployments, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec,
  } as KubeObject);
}

export async function seedCompany(client: KubeClient): Promise<void> {
  await operator(client);
  for (const [name, mode] of Object.entries(modes))
    await namespace(client, name, { 'agent.kagenti.dev/enforcement': mode });
  for (const told of company) {
    await deployment(client, told);
    await tell(client, told);
  }
}

/** Lets somebody see the cards of a namespace, and no more. */
export async function letView(client: KubeClient, user: string, where: string): Promise<void> {
  const group = 'rbac.authorization.k8s.io';
  const place = (plural: string, kind: string) => ({ group, version: 'v1', plural, kind, namespaced: true });
  const apiVersion = `${group}/v1`;
  const metadata = { name: 'view-cards', namespace: where };
  const rules = [{ apiGroups: ['agent.kagenti.dev'], resources: ['agentcards'], verbs: ['get', 'list', 'watch'] }];
  await client.create(place('roles', 'Role'), { apiVersion, kind: 'Role', metadata, rules } as KubeObject);
  const subjects = [{ kind: 'User', name: user, apiGroup: group }];
  const roleRef = { kind: 'Role', name: 'view-cards', apiGroup: group };
  const binding = { apiVersion, kind: 'RoleBinding', metadata, subjects, roleRef } as KubeObject;
  await client.create(place('rolebindings', 'RoleBinding'), binding);
}
