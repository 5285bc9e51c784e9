import { ApiError, hasCode } from '@agentcard-operator/kube';
import { type KubeObject, keyOf, type NetworkPolicy, type Pod, resources } from '@agentcard-operator/kube/objects';
import { plainText, withinBudget } from '../api/budget.ts';
import { marksFor, wearsAll } from '../api/marks.ts';
import { owningCard } from '../network/policy.ts';
import type { Verbs } from '../watch/own-writes.ts';
import { containersHash } from '../workload/pod.ts';
import type { Mark, Plan } from './plan.ts';
import type { PolicyOperation } from './policy-difference.ts';

/** What became of a plan's operations. */
export interface Applied {
  /** The policy operation that the API server refused, in its words. */
  readonly policyFailure: string | undefined;
  readonly markFailures: readonly string[];
  /** How many pods lost their label. */
  readonly unmarked: number;
  /** Pods that run other containers than those that proved themselves: their evidence is void. */
  readonly replaced: readonly string[];
}

export interface ApplyEdges {
  readonly client: Verbs;
  /** Puts the API server's answer into the cache, so that the next reconcile sees its own write. */
  readonly takePolicy: (policy: NetworkPolicy) => void;
  /** A pod as it is after it was marked. */
  readonly takeMark: (pod: KubeObject) => void;
}

/** Executes the operations in order: the policy first, then the labels. Each failure is reported; none stops the rest. */
export async function apply(plan: Plan, namespace: string, edges: ApplyEdges): Promise<Applied> {
  const { client, takePolicy } = edges;
  let policyFailure: string | undefined;
  for (const operation of plan.policy.operations) {
    const failure = await attempt(async () => {
      const written = await applyPolicy(operation, client);
      if (written !== undefined) takePolicy(written);
    });
    policyFailure ??= failure && `NetworkPolicy ${operation.policy.metadata.name} was refused: ${failure}`;
  }
  const markFailures: string[] = [];
  const replaced: string[] = [];
  let unmarked = 0;
  for (const mark of plan.marks) {
    const failure = await attempt(async () => {
      if (!(await applyMark(mark, namespace, edges))) replaced.push(mark.podUid);
    });
    if (failure !== undefined) markFailures.push(`Pod ${mark.podName} could not be marked: ${failure}`);
    else if (mark.proven === undefined) unmarked += 1;
  }
  return { policyFailure, markFailures, unmarked, replaced };
}

/** What the API server stores then; undefined when the policy is not this card's any more. */
async function applyPolicy(operation: PolicyOperation, client: Verbs): Promise<NetworkPolicy | undefined> {
  const { kind, policy } = operation;
  switch (kind) {
    case 'create':
      return createPolicy(policy, client);
    case 'delete':
      await client.delete(resources.networkPolicies, keyOf(policy), { uid: operation.uid });
      return undefined;
    case 'hand-over':
      await patchPolicy(policy, operation.uid, { 'metadata/ownerReferences': policy.metadata.ownerReferences }, client);
      // Not told as a write of ours: its echo is what wakes the other card.
      return undefined;
    case 'replace':
      return patchPolicy(
        policy,
        operation.uid,
        { 'metadata/labels': policy.metadata.labels, spec: policy.spec },
        client,
      );
  }
}

/** By POST: whatever has the name already stays as it is, unless our own card owns it. */
async function createPolicy(policy: NetworkPolicy, client: Verbs): Promise<NetworkPolicy> {
  try {
    return await client.create(resources.networkPolicies, policy);
  } catch (error) {
    const there = hasCode(error, 409) ? await client.get(resources.networkPolicies, keyOf(policy)) : undefined;
    const uid = there?.metadata.uid;
    const ours = there !== undefined && owningCard(there)?.uid === owningCard(policy)?.uid;
    if (uid === undefined || !ours) throw error;
    return patchPolicy(policy, uid, { spec: policy.spec }, client);
  }
}

function patchPolicy(policy: NetworkPolicy, uid: string, members: object, client: Verbs): Promise<NetworkPolicy> {
  const test = { op: 'test', path: '/metadata/uid', value: uid };
  const body = [test, ...Object.entries(members).map(([path, value]) => ({ op: 'add', path: `/${path}`, value }))];
  return client.patch<NetworkPolicy>(resources.networkPolicies, keyOf(policy), body, { type: 'json' });
}

/**
 * False when the pod's containers are not those that proved themselves. The label goes on the very version of the pod that
 * was read before it was asked or, when that is history, on one that is read now. A pod that is gone needs no mark.
 */
async function applyMark(mark: Mark, namespace: string, { client, takeMark }: ApplyEdges): Promise<boolean> {
  const { proven } = mark;
  if (proven === undefined || mark.resourceVersion) {
    try {
      takeMark(await patchMarks(mark, namespace, client, mark.resourceVersion));
      return true;
    } catch (error) {
      if (proven === undefined || !hasCode(error, 409)) throw error;
    }
  }
  const pod = await client.get<Pod>(resources.pods, `${namespace}/${mark.podName}`);
  if (pod === undefined || pod.metadata.uid !== mark.podUid) return true;
  if (containersHash(pod) !== proven.attested) return false;
  // It wears the mark already where this run came before the watch told of the last one's.
  takeMark(
    wearsAll(pod.metadata, proven) ? pod : await patchMarks(mark, namespace, client, pod.metadata.resourceVersion),
  );
  return true;
}

function patchMarks(mark: Mark, namespace: string, client: Verbs, resourceVersion: string | undefined) {
  const version = resourceVersion === undefined ? {} : { resourceVersion };
  const metadata = { uid: mark.podUid, ...version, ...marksFor(mark.proven) };
  const options = { type: 'merge', metadataOnly: true } as const;
  return client.patch(resources.pods, `${namespace}/${mark.podName}`, { metadata }, options);
}

/** What of an API server's sentence fits beside ours and what to do. */
const sentenceBytes = 384;

/** What the API server says of a refusal, or nothing; an object that is gone needs no more work. */
async function attempt(work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return error.code === 404 ? undefined : withinBudget(plainText(error.message), sentenceBytes).replace(/\.$/, '');
  }
}
