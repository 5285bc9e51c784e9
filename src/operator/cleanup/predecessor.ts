import type { KubeClient } from '@agentcard-operator/kube';
import {
  type Key,
  type KubeObject,
  keyOf,
  type ObjectMeta,
  type Resource,
  resources,
} from '@agentcard-operator/kube/objects';
import type { Lease } from '@agentcard-operator/kube/runtime';
import type { AgentCard } from '../api/agentcard.ts';
import { apiGroup, managedByLabel, managedByValue } from '../api/labels.ts';
import { families, goAdmissionPolicy, goOperators, goWebhook, otherFamilies } from '../api/names.ts';
import { customResources } from '../api/resources.ts';
import { controllerOf } from '../workload/pod.ts';
import { finalizersOf, noneWithoutKind, onCard, policyRemains, type Remain, releasing, remainsIn } from './remains.ts';

/** An AgentCard, as far as a migration looks at it. */
type StoredCard = KubeObject & { readonly spec?: Partial<AgentCard['spec']> };

interface TemplatedWorkload extends KubeObject {
  readonly spec?: { readonly template?: { readonly metadata?: Pick<ObjectMeta, 'labels' | 'annotations'> } };
}

interface WebhookConfiguration extends KubeObject {
  readonly webhooks?: readonly { readonly name: string }[];
}

type Guard = KubeObject & { readonly spec?: { readonly policyName?: string } };

const admission = (kind: string): Resource => ({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural: kind === 'ValidatingAdmissionPolicy' ? 'validatingadmissionpolicies' : `${kind.toLowerCase()}s`,
  kind,
  namespaced: false,
});
const webhooks = admission('ValidatingWebhookConfiguration');
const admissionPolicies = admission('ValidatingAdmissionPolicy');
const policyBindings = admission('ValidatingAdmissionPolicyBinding');

/** Everything that the Go operator left in these namespaces (in all, when none is named), and what it has of the cluster's. */
export async function predecessorRemains(client: KubeClient, namespaces: readonly string[]) {
  const { deployments, statefulSets } = resources;
  const found = await Promise.all([
    remainsIn<WebhookConfiguration>(client, { resource: webhooks, namespaces: [] }, webhookRemain),
    guardRemains(client),
    cardsRemain(client, namespaces),
    ...families.map(({ operator, policies }) =>
      policyRemains(client, namespaces, policies, `a NetworkPolicy of ${operator}`),
    ),
    ...[deployments, statefulSets].map((resource) =>
      remainsIn<TemplatedWorkload>(client, { resource, namespaces }, (workload) => workloadRemain(workload, resource)),
    ),
  ]);
  return found.flat();
}

/** A Go operator that still renews its Lease, and where; it would put back what is taken away. */
export async function runningPredecessor(client: KubeClient, now: Date) {
  for (const { operator, lease } of families) {
    const { items } = await client.list<Lease>(resources.leases, { fieldSelector: `metadata.name=${lease}` });
    const live = items.find(({ spec }) => {
      const renewed = Date.parse(spec?.renewTime ?? '');
      return Boolean(spec?.holderIdentity) && now.getTime() - renewed < (spec?.leaseDurationSeconds ?? 15) * 2_000;
    });
    if (live !== undefined) return { operator, namespace: live.metadata.namespace ?? '' };
  }
  return undefined;
}

/** Of our own kind, and of the kinds of other families, whose cards become ours. */
async function cardsRemain(client: KubeClient, namespaces: readonly string[]): Promise<readonly Remain[]> {
  const { agentCards } = customResources;
  const ours = new Set<Key>();
  const own = await remainsIn<StoredCard>(client, { resource: agentCards, namespaces }, (card) => {
    ours.add(keyOf(card));
    return cardRemains(card);
  }).catch(noneWithoutKind);
  const others = otherFamilies.map(({ group }) => {
    const resource = { ...agentCards, group };
    const read = (card: StoredCard) => foreignCardRemain(card, resource, ours.has(keyOf(card)));
    return remainsIn(client, { resource, namespaces }, read).catch(noneWithoutKind);
  });
  return [...own, ...(await Promise.all(others)).flat()];
}

const looseByDefault = 'strict: false, which was the default';
const onceStrict = 'another identity than the expected one fails the card from then on';

function isCreated({ metadata: { labels, ownerReferences } }: StoredCard): boolean {
  return goOperators.includes(labels?.[managedByLabel] ?? '') && controllerOf(ownerReferences) !== undefined;
}

/** The finalizers, the mark of a card that was created for its workload, and a stored `strict: false`. */
export function cardRemains(card: StoredCard): Remain[] {
  const { uid, deletionTimestamp } = card.metadata;
  const remains = [finalizersOf(card)].filter((remain) => remain !== undefined);
  // A card that goes takes nothing else along.
  if (deletionTimestamp !== undefined) return remains;
  if (isCreated(card)) {
    const metadata = { uid, labels: { [managedByLabel]: managedByValue } };
    const created = onCard(card, 'created for its workload', { merge: { metadata } });
    remains.push({ ...created, consequence: 'is kept as ours' });
  }
  if (card.spec?.identityBinding?.strict === false) {
    const fix = { merge: { metadata: { uid }, spec: { identityBinding: { strict: null } } } };
    remains.push({ ...onCard(card, looseByDefault, fix), consequence: onceStrict });
  }
  return remains;
}

/**
 * A card of another family's kind becomes one of ours, unless there is one of its name, and goes. Of its labels and
 * annotations none is taken along: those of helm or Argo CD would claim an object that they do not know.
 */
export function foreignCardRemain(card: StoredCard, resource: Resource, isThere: boolean): Remain | undefined {
  const { uid = '', deletionTimestamp } = card.metadata;
  const json = releasing(card);
  const released = json === undefined ? [] : [{ json }];
  const remain = { resource, key: keyOf(card), what: `an AgentCard of ${resource.group}` };
  // A card that goes takes nothing else along.
  if (deletionTimestamp !== undefined) return json && { ...remain, fix: { json } };
  const gone = [...released, { delete: { uid } }];
  if (isThere) return { ...remain, consequence: 'goes; ours of that name stays as it is', fix: { steps: gone } };
  const loose = card.spec?.identityBinding?.strict === false ? `; without ${looseByDefault}: ${onceStrict}` : '';
  const create = { create: oursOf(card), as: customResources.agentCards };
  return { ...remain, consequence: `becomes ours${loose}`, fix: { steps: [create, ...gone] } };
}

/** What its own kind keeps has the same names in ours. */
function oursOf(card: StoredCard): KubeObject & { readonly spec: object } {
  const { name, namespace = '', ownerReferences } = card.metadata;
  const binding = card.spec?.identityBinding;
  return {
    apiVersion: `${apiGroup}/v1alpha1`,
    kind: 'AgentCard',
    metadata: {
      name,
      namespace,
      ...(isCreated(card) ? { labels: { [managedByLabel]: managedByValue } } : {}),
      ownerReferences: (ownerReferences ?? []).map((owner) => ({ ...owner, blockOwnerDeletion: false })),
    },
    spec: { ...card.spec, identityBinding: binding && { ...binding, strict: binding.strict || undefined } },
  };
}

/** Labels and annotations of a workload and its template, in one patch: at most one rollout. */
export function workloadRemain(workload: TemplatedWorkload, resource: Resource): Remain | undefined {
  const { uid, annotations = {} } = workload.metadata;
  const template = workload.spec?.template?.metadata ?? {};
  const known = families.flatMap(({ workloadAnnotations }) => workloadAnnotations);
  const own = Object.keys(annotations).filter((key) =>
    known.some((name) => key === name || (name.endsWith('/') && key.startsWith(name))),
  );
  const onTemplate = families
    .flatMap(({ templateAnnotations }) => templateAnnotations)
    .filter((key) => template.annotations?.[key] !== undefined);
  const labels = families.map(({ verified }) => verified).filter((key) => template.labels?.[key] !== undefined);
  const rolls = labels.length > 0 || onTemplate.length > 0;
  if (own.length === 0 && !rolls) return undefined;
  const gone = (keys: readonly string[]) => Object.fromEntries(keys.map((key) => [key, null]));
  const metadata = { annotations: gone(onTemplate), labels: gone(labels) };
  const merge = { metadata: { uid, annotations: gone(own) }, ...(rolls ? { spec: { template: { metadata } } } : {}) };
  const parts = [...(labels.length > 0 ? ['the verified label in its template'] : []), ...own, ...onTemplate];
  const consequence = rolls ? { consequence: 'its pods are replaced once' } : {};
  return { resource, key: keyOf(workload), what: parts.join(', '), ...consequence, fix: { merge } };
}

function webhookRemain(configuration: WebhookConfiguration): Remain[] {
  const index = configuration.webhooks?.findIndex(({ name }) => name === goWebhook) ?? -1;
  if (index < 0) return [];
  const path = `/webhooks/${index}`;
  const json = [
    { op: 'test', path: `${path}/name`, value: goWebhook },
    { op: 'remove', path },
  ];
  return [{ resource: webhooks, key: keyOf(configuration), what: `webhook ${goWebhook}`, fix: { json } }];
}

/** The admission policy that lets nobody but that operator set the label of the type, and what binds it. */
async function guardRemains(client: KubeClient): Promise<readonly Remain[]> {
  const names = new Set<string>();
  const left = (resource: Resource, isTheirs: (object: Guard) => boolean) =>
    remainsIn<Guard>(client, { resource, namespaces: [] }, (object) => {
      if (!isTheirs(object)) return undefined;
      names.add(object.metadata.name);
      const consequence = 'people may label agents themselves again';
      const remain = { resource, key: keyOf(object), what: 'an admission policy of the Go operator', consequence };
      return { ...remain, fix: { delete: { uid: object.metadata.uid ?? '' } } };
    }).catch(noneWithoutKind);
  const policies = await left(admissionPolicies, isGuard);
  return [...policies, ...(await left(policyBindings, ({ spec }) => names.has(spec?.policyName ?? '')))];
}

/** By its name and what it is about: another's policy may be called alike. */
export function isGuard(policy: KubeObject): boolean {
  const text = JSON.stringify(policy);
  return policy.metadata.name.endsWith(goAdmissionPolicy) && families.some(({ type }) => text.includes(type));
}
