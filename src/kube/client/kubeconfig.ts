import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { type ClusterConfig, optional, reread, type TlsMaterial } from './config.ts';
import { parseProxy } from './proxy.ts';

/** What whoever asks chooses, instead of what the files choose. */
export interface KubeconfigChoice {
  readonly context?: string | undefined;
  readonly cluster?: string | undefined;
  readonly user?: string | undefined;
  /** Instead of the user's credentials. */
  readonly token?: string | undefined;
}

interface AppliedOptions extends TlsMaterial {
  headers: Record<string, string>;
  auth?: string;
}

/**
 * A kubeconfig with certificates, tokens, exec plugins or OIDC, read by @kubernetes/client-node; without a path the files of
 * KUBECONFIG, else ~/.kube/config. It is imported only here: in a cluster it would cost 28 MiB for nothing.
 */
export async function kubeconfigConfig(path?: string, choice: KubeconfigChoice = {}): Promise<ClusterConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
  const load = () =>
    chosen(
      joined(path, () => new KubeConfig()),
      choice,
    );
  const { server, proxyUrl, namespace, origin, ...first } = load();
  let { kubeconfig } = first;
  const read = async (): Promise<AppliedOptions> => {
    const options: AppliedOptions = { headers: {} };
    await kubeconfig.applyToHTTPSOptions(options).catch((error: unknown) => {
      credentials.expire();
      throw error;
    });
    if (options.auth) options.headers.authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
    return options;
  };
  const credentials = reread(read, () => performance.now());
  return {
    server,
    origin,
    ...(proxyUrl ? { proxy: parseProxy(proxyUrl) } : {}),
    ...(namespace ? { namespace } : {}),
    headers: async () => lowerCase((await credentials.get()).headers),
    tls: async () => tlsOf(await credentials.get()),
    invalidate() {
      // An OIDC refresh token may be good for one use, and its successor lives only in memory.
      if (kubeconfig.getCurrentUser()?.authProvider?.name !== 'oidc')
        kubeconfig = optional(load)?.kubeconfig ?? kubeconfig;
      credentials.expire();
    },
  };
}

/** As kubectl joins files: of each name, and of the current context, the first that is there. Files of a list may be absent. */
function joined(path: string | undefined, create: () => KubeConfig) {
  const listed = (process.env.KUBECONFIG ?? '').split(delimiter).filter((one) => one !== '');
  const paths = path === undefined && listed.length > 0 ? listed : [path ?? join(homedir(), '.kube', 'config')];
  const where = paths.join(delimiter);
  const all = paths.flatMap((one) => readOne(one, create()) ?? []);
  if (all.length === 0) throw new Error(`there is no kubeconfig ${where}: name one by --kubeconfig or KUBECONFIG`);
  const kubeconfig = create();
  kubeconfig.loadFromOptions({
    clusters: firsts(all.map(({ clusters }) => clusters)),
    users: firsts(all.map(({ users }) => users)),
    contexts: firsts(all.map(({ contexts }) => contexts)),
    currentContext: all.map(({ currentContext }) => currentContext).find(Boolean),
  });
  return { kubeconfig, where };
}

function firsts<T extends { readonly name: string }>(lists: readonly (readonly T[])[]): T[] {
  const entries = lists.flat().map((one) => [one.name, one] as const);
  return [...new Map(entries.reverse()).values()].reverse();
}

function readOne(path: string, kubeconfig: KubeConfig): KubeConfig | undefined {
  try {
    kubeconfig.loadFromFile(path);
    return kubeconfig;
  } catch (error) {
    const { code, name, message, path: missing } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && missing === path) return undefined;
    // Only the first line: the others quote the file, which may hold credentials.
    const known = code !== undefined || name === 'Error' || name === 'YAMLException';
    const why = known ? message.split('\n')[0] : 'it is no kubeconfig';
    throw new Error(`the kubeconfig ${path} cannot be read: ${why}; mend it, or name another by --kubeconfig`);
  }
}

/** One cluster with one user, and how to call them. */
function chosen({ kubeconfig, where }: ReturnType<typeof joined>, choice: KubeconfigChoice) {
  const name = choice.context ?? kubeconfig.getCurrentContext() ?? '';
  const context = name === '' ? undefined : named('context', name, kubeconfig.contexts, where);
  const clusterName = choice.cluster ?? context?.cluster;
  if (clusterName === undefined)
    throw new Error(`${where} has no current context: choose one by --context or \`kubectl config use-context\``);
  const { proxyUrl, ...cluster } = named('cluster', clusterName, kubeconfig.clusters, where);
  const userName = choice.token === undefined ? (choice.user ?? context?.user) : undefined;
  const user = { name: 'none', ...(userName === undefined ? {} : named('user', userName, kubeconfig.users, where)) };
  const server = URL.parse(cluster.server);
  if (server === null || !/^https?:$/.test(server.protocol))
    throw new Error(`the server of cluster ${cluster.name} in ${where} is no address: write https://<host>:<port>`);
  // client-node takes http:// for an oversight, and would make agents of its own for proxies, which we do not use.
  const direct = { ...cluster, skipTLSVerify: cluster.skipTLSVerify || server.protocol === 'http:' };
  const token = choice.token === undefined ? {} : { token: choice.token };
  const contexts = [{ name: 'chosen', cluster: cluster.name, user: user.name }];
  kubeconfig.loadFromOptions({
    clusters: [direct],
    users: [{ ...user, ...token }],
    contexts,
    currentContext: 'chosen',
  });
  const origin = choice.cluster === undefined ? `context ${name} of ${where}` : `cluster ${cluster.name} of ${where}`;
  return { kubeconfig, server, proxyUrl, namespace: context?.namespace, origin };
}

function named<T extends { readonly name: string }>(kind: string, name: string, all: readonly T[], where: string): T {
  const found = all.find((one) => one.name === name);
  if (found !== undefined) return found;
  const names = all.map((one) => one.name).join(', ');
  throw new Error(`${where} has no ${kind} ${name}: ${names === '' ? 'it has none' : `choose one of ${names}`}`);
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

const tlsMembers = ['ca', 'cert', 'key', 'servername', 'rejectUnauthorized'] as const;

function tlsOf(applied: AppliedOptions): TlsMaterial {
  const given = tlsMembers.filter((member) => applied[member] !== undefined);
  return Object.fromEntries(given.map((member) => [member, applied[member]]));
}
