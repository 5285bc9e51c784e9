import { vi } from 'vitest';
import type { Pod } from '../../../src/kube/objects.ts';
import { puppetImage } from './images.ts';
import type { Part, Role } from './puppet.ts';
import { patience, type World } from './world.ts';

export interface AgentOptions {
  readonly replicas?: number;
  /** Default: the agent's name. */
  readonly serviceAccount?: string;
  /** Whether the Service has a port agent-tls; true. */
  readonly tls?: boolean;
  /** Where the node keeps the Workload API; that of the primary trust domain. */
  readonly socketFolder?: string;
  readonly allowedSpiffeIDs?: readonly string[];
  readonly spec?: object;
  readonly podLabels?: Readonly<Record<string, string>>;
  /** Default: its own /healthz. */
  readonly readinessProbe?: object;
}

interface StartedPod {
  readonly status: { readonly containerStatuses: readonly { readonly restartCount: number }[] };
}

/** Pods that ask for nothing share, all of them together, a 25th of what the operator gets while it starts. */
export const someProcessor = { requests: { cpu: '20m' } };

/** A Deployment of puppets with its Service and AgentCard. */
export class Agent {
  readonly world: World;
  readonly namespace: string;
  readonly name: string;

  constructor(world: World, namespace: string, name: string) {
    this.world = world;
    this.namespace = namespace;
    this.name = name;
  }

  static async deploy(world: World, namespace: string, name: string, options: AgentOptions = {}): Promise<Agent> {
    const agent = new Agent(world, namespace, name);
    await world.apply(...agent.manifests(options));
    await world.kubectl('--namespace', namespace, 'rollout', 'status', `deployment/${name}`, '--timeout=120s');
    return agent;
  }

  manifests(options: AgentOptions): readonly object[] {
    const { serviceAccount = this.name } = options;
    const account = {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: serviceAccount, namespace: this.namespace },
    };
    // The card first, so that no card is created for the workload.
    return [
      account,
      this.agentCard(options),
      this.deployment(options, serviceAccount),
      this.service(options.tls ?? true),
    ];
  }

  deployment(options: AgentOptions, serviceAccountName: string): object {
    const { replicas = 1, podLabels = {}, socketFolder } = options;
    const labels = { app: this.name, ...podLabels };
    const socket = { name: 'spiffe', hostPath: { path: socketFolder ?? '/run/spire/agent-sockets' } };
    const container = {
      name: 'agent',
      image: puppetImage,
      imagePullPolicy: 'Never',
      command: ['node', '/app/puppet.mjs'],
      env: [
        { name: 'AGENT_NAME', value: this.name },
        { name: 'SPIFFE_ENDPOINT_SOCKET', value: 'unix:///spiffe/spire-agent.sock' },
      ],
      resources: someProcessor,
      readinessProbe: options.readinessProbe ?? { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 },
      volumeMounts: [{ name: 'spiffe', mountPath: '/spiffe', readOnly: true }],
    };
    return {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: {
        name: this.name,
        namespace: this.namespace,
        labels: { 'kagenti.io/type': 'agent', 'protocol.kagenti.io/a2a': '' },
      },
      spec: {
        replicas,
        selector: { matchLabels: { app: this.name } },
        template: {
          metadata: { labels },
          spec: { serviceAccountName, terminationGracePeriodSeconds: 1, containers: [container], volumes: [socket] },
        },
      },
    };
  }

  service(tls: boolean): object {
    const http = { name: 'http', port: 80, targetPort: 8080 };
    return {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: this.name, namespace: this.namespace },
      spec: {
        selector: { app: this.name },
        ports: tls ? [http, { name: 'agent-tls', port: 443, targetPort: 8443 }] : [http],
      },
    };
  }

  agentCard({ allowedSpiffeIDs, spec = {} }: AgentOptions): object {
    return {
      apiVersion: 'agent.kagenti.dev/v1alpha1',
      kind: 'AgentCard',
      metadata: { name: this.name, namespace: this.namespace },
      spec: {
        targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: this.name },
        ...(allowedSpiffeIDs === undefined ? {} : { identityBinding: { allowedSpiffeIDs } }),
        ...spec,
      },
    };
  }

  says(wanted: Readonly<Record<string, string>>) {
    return this.world.cardSays(this.namespace, this.name, wanted);
  }

  async pods(): Promise<readonly Pod[]> {
    const list = await this.world.json<{ items: Pod[] }>(
      '--namespace',
      this.namespace,
      'get',
      'pods',
      '-l',
      `app=${this.name}`,
    );
    return list.items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  }

  /** Gives every pod its part, and has the operator ask at once. */
  async play(part: Part, card?: object): Promise<void> {
    const role = { part, ...(card === undefined ? {} : { card }) };
    for (const pod of await this.pods()) await this.direct(pod, role);
    await this.refresh();
  }

  /** Gives one pod its part; returns how often its TLS port was dialled so far. */
  async direct(pod: Pod, role: Partial<Role> = {}): Promise<number> {
    const body = JSON.stringify(JSON.stringify(role));
    const script = `fetch('http://127.0.0.1:8079', { method: 'PUT', body: ${body} }).then((r) => r.text()).then(console.log)`;
    return Number(await this.exec(pod.metadata.name, ['node', '-e', script]));
  }

  async refresh(): Promise<void> {
    const value = `agent.kagenti.dev/refresh=${process.hrtime.bigint()}`;
    await this.world.kubectl('--namespace', this.namespace, 'annotate', '--overwrite', 'agentcard', this.name, value);
  }

  /** Restarts of all containers of all pods so far. */
  async restarts(): Promise<number> {
    const list = ['--namespace', this.namespace, 'get', 'pods', '-l', `app=${this.name}`];
    const { items } = await this.world.json<{ items: StartedPod[] }>(...list);
    const counts = items.flatMap(({ status }) => status.containerStatuses.map(({ restartCount }) => restartCount));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Ends the first process of a container; the kubelet starts another one. */
  async restartContainer(pod: Pod, container: string): Promise<void> {
    const before = await this.restarts();
    const kill = ['node', '-e', "process.kill(1, 'SIGTERM')"];
    // The command may end together with the container that it runs in.
    await this.world
      .kubectl('-n', this.namespace, 'exec', pod.metadata.name, '-c', container, '--', ...kill)
      .catch(() => undefined);
    await vi.waitFor(async () => {
      if ((await this.restarts()) === before) throw new Error('the container was not restarted');
    }, patience);
  }

  exec(pod: string, command: readonly string[]): Promise<string> {
    return this.world.kubectl('--namespace', this.namespace, 'exec', pod, '--', ...command);
  }

  /** A new TCP connection from one of our pods: 'open', or the error's code. */
  async dials(address: string, port: number): Promise<string> {
    const [pod] = await this.pods();
    const script = `const s = require('node:net').connect({ host: '${address}', port: ${port}, timeout: 3000 });
      const end = (said) => { console.log(said); process.exit(0); };
      s.on('connect', () => end('open')); s.on('error', (e) => end(e.code)); s.on('timeout', () => end('timeout'));`;
    return (await this.exec(pod?.metadata.name ?? '', ['node', '-e', script])).trim();
  }

  /** Waits until every pod wears the label, or none does. */
  async wears(label: boolean): Promise<void> {
    await vi.waitFor(async () => {
      const worn = (await this.pods()).map(
        ({ metadata }) => metadata.labels?.['agent.kagenti.dev/signature-verified'] === 'true',
      );
      if (worn.length === 0 || !worn.every((one) => one === label))
        throw new Error(`pods wear the label: ${worn.join(', ')}`);
    }, patience);
  }
}
