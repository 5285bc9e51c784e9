import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { parseProxy } from './proxy.ts';

export interface TlsMaterial {
  readonly ca?: Buffer | string;
  readonly cert?: Buffer | string;
  readonly key?: Buffer | string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

type Eventually<T> = T | Promise<T>;

/** Where the API server is and how to prove who we are. Read for every request, so both calls are cached. */
export interface ClusterConfig {
  readonly server: URL;
  /** HTTP CONNECT or SOCKS5. */
  readonly proxy?: URL;
  /** The namespace we run in, or the context's. */
  readonly namespace?: string;
  headers(): Eventually<Readonly<Record<string, string>>>;
  tls(): Eventually<TlsMaterial>;
  /** The server answered 401: the next call reads the credentials again. */
  invalidate(): void;
}

/** Kubelet refreshes projected tokens well before they expire; client-go re-reads them at the same pace. */
const rereadMs = 60_000;
const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount';

/** A value that is read again when it is older than a minute. A failed read keeps the last good value. */
function reread<T>(read: () => T, now: () => number): { get(): T; expire(): void } {
  let value: { readonly is: T } | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  return {
    get() {
      if (value !== undefined && now() - readAt < rereadMs) return value.is;
      try {
        value = { is: read() };
      } catch (error) {
        if (value === undefined) throw error;
      }
      readAt = now();
      return value.is;
    },
    expire() {
      readAt = Number.NEGATIVE_INFINITY;
    },
  };
}

export interface InClusterOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly directory?: string;
  readonly now?: () => number;
}

/** The pod's own service account; throws when not in a pod. */
export function inClusterConfig(options: InClusterOptions = {}): ClusterConfig {
  const { env = process.env, directory = serviceAccount, now = () => performance.now() } = options;
  const host = env.KUBERNETES_SERVICE_HOST;
  const port = env.KUBERNETES_SERVICE_PORT;
  if (!host || !port) throw new Error('not in a pod: KUBERNETES_SERVICE_HOST is not set; give --kubeconfig');
  const file = (name: string) => readFileSync(`${directory}/${name}`);
  const token = reread(() => file('token').toString().trim(), now);
  const ca = reread(() => file('ca.crt'), now);
  const namespace = optional(() => file('namespace').toString().trim());
  return {
    server: new URL(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`),
    ...(namespace ? { namespace } : {}),
    headers: () => ({ authorization: `Bearer ${token.get()}` }),
    tls: () => ({ ca: ca.get() }),
    invalidate() {
      token.expire();
      ca.expire();
    },
  };
}

function optional<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

interface AppliedOptions extends TlsMaterial {
  headers: Record<string, string>;
  auth?: string;
}

/**
 * A kubeconfig with certificates, tokens, exec plugins or OIDC, read by @kubernetes/client-node.
 * It is imported only here: in a cluster it would cost 28 MiB for nothing.
 */
export async function kubeconfigConfig(path?: string): Promise<ClusterConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
  const load = () => {
    const loaded = new KubeConfig();
    if (path === undefined) loaded.loadFromDefault();
    else loaded.loadFromFile(path);
    return loaded;
  };
  let kubeconfig = load();
  const read = async (): Promise<AppliedOptions> => {
    const options: AppliedOptions = { headers: {} };
    // client-node would make agents of its own for proxies, which we do not use.
    kubeconfig.clusters = kubeconfig.clusters.map(({ proxyUrl: _, ...direct }) => direct);
    await kubeconfig.applyToHTTPSOptions(options).catch((error: unknown) => {
      credentials.expire();
      throw error;
    });
    if (options.auth) options.headers.authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
    return options;
  };
  const credentials = reread(read, () => performance.now());
  const cluster = kubeconfig.getCurrentCluster();
  if (!cluster?.server)
    throw new Error('the kubeconfig has no current cluster: choose one by `kubectl config use-context`');
  const namespace = kubeconfig.getContextObject(kubeconfig.getCurrentContext())?.namespace;
  return {
    server: new URL(cluster.server),
    ...(cluster.proxyUrl ? { proxy: parseProxy(cluster.proxyUrl) } : {}),
    ...(namespace ? { namespace } : {}),
    headers: async () => lowerCase((await credentials.get()).headers),
    tls: async () => tlsOf(await credentials.get()),
    invalidate() {
      // An OIDC refresh token may be good for one use, and its successor lives only in memory.
      if (kubeconfig.getCurrentUser()?.authProvider?.name !== 'oidc') kubeconfig = load();
      credentials.expire();
    },
  };
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

const tlsMembers = ['ca', 'cert', 'key', 'servername', 'rejectUnauthorized'] as const;

function tlsOf(applied: AppliedOptions): TlsMaterial {
  const given = tlsMembers.filter((member) => applied[member] !== undefined);
  return Object.fromEntries(given.map((member) => [member, applied[member]]));
}
