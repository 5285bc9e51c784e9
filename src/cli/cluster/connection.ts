import type { ApiError, ClusterConfig, KubeClient } from '@agentcard-operator/kube';
import { durationMs } from '../../operator/api/time.ts';
import { version } from '../../operator/settings/version.ts';
import { type Command, type Invocation, type Option, Trouble } from '../command.ts';

/** kubectl's own options, which every command that asks a cluster takes. */
export const connectionOptions: Readonly<Record<string, Option>> = {
  kubeconfig: { value: '<file>', doc: 'kubeconfig to use (default KUBECONFIG, else ~/.kube/config)' },
  context: { value: '<name>', doc: 'context of the kubeconfig' },
  cluster: { value: '<name>', doc: 'cluster of the kubeconfig' },
  user: { value: '<name>', doc: 'user of the kubeconfig' },
  as: { value: '<user>', doc: 'user to act as' },
  'as-group': { value: '<group>', doc: 'group to act as; may be given again', multiple: true },
  token: { value: '<token>', doc: "bearer token, instead of the user's credentials" },
  'request-timeout': { value: '<time>', doc: 'how long one request may take, such as 30s or 2m; 0 is for ever' },
};

/** Loaded when a cluster is asked: help and versions do without. */
const kube = () => import('@agentcard-operator/kube');

/** Where a command asks. */
export interface Place {
  readonly client: KubeClient;
  readonly namespace: string;
  /** The server and who named it, in words. */
  readonly origin: string;
}

/** A command's work at the place that its options name. What goes wrong there is told in one sentence. */
export function atCluster(
  work: (place: Place, ...rest: Parameters<Command['run']>) => Promise<number>,
): Command['run'] {
  return async (invocation, io) => {
    const place = await placeOf(invocation);
    try {
      return await work(place, invocation, io);
    } catch (error) {
      const { ApiError } = await kube();
      throw error instanceof ApiError ? new Trouble(sentence(error, place)) : error;
    }
  };
}

/** Nothing else may become part of a path. */
export function isName(text: string): boolean {
  return /^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/.test(text);
}

/** An empty one is a variable that was not set. */
export function nameIn(text: string, option: string): string {
  if (isName(text)) return text;
  throw new Trouble(
    text === ''
      ? `${option} is empty: fill it in, or leave it out`
      : `${option}: "${text}" is no name; names are of a-z, 0-9 and -`,
  );
}

async function placeOf(invocation: Invocation): Promise<Place> {
  const { option } = invocation;
  const given = option('namespace');
  if (given !== undefined) nameIn(given, '--namespace');
  for (const [name] of Object.entries(connectionOptions))
    if (invocation.all(name).includes('')) throw new Trouble(`--${name} is empty: fill it in, or leave it out`);
  const timeoutMs = timeoutOf(option('request-timeout'));
  const more = identityOf(invocation);
  try {
    const config = await configOf(invocation);
    const acting: ClusterConfig = { ...config, headers: async () => ({ ...(await config.headers()), ...more }) };
    const namespace = given ?? nameIn(config.namespace ?? 'default', `the namespace of ${config.origin}`);
    const { KubeClient } = await kube();
    const client = new KubeClient(acting, { userAgent: `kubectl-agentcard/${version}`, timeoutMs });
    return { client, namespace, origin: `${config.server.origin}, ${config.origin ?? "the pod's service account"}` };
  } catch (error) {
    throw error instanceof Trouble ? error : new Trouble(error instanceof Error ? error.message : String(error));
  }
}

/** In a pod, as the uninstall hook runs, its own service account, where nothing chooses otherwise; else the kubeconfig. */
async function configOf({ option }: Invocation): Promise<ClusterConfig> {
  const choice = { context: option('context'), cluster: option('cluster'), user: option('user') };
  const isChosen = [option('kubeconfig'), process.env.KUBECONFIG, ...Object.values(choice)].some(Boolean);
  if (!isChosen && process.env.KUBERNETES_SERVICE_HOST) return (await kube()).inClusterConfig();
  return (await kube()).kubeconfigConfig(option('kubeconfig'), { ...choice, token: option('token') });
}

/** Headers that say who asks. Beyond ASCII they carry UTF-8, as kubectl's do. */
function identityOf({ option, all }: Invocation): Readonly<Record<string, string | string[]>> {
  const [user, groups, token] = [option('as'), all('as-group'), option('token')];
  if (user === undefined && groups.length > 0)
    throw new Trouble('--as-group needs --as, the user who is of that group');
  const bytes = (text: string) => Buffer.from(text).toString('latin1');
  if ([user ?? '', token ?? '', ...groups].some((text) => /\p{Cc}/u.test(text)))
    throw new Trouble('--as, --as-group and --token take no control characters, such as line feeds');
  return {
    ...(user === undefined ? {} : { 'impersonate-user': bytes(user) }),
    ...(groups.length === 0 ? {} : { 'impersonate-group': groups.map(bytes) }),
    ...(token === undefined ? {} : { authorization: `Bearer ${bytes(token)}` }),
  };
}

/** A number alone is seconds, as it is to kubectl. */
function timeoutOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^0+[a-z]*$/.test(text)) return Number.POSITIVE_INFINITY;
  const ms = durationMs(/^\d+$/.test(text) ? `${text}s` : text);
  if (ms !== undefined && ms >= 1) return ms;
  throw new Trouble(`--request-timeout: "${text}" is no time; write 30s or 2m`);
}

function sentence({ code, reason, message }: ApiError, { origin }: Place): string {
  if (reason === 'CredentialsUnavailable') return `there are no credentials for ${origin}: ${message}; sign in again`;
  if (code === 0) return `no answer from ${origin}: ${message}; see that it runs, or choose another by --context`;
  if (code === 401) return `${origin}: the API server does not know who asks; sign in again, or choose another --user`;
  const todo = code === 403 ? '; ask for that right, or choose who has it by --user or --as' : '';
  return `${message} (${origin})${todo}`;
}
