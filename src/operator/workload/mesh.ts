import type { ObjectMeta } from '@agentcard-operator/kube/objects';

export type MeshMarks = Readonly<Record<string, string>>;

/** Labels and annotations by which a namespace or a pod template is put into a mesh, or kept out of it. */
export function meshMarks({ labels, annotations }: Pick<ObjectMeta, 'labels' | 'annotations'>): MeshMarks {
  const isMark = /^istio-injection$|^([\w-]+\.)*(istio|linkerd)\.io\//;
  return Object.fromEntries(Object.entries({ ...annotations, ...labels }).filter(([name]) => isMark.test(name)));
}

export interface Mesh {
  readonly kind: keyof typeof advice;
  /** Ports that pass by it, by commas, ranges among them. */
  readonly past: string;
}

/** The mesh whose proxy takes a pod's connections. What a pod says comes before what its namespace says. */
export function meshOf(namespace: MeshMarks, pod: MeshMarks): Mesh | undefined {
  const first = (name: string) => pod[name] ?? namespace[name] ?? '';
  if (/^(enabled|ingress)$/.test(first('linkerd.io/inject'))) {
    return { kind: 'linkerd', past: first('config.linkerd.io/skip-inbound-ports') };
  }
  const ambient = first('istio.io/dataplane-mode') === 'ambient';
  const inject = pod['sidecar.istio.io/inject'];
  const barred = inject === 'false' || namespace['istio-injection'] === 'disabled';
  // In ambient mode the revision alone chooses whose settings count.
  const wanted =
    inject === 'true' || namespace['istio-injection'] === 'enabled' || (first('istio.io/rev') !== '' && !ambient);
  if (wanted && !barred) return { kind: 'sidecar', past: pod['traffic.sidecar.istio.io/excludeInboundPorts'] ?? '' };
  if (!ambient) return undefined;
  return { kind: 'ambient', past: pod['ambient.istio.io/bypass-inbound-capture'] === 'true' ? '*' : '' };
}

const opening = 'Service mesh: ';
const advice = {
  sidecar: (port: number) =>
    `the pods get an Istio sidecar. Under STRICT mutual TLS it refuses the operator; while enforcement holds the agent for unverified, it does not reach istiod. Annotate the pod template with traffic.sidecar.istio.io/excludeInboundPorts: "${port}".`,
  ambient: () =>
    "Istio's ambient mode takes the pods' connections. Under STRICT mutual TLS it refuses the operator; under enforcement rules that name ports miss its tunnel (15008), and the kubelet's probes come from 169.254.7.127. Label the pod template istio.io/dataplane-mode: none, or annotate it with ambient.istio.io/bypass-inbound-capture: \"true\".",
  linkerd: (port: number) =>
    `the pods get a Linkerd proxy. Where it wants authenticated clients it refuses the operator; under enforcement rules that name ports miss its own (4143), and while the agent is held for unverified it does not reach its control plane. Annotate the pod template with config.linkerd.io/skip-inbound-ports: "${port}".`,
} as const;

/** What will not work on this port of a pod, and what mends it; undefined where nothing stands between. */
export function meshAdvice(mesh: Mesh | undefined, port: number): string | undefined {
  if (mesh === undefined || passes(mesh.past, port)) return undefined;
  return `${opening}${advice[mesh.kind](port)} This was read, and not tried with a real mesh.`;
}

/** Such an advice inside of a longer hint. */
export function meshAdviceIn(hint = ''): string | undefined {
  const start = hint.indexOf(opening);
  return start < 0 ? undefined : hint.slice(start);
}

function passes(past: string, port: number): boolean {
  return past.split(',').some((part) => {
    const [from = Number.NaN, to = from] = part.trim().split('-').map(Number);
    return part.trim() === '*' || (from <= port && port <= to);
  });
}
