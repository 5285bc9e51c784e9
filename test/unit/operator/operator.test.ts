import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { KubeClient } from '../../../src/kube/client/client.ts';
import type { EventRecord } from '../../../src/kube/runtime/event-recorder.ts';
import { createLogger } from '../../../src/kube/runtime/log.ts';
import { createMetrics } from '../../../src/kube/runtime/metrics.ts';
import type { AskerHooks } from '../../../src/operator/inquiry/asking/asker.ts';
import { assemble } from '../../../src/operator/operator.ts';
import { readConfig } from '../../../src/operator/settings/config.ts';
import { IdentitySource } from '../../../src/spiffe/workload-api/identity.ts';
import { fakeApi, type Step, stream } from '../kube/fake-api.ts';
import { question } from './inquiry/asking/questions.ts';
import { directAsking } from './inquiry/direct-asking.ts';
import { card, pod, replicaSet, service, slice } from './kit/builders.ts';
import { running } from './kit/running.ts';

const document = { name: 'Weather', version: '1', url: 'https://weather.test' };

/** A cluster with one agent: what it holds by plural, and the patches that came. */
async function world() {
  const agent = createServer((_, response) => void response.end(JSON.stringify(document)));
  await new Promise<void>((resolve) => agent.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => void agent.close(() => resolve())));
  const { port } = agent.address() as AddressInfo;
  const versioned = <T extends { metadata: object }>(object: T) => {
    return { ...object, metadata: { uid: 'uid', ...object.metadata, resourceVersion: '1' } };
  };
  const [slices] = [slice(['weather-0'])];
  const there = versioned({ ...pod('weather-0'), status: { podIPs: [{ ip: '127.0.0.1' }] } });
  const labels = { 'kagenti.io/type': 'agent', 'protocol.kagenti.io/a2a': '' };
  const template = { metadata: { labels: { app: 'weather' } }, spec: { serviceAccountName: 'weather' } };
  const objects: Record<string, object[]> = {
    agentcards: [versioned(card())],
    deployments: [
      versioned({
        metadata: { name: 'weather', namespace: 'team', uid: 'deployment-uid', labels },
        spec: { selector: { matchLabels: { app: 'weather' } }, template },
      }),
    ],
    services: [versioned(service)],
    endpointslices: [
      versioned({
        ...slices,
        ports: [{ name: 'http', port }],
        endpoints: slices.endpoints?.map((endpoint) => ({ ...endpoint, addresses: ['127.0.0.1'] })),
      }),
    ],
  };
  const patches: {
    readonly url: string;
    readonly body: { status?: { conditions?: { type: string; reason: string }[] } };
  }[] = [];
  const answer: Step = (response, request) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://fake');
    const plural = pathname.split('/').at(-1) ?? '';
    if (request.method === 'PATCH') {
      patches.push({ url: pathname, body: JSON.parse(request.body) });
      return void response.end(JSON.stringify({ ...versioned(card()), ...JSON.parse(request.body) }));
    }
    if (searchParams.get('watch') === '1') {
      const held = searchParams.has('labelSelector') ? [] : (objects[plural] ?? []);
      return void response.writeHead(200).write(stream(2, ...(held as never[])));
    }
    return void response.end(JSON.stringify(pathname.includes('/replicasets/') ? replicaSet : there));
  };
  const { client } = await fakeApi([answer]);
  return { client, patches };
}

/** The operator in that cluster, running; what it told, and what its asking process would tell. */
async function operate(client: KubeClient) {
  const read = readConfig(['--dns-service=kube-system/kube-dns'], {});
  if ('problems' in read) throw new Error(read.problems.join());
  const recorded: EventRecord[] = [];
  const identity = new IdentitySource({ clock: () => Date.now() });
  const metrics = createMetrics(new Registry());
  const tells = Promise.withResolvers<AskerHooks>();
  const asker = (hooks: AskerHooks) => {
    tells.resolve(hooks);
    return directAsking(identity);
  };
  const operator = assemble(read.config, {
    ...{ client, identity, asker, metrics },
    log: createLogger({ write: () => {} }),
    now: () => Date.now(),
    record: (event) => recorded.push(event),
  });
  await running(operator);
  return { recorded, registry: metrics.registry, asker: await tells.promise };
}

test('what the cluster says and what its agent answers become one status, and nothing is asked of anybody else', async () => {
  const { client, patches } = await world();
  const { recorded } = await operate(client);
  await vi.waitFor(() => expect(patches).toHaveLength(1), 10_000);
  const [patch] = patches;
  expect(patch?.url).toBe('/apis/agent.kagenti.dev/v1alpha1/namespaces/team/agentcards/weather/status');
  const reasons = patch?.body.status?.conditions?.map(({ type, reason }) => `${type} ${reason}`);
  expect(reasons).toEqual(['Ready ReadyUnverified', 'Synced SyncSucceeded', 'Enforced Off']);
  expect(patch?.body.status).toMatchObject({ card: document });
  expect(recorded.map(({ regarding, reason }) => `${regarding.kind} ${reason}`)).toEqual(['AgentCard SyncSucceeded']);
});

test('an agent that ends the asking process is named on its card, and the end is counted', async () => {
  const { client, patches } = await world();
  const { recorded, registry, asker } = await operate(client);
  await vi.waitFor(() => expect(patches).toHaveLength(1), 10_000);
  asker.onCrash('suspect', { cause: 'hang', wasUp: true, detail: 'SIGKILL' });
  for (const name of ['weather', 'gone']) asker.onCulprit(question(1, { card: `team/${name}` }));
  const told = recorded.filter(({ reason }) => reason === 'AskerEnded');
  expect(told).toMatchObject([
    { type: 'Warning', regarding: { kind: 'AgentCard', metadata: { namespace: 'team', name: 'weather' } } },
  ]);
  const counted = await registry.getSingleMetricAsString('agentcard_asker_crashes_total');
  expect(counted).toContain('{lane="suspect",cause="hang"} 1');
  expect(counted).toContain('{lane="main",cause="exit"} 0');
});
