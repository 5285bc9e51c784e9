import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cluster } from './cluster.ts';
import { until } from './until.ts';

/** A SPIRE server with its agents: everything that tells one trust domain's apart from another's. */
export interface TrustDomainPlan {
  readonly name: string;
  readonly namespace: string;
  /** Of its controller manager; empty takes the ClusterSPIFFEIDs that name no class. */
  readonly className: string;
  readonly serverAddress: string;
  readonly serverData: string;
  readonly agentHealthPort: string;
  /** On the node; the Workload API is `spire-agent.sock` in it. */
  readonly socketFolder: string;
  /** Go durations. SPIRE dates certificates ten seconds back and renews an SVID at half of its life. */
  readonly svidTtl: string;
  readonly caTtl: string;
}

export type Lifetimes = Pick<TrustDomainPlan, 'svidTtl' | 'caTtl'>;

/** The trust domain that every node starts with. */
export const primary: TrustDomainPlan = {
  name: 'example.org',
  namespace: 'spire',
  className: '',
  serverAddress: '198.19.128.81',
  serverData: '/var/lib/spire-server',
  agentHealthPort: '9982',
  socketFolder: '/run/spire/agent-sockets',
  svidTtl: '1h',
  caTtl: '24h',
};

/** Pure: another trust domain's own names, address and port, the same for the same name. */
export function planTrustDomain(name: string, lifetimes: Lifetimes): TrustDomainPlan {
  const own = createHash('sha256').update(name).digest().readUInt8();
  return {
    name,
    namespace: `spire-${name.replaceAll('.', '-')}`,
    className: name,
    // Upper addresses of the Service range are taken at random; these are not, and PRIMARY's is not among them.
    serverAddress: `198.19.128.${100 + (own % 100)}`,
    serverData: `/var/lib/spire-server-${name}`,
    agentHealthPort: String(10_000 + own),
    socketFolder: `/run/spire/${name}`,
    ...lifetimes,
  };
}

const manifests = join(dirname(fileURLToPath(import.meta.url)), 'manifests');

/** Pure: fills in the words in double underscores. */
export function render(text: string, plan: TrustDomainPlan): string {
  return text.replaceAll(/__([a-zA-Z]+)__/g, (word, key: string) => {
    const value = Object.entries(plan).find(([name]) => name === key)?.[1];
    if (value === undefined) throw new Error(`the manifest wants ${word}, which no trust domain has`);
    return value;
  });
}

export type SpirePart = 'spire-server' | 'spire-agent' | 'identities';

export async function spireManifest(part: SpirePart, plan: TrustDomainPlan = primary): Promise<string> {
  return render(await readFile(join(manifests, `${part}.yaml`), 'utf8'), plan);
}

/** All that a trust domain needs of the cluster that it is in. */
type Commands = Pick<Cluster, 'kubectl'>;

/** A running trust domain, for tests to disturb. */
export interface TrustDomain {
  readonly name: string;
  readonly socketFolder: string;
  /** The `spire-server` command, for example `server(['bundle', 'show'])`. */
  server(args: readonly string[], stdin?: string): Promise<string>;
  /** Takes the agent off the node; what workloads hold by then they keep. Returns when it is gone. */
  stopAgent(): Promise<void>;
  startAgent(): Promise<void>;
  /** Has the CA that is in use replaced by a new one, both being in the bundle. */
  rotateAuthority(): Promise<void>;
  /** Takes the CA that was in use before out of the bundle. SPIRE replaces what it has signed first. */
  retireAuthority(): Promise<void>;
  /** Gives all pods' entries these trust domains' bundles, which the server must have by then. */
  federateWith(...names: readonly string[]): Promise<void>;
  /** Deletes what `addTrustDomain` made; its CA stays on the node. */
  remove(): Promise<void>;
}

export function primaryTrustDomain(cluster: Commands): TrustDomain {
  return handle(cluster, primary);
}

/** Starts a second SPIRE beside the node's own, with agents whose Workload API is in a folder of its own. */
export async function addTrustDomain(cluster: Commands, name: string, lifetimes: Lifetimes): Promise<TrustDomain> {
  const plan = planTrustDomain(name, lifetimes);
  // One of the name may be about to go still.
  await cluster.kubectl(['delete', 'namespace', plan.namespace, '--ignore-not-found']);
  const apply = async (...parts: readonly SpirePart[]) => {
    const texts = await Promise.all(parts.map((part) => spireManifest(part, plan)));
    await cluster.kubectl(['apply', '--server-side', '--filename', '-'], texts.join('---\n'));
  };
  await apply('spire-server');
  await until({ what: `SPIRE of ${name} to publish its bundle`, timeoutMs: 120_000, everyMs: 200 }, async () => {
    const get = ['--namespace', plan.namespace, 'get', 'configmap', 'spire-bundle', '--output', 'jsonpath={.data}'];
    return (await cluster.kubectl(get)).includes('CERTIFICATE') || undefined;
  });
  await apply('spire-agent', 'identities');
  const domain = handle(cluster, plan);
  await domain.startAgent();
  return domain;
}

/** Each server gets the other's bundle, and each one's workloads get both. */
export async function federate(left: TrustDomain, right: TrustDomain): Promise<void> {
  await Promise.all([shareBundle(left, right), shareBundle(right, left)]);
  await Promise.all([left.federateWith(right.name), right.federateWith(left.name)]);
}

/** What one server now says of its own bundle, told to another. */
export async function shareBundle(from: TrustDomain, to: TrustDomain): Promise<void> {
  const bundle = await from.server(['bundle', 'show', '-format', 'spiffe']);
  await setBundle(to, from.name, bundle);
}

/** What a server is to hold for another trust domain's bundle: SPIFFE JSON. */
export async function setBundle(on: TrustDomain, name: string, bundle: string): Promise<void> {
  await on.server(['bundle', 'set', '-format', 'spiffe', '-id', `spiffe://${name}`], bundle);
}

function handle(cluster: Commands, plan: TrustDomainPlan): TrustDomain {
  const { name, namespace, socketFolder } = plan;
  const kubectl = (...args: readonly string[]) => cluster.kubectl(['--namespace', namespace, ...args]);
  const server = (args: readonly string[], stdin?: string) => {
    const exec = ['--namespace', namespace, 'exec', '--stdin', 'spire-server-0', '--container', 'server', '--'];
    const command = ['/opt/bin/spire-server', ...args, '-socketPath', '/run/spire/socket/api.sock'];
    return cluster.kubectl([...exec, ...command], stdin ?? '');
  };
  const placeAgent = async (selector: object | null) => {
    const patch = JSON.stringify({ spec: { template: { spec: { nodeSelector: selector } } } });
    await kubectl('patch', 'daemonset', 'spire-agent', '--type', 'merge', '--patch', patch);
  };
  return {
    name,
    socketFolder,
    server,
    stopAgent: async () => {
      await placeAgent({ nowhere: 'yes' });
      await kubectl('wait', '--for=delete', 'pod', '--selector', 'app=spire-agent', '--timeout=60s');
    },
    startAgent: async () => {
      await placeAgent(null);
      await kubectl('rollout', 'status', 'daemonset/spire-agent', '--timeout=120s');
    },
    rotateAuthority: async () => {
      const prepared = JSON.parse(await server(['localauthority', 'x509', 'prepare', '-output', 'json']));
      const id: string = prepared.prepared_authority.authority_id;
      await server(['localauthority', 'x509', 'activate', '-authorityID', id]);
    },
    retireAuthority: async () => {
      const shown = JSON.parse(await server(['localauthority', 'x509', 'show', '-output', 'json']));
      const id: string = shown.old.authority_id;
      for (const step of ['taint', 'revoke']) await server(['localauthority', 'x509', step, '-authorityID', id]);
    },
    federateWith: async (...names) => {
      const patch = JSON.stringify({ spec: { federatesWith: names } });
      await cluster.kubectl(['patch', 'clusterspiffeid', `${namespace}-default`, '--type', 'merge', '--patch', patch]);
    },
    remove: async () => {
      await cluster.kubectl(['delete', 'clusterspiffeid', `${namespace}-default`, '--ignore-not-found']);
      await cluster.kubectl(['delete', 'namespace', namespace, '--ignore-not-found', '--wait=false']);
    },
  };
}
