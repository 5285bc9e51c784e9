import { hasCode, type KubeClient } from '@agentcard-operator/kube';
import { type Key, type KubeObject, keyOf, type Resource, resources } from '@agentcard-operator/kube/objects';
import type { AgentCard } from '../api/agentcard.ts';
import { ownPolicies } from '../api/labels.ts';
import { marksFor, wearsAny } from '../api/marks.ts';
import { foreignFinalizers } from '../api/names.ts';
import { customResources } from '../api/resources.ts';
import { isoTime } from '../api/time.ts';

/** One thing that somebody left behind, and how to undo it. */
export interface Remain {
  readonly resource: Resource;
  readonly key: Key;
  readonly what: string;
  /** What else happens when it is undone. */
  readonly consequence?: string;
  readonly fix: Fix;
}

export type Fix =
  | { readonly delete: { readonly uid: string } }
  /** A merge patch that carries the uid as precondition. */
  | { readonly merge: object; readonly subresource?: 'status' }
  /** A list of JSON patch operations. */
  | { readonly json: readonly object[] }
  /** Another object; that one of its name is there is a refusal. */
  | { readonly create: KubeObject; readonly as: Resource }
  /** Each once the one before it is done. */
  | { readonly steps: readonly Fix[] };

/** What was refused, in the API server's words. */
export interface Refused {
  readonly remain: Remain;
  readonly message: string;
}

/** Undoes all and returns what was refused; one refusal does not stop the rest. What is gone needs nothing. */
export async function undoAll(remains: readonly Remain[], client: KubeClient): Promise<readonly Refused[]> {
  const refused: Refused[] = [];
  // A webhook that nobody answers any more refuses changes of what it watches.
  for (const namespaced of [false, true]) {
    const waiting = remains.filter(({ resource }) => resource.namespaced === namespaced).values();
    const worker = async () => {
      for (const remain of waiting) {
        await undo(remain, client).catch((error: Error) => refused.push({ remain, message: error.message }));
      }
    };
    await Promise.all(Array.from({ length: 16 }, worker));
  }
  return refused;
}

async function undo(remain: Remain, client: KubeClient): Promise<void> {
  const { resource, key, fix } = remain;
  if ('steps' in fix) {
    for (const step of fix.steps) await undo({ ...remain, fix: step }, client);
    return;
  }
  // Where the kind is missing, nothing was made, and what follows must not happen.
  if ('create' in fix) return void (await client.create(fix.as, fix.create));
  try {
    if ('delete' in fix) await client.delete(resource, key, fix.delete);
    else if ('merge' in fix) {
      const { merge, ...where } = fix;
      await client.patch(resource, key, merge, { type: 'merge', ...where });
    } else await client.patch(resource, key, fix.json, { type: 'json' });
  } catch (error) {
    if (!hasCode(error, 404)) throw error;
  }
}

/** What there is of remains in one resource, in the named namespaces or everywhere; read by pages, since cards are large. */
export async function remainsIn<T extends KubeObject>(
  client: KubeClient,
  { resource, namespaces, ...options }: Where,
  read: (object: T) => readonly Remain[] | Remain | undefined,
): Promise<readonly Remain[]> {
  const scopes =
    namespaces.length === 0 || !resource.namespaced ? [{}] : namespaces.map((namespace) => ({ namespace }));
  const found = await Promise.all(
    scopes.map(async (scope) => {
      const remains: Remain[] = [];
      for await (const { items } of client.pages<T>(resource, { ...scope, ...options })) {
        for (const one of items.flatMap((object) => read(object) ?? [])) remains.push(one);
      }
      return remains;
    }),
  );
  return found.flat();
}

interface Where {
  readonly resource: Resource;
  readonly namespaces: readonly string[];
  readonly labelSelector?: string;
  readonly metadataOnly?: boolean;
}

/** Everything of this operator's that outlives it: marks on pods, NetworkPolicies, verdicts; and finalizers that would hold cards. */
export async function ownRemains(client: KubeClient, namespaces: readonly string[], now: Date) {
  const [marks, policies, cards] = await Promise.all([
    remainsIn(client, { resource: resources.pods, namespaces, metadataOnly: true }, markOf),
    policyRemains(client, namespaces, ownPolicies, "the operator's NetworkPolicy"),
    remainsIn<AgentCard>(client, { resource: customResources.agentCards, namespaces }, (card) =>
      [finalizersOf(card) ?? [], verdictOf(card, now) ?? []].flat(),
    ).catch(noneWithoutKind),
  ]);
  return [...marks, ...policies, ...cards];
}

export function onCard(card: KubeObject, what: string, fix: Fix): Remain {
  return { resource: customResources.agentCards, key: keyOf(card), what, fix };
}

export function noneWithoutKind(error: unknown): [] {
  if (hasCode(error, 404)) return [];
  throw error;
}

/** All that the operator writes on pods, or a part of it. */
export function markOf(pod: KubeObject): Remain | undefined {
  if (!wearsAny(pod.metadata)) return undefined;
  const metadata = { uid: pod.metadata.uid, ...marksFor(undefined) };
  return { resource: resources.pods, key: keyOf(pod), what: 'the verified label', fix: { merge: { metadata } } };
}

/** The NetworkPolicies of an operator, ours or the Go one, which the selector chooses. */
export function policyRemains(client: KubeClient, namespaces: readonly string[], labelSelector: string, what: string) {
  const resource = resources.networkPolicies;
  const policies = { resource, namespaces, labelSelector, metadataOnly: true };
  return remainsIn(client, policies, (policy) => {
    return { resource, key: keyOf(policy), what, fix: { delete: { uid: policy.metadata.uid ?? '' } } };
  });
}

const nobody =
  'The operator was taken off this cluster, and nobody checks this agent. Install it, or delete the AgentCard.';

const claims = [
  'bindingStatus',
  'validSignature',
  'signatureIdentityMatch',
  'policy',
  'replicas',
  'heldSince',
  'covered',
] as const;
const withdrawn = Object.fromEntries(['checks', ...claims].map((field) => [field, null]));

/** What a card still says of its agent: without an operator it would say so for ever. What was seen, and when, stays. */
export function verdictOf(card: AgentCard, now: Date): Remain | undefined {
  const { uid, generation } = card.metadata;
  // The Go operator's statuses carry no generation, or the kind's default of -1, and are its own.
  const { observedGeneration = -1, conditions = [] } = card.status ?? {};
  const told = observedGeneration < 0 ? [] : conditions;
  if (told.every(({ status }) => status === 'Unknown')) return undefined;
  const unknown = {
    status: 'Unknown',
    reason: 'NotVerified',
    message: nobody,
    lastTransitionTime: isoTime(now.getTime()),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
  const judged = told.some(({ type }) => type === 'Verified') ? ['Ready', 'Verified'] : ['Ready'];
  const status = { conditions: judged.map((type) => ({ type, ...unknown })), ...withdrawn };
  return onCard(card, 'a verdict', { merge: { metadata: { uid }, status }, subresource: 'status' });
}

/** The finalizers that the Go operator put on a card. */
export function finalizersOf(card: KubeObject): Remain | undefined {
  const json = releasing(card);
  return json && onCard(card, 'finalizers of the Go operator', { json });
}

/** The patch that takes them off; undefined where there is none. */
export function releasing({ metadata: { uid, finalizers } }: KubeObject): readonly object[] | undefined {
  const kept = foreignFinalizers(finalizers);
  if (kept === undefined) return undefined;
  // Against the list that was seen, not the whole version: other changes of the card do not matter, another finalizer does.
  return [
    { op: 'test', path: '/metadata/uid', value: uid },
    { op: 'test', path: '/metadata/finalizers', value: finalizers },
    { op: 'replace', path: '/metadata/finalizers', value: kept },
  ];
}

/** Takes the Go operator's finalizers off a card that is being deleted: the deletion would wait for that operator for ever. */
export async function releaseCard(card: KubeObject | undefined, client: KubeClient): Promise<void> {
  if (card?.metadata.deletionTimestamp === undefined) return;
  const remain = finalizersOf(card);
  if (remain !== undefined) await undo(remain, client);
}
