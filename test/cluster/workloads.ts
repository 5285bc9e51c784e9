import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ApiAccess, apiGet } from './api-client.ts';
import { run } from './command.ts';
import { node } from './control-plane.ts';
import { type SpirePart, spireManifest } from './trust-domain.ts';
import { until } from './until.ts';

const manifests = join(dirname(fileURLToPath(import.meta.url)), 'manifests');

/** Tells apart "not yet" (undefined) and "there" on an object as the API server shows it. */
type Condition = (object: ClusterObject) => boolean | undefined;

interface ClusterObject {
  readonly data?: Readonly<Record<string, string>>;
  readonly status?: {
    readonly readyReplicas?: number;
    readonly numberReady?: number;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

export interface Workloads {
  /** Applies manifests by file name, files or folders by absolute path, and parts of the node's own SPIRE. */
  apply(files: readonly string[], parts: readonly SpirePart[]): Promise<void>;
  nodeReady(): Promise<void>;
  dnsReady(): Promise<void>;
  /** SPIRE's server has published its bundle, without which an agent would give up at its start. */
  bundlePublished(): Promise<void>;
  agentReady(): Promise<void>;
}

export function workloads(access: ApiAccess, kubectl: readonly string[], alive: () => Promise<void>): Workloads {
  const [command = 'kubectl', ...prefix] = kubectl;
  const wait = (what: string, path: string, condition: Condition) =>
    until({ what, timeoutMs: 120_000, everyMs: 100 }, async () => {
      await alive();
      const answer = await apiGet(access, path);
      if (answer?.status !== 200) return undefined;
      return condition(JSON.parse(answer.body) as ClusterObject) || undefined;
    }).then(() => {});
  return {
    apply: async (files, parts) => {
      const names = files.flatMap((file) => ['--filename', file.startsWith('/') ? file : join(manifests, file)]);
      const texts = await Promise.all(parts.map((part) => spireManifest(part)));
      const args = [...prefix, 'apply', '--server-side', ...names, '--filename', '-'];
      await run(command, args, { stdin: texts.join('---\n') });
    },
    nodeReady: () =>
      wait('the node to be ready', `/api/v1/nodes/${node.name}`, ({ status }) =>
        status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
      ),
    dnsReady: () =>
      wait(
        'CoreDNS to be ready',
        '/apis/apps/v1/namespaces/kube-system/deployments/coredns',
        ({ status }) => status?.readyReplicas === 1,
      ),
    bundlePublished: () =>
      wait('SPIRE to publish its bundle', '/api/v1/namespaces/spire/configmaps/spire-bundle', ({ data }) =>
        data?.['bundle.crt']?.includes('CERTIFICATE'),
      ),
    agentReady: () =>
      wait(
        "SPIRE's agent to be ready",
        '/apis/apps/v1/namespaces/spire/daemonsets/spire-agent',
        ({ status }) => status?.numberReady === 1,
      ),
  };
}
