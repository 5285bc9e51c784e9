import type { KubeClient } from '@agentcard-operator/kube';
import { type KubeObject, keyOf, type ObjectMeta, type Resource, resources } from '@agentcard-operator/kube/objects';
import type { Lease } from '@agentcard-operator/kube/runtime';
import type { AgentCard } from '../api/agentcard.ts';
import { managedByLabel, managedByValue, verifiedLabel } from '../api/labels.ts';
import { predecessor } from '../api/predecessor.ts';
import { customResources } from '../api/resources.ts';
import { controllerOf } from '../workload/pod.ts';
import { finalizersOf, noneWithoutKind, onCard, policyRemains, type Remain, remainsIn } from './remains.ts';

/** An AgentCard, as far as a migration looks at it. */
type StoredCard = KubeObject & { readonly spec?: Pick<AgentCard['spec'], 'identityBinding'> };

interface TemplatedWorkload extends KubeObject {
  readonly spec?: { readonly template?: { readonly metadata?: Pick<ObjectMeta, 'labels' | 'annotations'> } };
}

interface WebhookConfiguration extends KubeObject {
  readonly webhooks?: readonly { readonly name: string }[];
}

const webhooks: Resource = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural: 'validatingwebhookconfigurations',
  kind: 'ValidatingWebhookConfiguration',
  namespaced: false,
};

/** Everything that the Go operator left in these namespaces (in all, when none is named), and its webhook. */
export async function predecessorRemains(client: KubeClient, namespaces: readonly string[]) {
  const { deployments, statefulSets } = resources;
  const [hooks, cards, policies, ...workloads] = await Promise.all([
    remainsIn<WebhookConfiguration>(client, { resource: webhooks, namespaces: [] }, webhookRemain),
    remainsIn<StoredCard>(client, { resource: customResources.agentCards, namespaces }, cardRemains).catch(
      noneWithoutKind,
    ),
    policyRemains(client, namespaces, predecessor.managedBy),
    ...[deployments, statefulSets].map((resource) =>
      remainsIn<TemplatedWorkload>(client, { resource, namespaces }, (workload) => workloadRemain(workload, resource)),
    ),
  ]);
  return [...hooks, ...cards, ...policies, ...workloads.flat()];
}

/** Where the Go operator still renews its Lease; it would put back what is taken away. */
export async function runningPredecessor(client: KubeClient, now: Date): Promise<string | undefined> {
  const { items } = await client.list<Lease>(resources.leases, { fieldSelector: `metadata.name=${predecessor.lease}` });
  const live = items.find(({ spec }) => {
    const renewed = Date.parse(spec?.renewTime ?? '');
    return Boolean(spec?.holderIdentity) && now.getTime() - renewed < (spec?.leaseDurationSeconds ?? 15) * 2_000;
  });
  return live?.metadata.namespace;
}

/** The finalizers, the mark of a card that was created for its workload, and a stored `strict: false`. */
export function cardRemains(card: StoredCard): Remain[] {
  const { uid, labels, ownerReferences, deletionTimestamp } = card.metadata;
  const remains = [finalizersOf(card)].filter((remain) => remain !== undefined);
  // A card that goes takes nothing else along.
  if (deletionTimestamp !== undefined) return remains;
  if (labels?.[managedByLabel] === predecessor.managedBy && controllerOf(ownerReferences) !== undefined) {
    const metadata = { uid, labels: { [managedByLabel]: managedByValue } };
    const created = onCard(card, 'created for its workload', { merge: { metadata } });
    remains.push({ ...created, consequence: 'is kept as ours' });
  }
  if (card.spec?.identityBinding?.strict === false) {
    const fix = { merge: { metadata: { uid }, spec: { identityBinding: { strict: null } } } };
    const consequence = 'another identity than the expected one fails the card from then on';
    remains.push({ ...onCard(card, 'strict: false, which was the default', fix), consequence });
  }
  return remains;
}

/** Labels and annotations of a workload and its template, in one patch: at most one rollout. */
export function workloadRemain(workload: TemplatedWorkload, resource: Resource): Remain | undefined {
  const { uid, annotations = {} } = workload.metadata;
  const template = workload.spec?.template?.metadata ?? {};
  const known: readonly string[] = predecessor.workloadAnnotations;
  const own = Object.keys(annotations).filter((key) =>
    known.some((name) => key === name || (name.endsWith('/') && key.startsWith(name))),
  );
  const onTemplate = predecessor.templateAnnotations.filter((key) => template.annotations?.[key] !== undefined);
  const labelled = template.labels?.[verifiedLabel] !== undefined;
  const rolls = labelled || onTemplate.length > 0;
  if (own.length === 0 && !rolls) return undefined;
  const gone = (keys: readonly string[]) => Object.fromEntries(keys.map((key) => [key, null]));
  const metadata = { annotations: gone(onTemplate), labels: gone(labelled ? [verifiedLabel] : []) };
  const merge = { metadata: { uid, annotations: gone(own) }, ...(rolls ? { spec: { template: { metadata } } } : {}) };
  const parts = [...(labelled ? ['the verified label in its template'] : []), ...own, ...onTemplate];
  const consequence = rolls ? { consequence: 'its pods are replaced once' } : {};
  return { resource, key: keyOf(workload), what: parts.join(', '), ...consequence, fix: { merge } };
}

function webhookRemain(configuration: WebhookConfiguration): Remain[] {
  const index = configuration.webhooks?.findIndex(({ name }) => name === predecessor.webhook) ?? -1;
  if (index < 0) return [];
  const path = `/webhooks/${index}`;
  const json = [
    { op: 'test', path: `${path}/name`, value: predecessor.webhook },
    { op: 'remove', path },
  ];
  return [{ resource: webhooks, key: keyOf(configuration), what: `webhook ${predecessor.webhook}`, fix: { json } }];
}
