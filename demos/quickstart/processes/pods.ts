/** What a kubelet and a runtime do besides what kwok does: while a pod has an address, its program runs behind it. */
import { basename, join } from 'node:path';
import type { KubeClient } from '../../../src/kube/client/client.ts';
import { type KubeObject, type Pod, resources } from '../../../src/kube/objects.ts';
import { Informer } from '../../../src/kube/watch/informer.ts';
import type { Insider } from '../../../test/cluster/insider.ts';
import type { Places } from '../../../test/cluster/state.ts';
import type { FakeWorkloadApi } from '../../../test/pki/fake-workload-api.ts';
import { operatorImage, pythonAgentImage, sdkAgentImage } from '../../agents/image-names.ts';
import { workloadApiOf } from './authority.ts';

/** Where the programs lie that were bundled before the start. */
export const programsOf = ({ root }: Places) => join(root, 'programs');

/** Programs of the images, and their sources. */
export const sources = {
  'agentcard-operator': 'src/operator/main.ts',
  'agentcard-asker': 'src/operator/inquiry/asking/asker-main.ts',
  'sdk-agent': 'demos/agents/sdk-agent.ts',
  'test-tls-agent': 'src/agent/test-tls-agent.ts',
} as const;

interface Container {
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
}

/** What each image brings along. Python is not asked of this machine: for the agent on it an own one stands, which takes no arguments. */
const images: Readonly<Record<string, Partial<Container>>> = {
  [operatorImage]: { command: ['node', '/app/agentcard-operator.mjs'] },
  [sdkAgentImage]: {},
  [pythonAgentImage]: {
    command: ['node', '/app/test-tls-agent.mjs'],
    args: [],
    env: [
      { name: 'AGENT_NAME', value: 'Notes' },
      { name: 'HTTP_PORT', value: '8000' },
    ],
  },
};

/** Follows the pods until this process ends. */
export async function runPods(client: KubeClient, insider: Insider): Promise<void> {
  const running = new Map<string, FakeWorkloadApi | undefined>();
  const stop = async ({ metadata: { name, uid = '' } }: KubeObject) => {
    if (!running.has(uid)) return;
    await insider.crew.stop(name);
    running.get(uid)?.stop();
    running.delete(uid);
  };
  const follow = async (pod: Pod) => {
    const { uid = '', deletionTimestamp } = pod.metadata;
    if (deletionTimestamp !== undefined) return stop(pod);
    const [container] = (pod.spec?.containers ?? []) as unknown as readonly Container[];
    if (running.has(uid) || pod.status?.podIP === undefined || container === undefined) return;
    if (images[container.image] !== undefined) running.set(uid, await startProgram(pod, container, insider));
  };
  // One after the other, so that a pod's end follows its start.
  let turn = Promise.resolve();
  const enqueue = (work: () => Promise<void>) => {
    turn = turn.then(work).catch((error: unknown) => console.error(error));
  };
  const informer = new Informer<Pod>({ client, resource: resources.pods });
  informer.onEvent({
    add: (pod) => enqueue(() => follow(pod)),
    update: (_old, pod) => enqueue(() => follow(pod)),
    remove: (pod) => enqueue(() => stop(pod)),
  });
  void informer.start(new AbortController().signal);
  await informer.synced;
}

/** Returns the Workload API of a pod that wants one. */
async function startProgram(pod: Pod, container: Container, insider: Insider): Promise<FakeWorkloadApi | undefined> {
  const { namespace = '', name } = pod.metadata;
  const image = images[container.image] ?? {};
  const [, file = '', ...rest] = container.command ?? image.command ?? [];
  const env = Object.fromEntries(
    [...(image.env ?? []), ...(container.env ?? [])].map(({ name, value = '' }) => [name, value]),
  );
  const account = pod.spec?.serviceAccountName ?? 'default';
  const api = env.SPIFFE_ENDPOINT_SOCKET === undefined ? undefined : await workloadApiOf(namespace, account);
  const program = join(programsOf(insider.at), basename(file));
  await insider.crew.start({
    name,
    command: process.execPath,
    args: [
      ...['--import', join(import.meta.dirname, 'pod-address.ts'), program],
      ...rest,
      ...(image.args ?? container.args ?? []),
    ],
    logs: insider.at.log,
    env: {
      ...env,
      ...{ PATH: process.env.PATH, POD_NAME: name, POD_NAMESPACE: namespace, POD_IP: pod.status?.podIP },
      ...{ KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(insider.plan.port) },
      ...(api && { SPIFFE_ENDPOINT_SOCKET: api.address }),
    },
  });
  return api;
}
