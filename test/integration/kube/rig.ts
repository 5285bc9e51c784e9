import { onTestFinished } from 'vitest';
import { KubeClient } from '../../../src/kube/client/client.ts';
import { type ConfigMap, type KubeObject, keyOf, resources } from '../../../src/kube/objects.ts';
import { Informer, type InformerOptions } from '../../../src/kube/watch/informer.ts';
import type { ApiServer } from '../../cluster/api-server.ts';
import type { FaultProxy } from './fault-proxy.ts';

/** A client with a bearer token: straight to the API server, or through the proxy. */
export function connect(api: ApiServer, through?: FaultProxy): KubeClient {
  const client = new KubeClient({
    server: new URL(through?.url ?? api.url),
    headers: () => ({ authorization: `Bearer ${api.adminToken}` }),
    tls: () => ({ ca: through?.caPem ?? api.caPem }),
    invalidate: () => {},
  });
  onTestFinished(() => client.close());
  return client;
}

export async function makeNamespace(client: KubeClient, name: string): Promise<string> {
  await client.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  return name;
}

/** Writes ConfigMaps of one namespace past every fault. */
export function writer(client: KubeClient, namespace: string) {
  const key = (name: string) => `${namespace}/${name}`;
  const create = (name: string, data: Record<string, string> = {}) => {
    const metadata = { name, namespace };
    return client.create<ConfigMap>(resources.configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
  };
  const update = (name: string, data: Record<string, string>) =>
    client.patch<ConfigMap>(resources.configMaps, key(name), { data }, { type: 'merge' });
  const remove = (name: string) => client.delete(resources.configMaps, key(name));
  return { create, update, remove };
}

/** Quick enough for tests: what takes half a minute in a cluster takes half a second. */
export const quick = {
  pageMs: 3_000,
  openMs: 1_500,
  idleMs: 1_500,
  baseDelayMs: 20,
  maxDelayMs: 300,
  soundMs: 500,
  deafAfterMs: 1_000,
};

export function watchConfigMaps(client: KubeClient, options: Partial<InformerOptions<ConfigMap>> = {}) {
  return watch<ConfigMap>(client, { resource: resources.configMaps, ...options });
}

type WatchOptions<T extends KubeObject> = Partial<InformerOptions<T>> & Pick<InformerOptions<T>, 'resource'>;

export async function watch<T extends KubeObject>(client: KubeClient, options: WatchOptions<T>) {
  const story: string[] = [];
  const problems: unknown[] = [];
  const failures: string[] = [];
  const missed: number[] = [];
  const informer = new Informer<T>({
    client,
    timing: quick,
    telemetry: {
      objectFailed: (error) => problems.push(error),
      failed: ({ code, reason }) => failures.push(`${code} ${reason}`),
      missed: (count) => missed.push(count),
    },
    ...options,
  });
  informer.onEvent({
    add: ({ metadata }) => story.push(`add ${metadata.name}`),
    update: (_, { metadata }) => story.push(`update ${metadata.name}`),
    remove: ({ metadata }) => story.push(`remove ${metadata.name}`),
  });
  const stop = new AbortController();
  const done = informer.start(stop.signal);
  const end = async () => {
    stop.abort();
    await done;
  };
  onTestFinished(end);
  await informer.synced;
  return { informer, story, problems, failures, missed, stop: stop.signal, end };
}

const versions = (objects: Iterable<KubeObject>) =>
  new Set([...objects].map((object) => `${keyOf(object)} ${object.metadata.uid} ${object.metadata.resourceVersion}`));

/** Waits until the cache equals a fresh list, which is asked of the API server itself; says what differs if it never does. */
export async function untilEqual<T extends KubeObject>(
  informer: Informer<T>,
  client: KubeClient,
  namespace: string,
): Promise<void> {
  const compare = async () => {
    const { items } = await client.list<T>(informer.resource, { namespace });
    const [listed, cached] = [versions(items), versions(informer.values())];
    return { missing: [...listed.difference(cached)], surplus: [...cached.difference(listed)] };
  };
  const deadline = Date.now() + 60_000;
  for (;;) {
    const { missing, surplus } = await compare();
    if (missing.length + surplus.length === 0) return;
    if (Date.now() > deadline) throw new Error(`never equal: lacks ${missing.slice(0, 3)}; has ${surplus.slice(0, 3)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`gave up waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
