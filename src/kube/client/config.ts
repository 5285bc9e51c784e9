import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';

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
  /** Who named the server, in words: a context of a file. */
  readonly origin?: string;
  headers(): Eventually<Readonly<Record<string, string | string[]>>>;
  tls(): Eventually<TlsMaterial>;
  /** The server answered 401: the next call reads the credentials again. */
  invalidate(): void;
}

/** Kubelet refreshes projected tokens well before they expire; client-go re-reads them at the same pace. */
const rereadMs = 60_000;
const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount';

/** A value that is read again when it is older than a minute. A failed read keeps the last good value. */
export function reread<T>(read: () => T, now: () => number): { get(): T; expire(): void } {
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

export function optional<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
