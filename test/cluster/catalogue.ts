/** One thing that is built from a Go module under `tools/`, whose go.sum pins every byte that goes in. */
export interface Part {
  /** Folder under `tools/`. */
  readonly module: string;
  /** What a build takes on two cores with an empty Go cache, after the parts above it in this list. */
  readonly coldSeconds: number;
  readonly source:
    | {
        readonly kind: 'binary';
        readonly package: string;
        readonly cgo?: true;
        readonly linkerFlags?: string;
        readonly tags?: string;
      }
    /** A main.go of ours beside go.mod, which asks this library. */
    | { readonly kind: 'program'; readonly of: string }
    /** A folder of a module that is data, not code. */
    | { readonly kind: 'folder'; readonly of: string; readonly path: string }
    /** The CustomResourceDefinitions of a package's Go types, by controller-gen, as that project makes its own. */
    | { readonly kind: 'crds'; readonly of: string };
}

const kubernetesVersion = 'v1.37.2';

/** Without these a Kubernetes binary says it is v0.0.0, and clients that compare versions misbehave. */
function versionFlags(version: string): string {
  const [major, minor] = version.slice(1).split('.');
  return ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version']
    .map((place) => `-X ${place}.gitVersion=${version} -X ${place}.gitMajor=${major} -X ${place}.gitMinor=${minor}`)
    .join(' ');
}

const kubernetes = (name: string, coldSeconds: number, version = kubernetesVersion, module = 'kubernetes'): Part => ({
  module,
  coldSeconds,
  source: { kind: 'binary', package: `k8s.io/kubernetes/cmd/${name}`, linkerFlags: versionFlags(version) },
});

/** API servers of other releases, which `make matrix` alone asks for. */
const apiServerOf = (version: string): Part => {
  const [minor] = /1\.\d+/.exec(version) ?? [];
  return kubernetes('kube-apiserver', 240, version, `kubernetes-${minor}`);
};

const binary = (module: string, coldSeconds: number, path: string): Part => ({
  module,
  coldSeconds,
  source: { kind: 'binary', package: path },
});

const spire = (name: string, coldSeconds: number): Part => ({
  module: 'spire',
  coldSeconds,
  source: { kind: 'binary', package: `github.com/spiffe/spire/cmd/${name}`, cgo: true },
});

const folder = (module: string, of: string, path: string): Part => ({
  module,
  coldSeconds: 1,
  source: { kind: 'folder', of, path },
});

export const parts = {
  etcd: binary('etcd', 39, 'go.etcd.io/etcd/server/v3'),
  'kube-apiserver': kubernetes('kube-apiserver', 206),
  kubectl: kubernetes('kubectl', 18),
  'kube-controller-manager': kubernetes('kube-controller-manager', 71),
  'kube-scheduler': kubernetes('kube-scheduler', 8),
  kubelet: kubernetes('kubelet', 19),
  'kube-proxy': kubernetes('kube-proxy', 8),
  helm: binary('helm', 54, 'helm.sh/helm/v3/cmd/helm'),
  coredns: binary('coredns', 77, 'github.com/coredns/coredns'),
  'kube-router': binary('kube-router', 71, 'github.com/cloudnativelabs/kube-router/v2/cmd/kube-router'),
  'spire-controller-manager': binary('spire-controller-manager', 62, 'github.com/spiffe/spire-controller-manager/cmd'),
  'spire-crds': folder('spire-controller-manager', 'github.com/spiffe/spire-controller-manager', 'config/crd/bases'),
  'spire-server': spire('spire-server', 232),
  'spire-agent': spire('spire-agent', 26),
  'agent-sandbox-controller': binary('agent-sandbox', 85, 'sigs.k8s.io/agent-sandbox/cmd/agent-sandbox-controller'),
  'agent-sandbox-manifests': folder('agent-sandbox', 'sigs.k8s.io/agent-sandbox', 'k8s'),
  kwok: binary('kwok', 61, 'sigs.k8s.io/kwok/cmd/kwok'),
  'kwok-stages': folder('kwok', 'sigs.k8s.io/kwok', 'kustomize/stage'),
  promtool: {
    module: 'prometheus',
    coldSeconds: 90,
    // Of the ways in which Prometheus finds what to scrape, rules need none.
    source: { kind: 'binary', package: 'github.com/prometheus/prometheus/cmd/promtool', tags: 'remove_all_sd' },
  },
  health: { module: 'health', coldSeconds: 25, source: { kind: 'program', of: 'sigs.k8s.io/cli-utils' } },
  'prometheus-crds': {
    module: 'prometheus-operator',
    coldSeconds: 60,
    source: { kind: 'crds', of: 'github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1' },
  },
  actionlint: binary('actionlint', 10, 'github.com/rhysd/actionlint/cmd/actionlint'),
  'kube-apiserver-1.30': apiServerOf('v1.30.14'),
  'kube-apiserver-1.32': apiServerOf('v1.32.13'),
  'kube-apiserver-1.34': apiServerOf('v1.34.4'),
  'kube-apiserver-1.36': apiServerOf('v1.36.3'),
} as const satisfies Record<string, Part>;

export type ToolName = keyof typeof parts;

const everyTool = Object.keys(parts) as ToolName[];

/** The API server of each release but the node's own. */
export const otherApiServers = everyTool.filter((name) => name.startsWith('kube-apiserver-'));

/** What the tests of this repository stand on. */
export const allTools = everyTool.filter((name) => !otherApiServers.includes(name));

const onRequest: readonly string[] = [
  'agent-sandbox',
  'kwok',
  'prometheus-operator',
  'prometheus',
  'health',
  'actionlint',
];

/** What the integration tests stand on: they begin when these are built, while the rest of a node is. */
export const integrationTools: readonly ToolName[] = [
  ...(['etcd', 'kube-apiserver', 'kubectl', 'kube-controller-manager', 'kube-scheduler', 'helm'] as const),
  ...(['spire-crds', 'kwok', 'kwok-stages', 'promtool', 'health', 'prometheus-crds'] as const),
];

/** What a node needs; the rest (fake nodes for fleets, kinds of others, what judges rules and health) is built when something asks for it. */
export const nodeTools = allTools.filter((name) => !onRequest.includes(parts[name].module));

/** Pure: the `go build` arguments of a program. */
export function buildArgs(part: Part, output: string): string[] {
  const { source } = part;
  if (source.kind !== 'binary' && source.kind !== 'program') throw new TypeError('only a program is built');
  const { linkerFlags = '', tags = '', package: path = '.' } = source.kind === 'binary' ? source : {};
  const linker = ['-s', '-w', linkerFlags].filter((flag) => flag !== '').join(' ');
  // The linker drops debug data anyway: not making it saves a tenth of the time and a fifth of the compiler's cache.
  const compiler = ['-trimpath', '-gcflags=all=-dwarf=false'];
  return ['build', ...compiler, ...(tags === '' ? [] : ['-tags', tags]), '-ldflags', linker, '-o', output, path];
}

/** Go compiles packages side by side, links alone: beyond eight cores nothing is gained. */
function secondsFor(names: readonly ToolName[], cores: number): number {
  return names.reduce((sum, name) => sum + parts[name].coldSeconds, 0) * (2 / Math.min(Math.max(cores, 1), 8));
}

/** Pure: by how much this machine is slower than the catalogue's, by the seconds that these took. What lay in Go's cache says little. */
export function paceOf(built: readonly ToolName[], cores: number, seconds: number): number {
  return built.length === 0 ? 1 : Math.min(Math.max(seconds / secondsFor(built, cores), 0.5), 5);
}

/** Pure: "about 27 min on 2 cores". */
export function estimate(names: readonly ToolName[], cores: number, pace = 1): string {
  const seconds = secondsFor(names, cores) * pace;
  const time = seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
  return `about ${time} on ${cores} ${cores === 1 ? 'core' : 'cores'}`;
}
