import { attestedAnnotation, verifiedLabel } from '../api/labels.ts';
import { ApiError, type KubeClient } from '../kube/client.ts';
import { keyOf, type Pod, resources } from '../kube/objects.ts';
import { containersHash } from '../workload/pod.ts';
import type { Mark, Plan } from './plan.ts';
import type { PolicyOperation } from './plan-policy.ts';

/** What became of a plan's operations. */
export interface Applied {
  /** The policy operation that the API server refused, in words that stay the same from try to try. */
  readonly policyFailure: string | undefined;
  readonly markFailures: readonly string[];
  /** Pods that run other containers than those that proved themselves: their evidence is void. */
  readonly replaced: readonly string[];
}

/** Executes the operations in order: the policy first, then the labels. Each failure is reported; none stops the rest. */
export async function apply(plan: Plan, namespace: string, client: KubeClient): Promise<Applied> {
  let policyFailure: string | undefined;
  for (const operation of plan.policy.operations) {
    const failure = await attempt(() => applyPolicy(operation, namespace, client));
    policyFailure ??= failure && `NetworkPolicy ${nameOf(operation)} was refused: ${failure}`;
  }
  const markFailures: string[] = [];
  const replaced: string[] = [];
  for (const mark of plan.marks) {
    const failure = await attempt(async () => {
      if (!(await applyMark(mark, namespace, client))) replaced.push(mark.podUid);
    });
    if (failure !== undefined) markFailures.push(`Pod ${mark.podName} could not be marked: ${failure}`);
  }
  return { policyFailure, markFailures, replaced };
}

function nameOf(operation: PolicyOperation): string {
  return operation.kind === 'delete' ? operation.name : operation.policy.metadata.name;
}

async function applyPolicy(operation: PolicyOperation, namespace: string, client: KubeClient): Promise<void> {
  const resource = resources.networkPolicies;
  if (operation.kind === 'create') {
    await client.create(resource, operation.policy);
  } else if (operation.kind === 'delete') {
    await client.delete(resource, `${namespace}/${operation.name}`, { uid: operation.uid });
  } else {
    const { metadata, spec } = operation.policy;
    const body = [
      { op: 'test', path: '/metadata/uid', value: operation.uid },
      { op: 'add', path: '/metadata/labels', value: metadata.labels },
      { op: 'replace', path: '/spec', value: spec },
    ];
    await client.patch(resource, keyOf(operation.policy), body, { type: 'json' });
  }
}

/** False when the pod's containers are not those that proved themselves. A pod that is gone needs no mark. */
async function applyMark(mark: Mark, namespace: string, client: KubeClient): Promise<boolean> {
  if (mark.attested === undefined) {
    await patchMarks(mark, namespace, client, undefined);
    return true;
  }
  const pod = await client.get<Pod>(resources.pods, `${namespace}/${mark.podName}`);
  if (pod === undefined || pod.metadata.uid !== mark.podUid) return true;
  if (containersHash(pod) !== mark.attested) return false;
  await patchMarks(mark, namespace, client, pod.metadata.resourceVersion);
  return true;
}

async function patchMarks(
  mark: Mark,
  namespace: string,
  client: KubeClient,
  resourceVersion: string | undefined,
): Promise<void> {
  const on = mark.attested !== undefined;
  const metadata = {
    uid: mark.podUid,
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    labels: { [verifiedLabel]: on ? 'true' : null },
    annotations: { [attestedAnnotation]: mark.attested ?? null },
  };
  await client.patch(resources.pods, `${namespace}/${mark.podName}`, { metadata }, { type: 'merge' });
}

/** The API server's reason for a refusal, or nothing; an object that is gone needs no more work. */
async function attempt(work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return error.code === 404 ? undefined : error.reason;
  }
}
