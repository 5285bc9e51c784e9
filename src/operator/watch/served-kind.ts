import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode, type KubeClient } from '@agentcard-operator/kube';
import { apiGroup } from '../api/labels.ts';
import type { Config } from '../settings/config.ts';

type OpenApi = { readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> } };

interface Schema {
  readonly 'x-kubernetes-group-version-kind'?: readonly { readonly kind?: string }[];
  readonly properties?: { readonly status?: { readonly properties?: object } };
}

/** What a verdict of this operator will rest on, for the first line of its log. */
export function verificationOf({ trustDomain, strictBinding, enforcement, ...config }: Config) {
  const { enableVerifiedFetch: mutualTLS, enableSignatureVerification: signatures } = config;
  return { mutualTLS, signatures, trustDomain, strictBinding, enforcement };
}

/** A status field that only this operator's kind has; the API server would drop it from another's without a word. */
const ownField = 'checks';
const patienceSeconds = 30;

/** Refuses to run on a cluster whose AgentCard kind is missing or another operator's. Readable by every service account. */
export async function requireServedKind(client: KubeClient): Promise<void> {
  for (let second = 1; ; second += 1) {
    const problem = await kindProblem(client);
    if (problem === undefined) return;
    // A kind that was just installed is published within seconds.
    if (second >= patienceSeconds) throw new Error(problem);
    await sleep(1_000);
  }
}

async function kindProblem(client: KubeClient): Promise<string | undefined> {
  const remedy = 'helm install --take-ownership, or kubectl replace -f config/crd/agentcards.yaml';
  try {
    const api = await client.json<OpenApi>({ method: 'GET', path: `/openapi/v3/apis/${apiGroup}/v1alpha1` });
    const kind = Object.values(api.components?.schemas ?? {}).find((schema) =>
      schema['x-kubernetes-group-version-kind']?.some((served) => served.kind === 'AgentCard'),
    );
    if (ownField in (kind?.properties?.status?.properties ?? {})) return undefined;
    return `the cluster serves AgentCards of another operator, which lack our fields; replace the kind: ${remedy}`;
  } catch (error) {
    if (!hasCode(error, 404)) throw error;
    return `the cluster does not serve AgentCards; install the kind: ${remedy}`;
  }
}
