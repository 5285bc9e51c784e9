import { request } from 'node:https';
import type { KubeObject } from '../../../src/kube/objects.ts';
import type { ApiServer } from '../../cluster/api-server.ts';
import { until } from '../../cluster/until.ts';

/** An object, or a Status that says why there is none. */
export interface Answer {
  readonly code: number;
  readonly message: string;
  readonly object: KubeObject & { readonly spec: Fields; readonly status: Fields };
}

export type Fields = Readonly<Record<string, unknown>>;

export const crdPath = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/agentcards.agent.kagenti.dev';
export const cardsPath = '/apis/agent.kagenti.dev/v1alpha1/namespaces/default/agentcards';

const bodies = { GET: '', POST: 'application/json', PATCH: 'application/merge-patch+json' } as const;

/** One call as cluster administrator; unknown fields are refused. */
export function call(server: ApiServer, method: keyof typeof bodies, path: string, body?: unknown): Promise<Answer> {
  const url = new URL(path, server.url);
  if (method !== 'GET') url.searchParams.set('fieldValidation', 'Strict');
  const headers = { authorization: `Bearer ${server.adminToken}`, 'content-type': bodies[method] };
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, ca: server.caPem, headers }, async (incoming) => {
      const text = (await incoming.toArray()).join('');
      // A kind that is not served yet is answered in plain text.
      const object = incoming.headers['content-type'] === 'application/json' ? JSON.parse(text) : { message: text };
      resolve({ code: incoming.statusCode ?? 0, message: object.message ?? '', object });
    });
    outgoing.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
  });
}

export function agentCard(name: string, spec: unknown): unknown {
  return { apiVersion: 'agent.kagenti.dev/v1alpha1', kind: 'AgentCard', metadata: { name }, spec };
}

/** Creates the definition of the kind or replaces its schema, and waits until a card without a target fares as told. */
export async function installKind(server: ApiServer, definition: unknown, targetless: 'taken' | 'refused') {
  const first = await call(server, 'GET', crdPath);
  const applied =
    first.code === 404
      ? await call(server, 'POST', crdPath.slice(0, crdPath.lastIndexOf('/')), definition)
      : await call(server, 'PATCH', crdPath, definition);
  if (applied.code >= 300) throw new Error(`the definition was refused: ${applied.message}`);
  await until({ what: 'the kind to be served', timeoutMs: 30_000 }, async () => {
    const { code } = await call(server, 'POST', `${cardsPath}?dryRun=All`, agentCard('probe', {}));
    return code === (targetless === 'taken' ? 201 : 422) ? true : undefined;
  });
}
