import { expect, onTestFinished, test, vi } from 'vitest';
import type { KubeClient } from '../../../../src/kube/client/client.ts';
import { attestedAnnotation, refreshAnnotation } from '../../../../src/operator/api/labels.ts';
import { hashOf } from '../../../../src/operator/watch/cached.ts';
import { createCaches, everyCache, trimWorkload } from '../../../../src/operator/watch/caches.ts';
import { workloadKinds } from '../../../../src/operator/workload/kinds.ts';
import { fakeApi, refuse, stream } from '../../kube/fake-api.ts';
import { card, pod, service, slice } from '../kit/builders.ts';

type Scope = Parameters<typeof createCaches>[1];

const everywhere: Scope = {
  namespaces: [],
  dnsService: ['kube-system/kube-dns'],
  podNamespace: 'agents',
  enableSignatureVerification: true,
};
const cachesOf = (over: Partial<Scope> = {}) => createCaches({} as KubeClient, { ...everywhere, ...over }, () => ({}));
const namesOf = (over?: Partial<Scope>) => everyCache(cachesOf(over)).map(({ name }) => name);

test('every cache has a name of its own, and what is not watched has none', () => {
  const all = namesOf();
  expect(new Set(all).size).toBe(all.length);
  const kinds = ['deployments', 'statefulsets', 'sandboxes'];
  const always = ['agentcards', ...kinds, 'endpointslices', 'networkpolicies', 'pods', 'services'];
  const more = ['configmaps', 'configmaps-quarantine', 'namespaces', 'pods-probes'];
  expect([...all].sort()).toEqual([...always, ...more].sort());
  // Namespaces cannot be watched without a right on the whole cluster.
  const few = namesOf({ namespaces: ['team'], enableSignatureVerification: false, podNamespace: '' });
  expect([...few].sort()).toEqual(always.sort());
});

/** Starts the caches on an API server that holds these objects, by plural; tells what was asked for. */
async function started(objects: Readonly<Record<string, object>>, over: Partial<Scope> = {}) {
  const { client, requests } = await fakeApi([
    (response, request) => {
      const { url = '', query } = request;
      if (url === '/apis/agents.x-k8s.io') return refuse(404)(response, request);
      const plural = new URL(url, 'http://fake').pathname.split('/').at(-1) ?? '';
      const held = objects[plural];
      if (query.get('watch') === '1') response.writeHead(200).write(stream(9, ...((held ? [held] : []) as never[])));
    },
  ]);
  const telemetry = vi.fn(() => ({}));
  const caches = createCaches(client, { ...everywhere, ...over }, telemetry);
  const stop = new AbortController();
  const running = everyCache(caches).map(({ cache }) => cache.start(stop.signal));
  onTestFinished(async () => {
    stop.abort();
    await Promise.all(running);
  });
  await Promise.all(everyCache(caches).map(({ cache }) => cache.synced));
  const asked = requests.map(({ url }) => {
    const { pathname, searchParams } = new URL(url, 'http://fake');
    const selector = searchParams.get('labelSelector') ?? searchParams.get('fieldSelector');
    return `${pathname.replace(/^\/apis?\/(.*\/)?v1(alpha1)?\//, '')}${selector === null ? '' : ` ${selector}`}`;
  });
  return { caches, telemetry, asked: [...new Set(asked)].sort() };
}

test('in single namespaces nothing is watched outside of them but the Services of DNS and the API server', async () => {
  const { asked, telemetry } = await started({}, { namespaces: ['team'] });
  const around = ['default', 'kube-system', 'team'];
  const expected = [
    ...['agentcards', 'deployments', 'statefulsets', 'networkpolicies'].map((each) => `namespaces/team/${each}`),
    'namespaces/team/pods agent.kagenti.dev/signature-verified=true',
    'namespaces/team/configmaps agent.kagenti.dev/card=true',
    'namespaces/agents/configmaps metadata.name=agentcard-quarantine',
    // Which versions of Sandboxes are served: everybody may ask, and only a right on the cluster lets their definition be watched.
    '/apis/agents.x-k8s.io',
    'namespaces/agents/pods app.kubernetes.io/name=agentcard-network-probe,app.kubernetes.io/component=dialler',
    ...around.flatMap((each) => [`namespaces/${each}/services`, `namespaces/${each}/endpointslices`]),
  ];
  expect(asked).toEqual(expected.sort());
  expect(telemetry.mock.calls.flat()).toContain('agentcards');
});

const bulk = { 'example.org/bulk': 'x'.repeat(1000) };
const meta = { uid: 'u', resourceVersion: '1', generation: 1, labels: { app: 'weather' } };

test('everywhere, a kind that the cluster may not serve is not asked for before it is defined', async () => {
  const { asked } = await started({});
  expect(asked).toContain('customresourcedefinitions metadata.name=sandboxes.agents.x-k8s.io');
  expect(asked).not.toContain('sandboxes');
});

test('a Sandbox that was suspended before its first pod is known to be, and one that has had a pod is a workload', () => {
  const podTemplate = { metadata: { labels: { app: 'weather' } }, spec: {} };
  const read = workloadKinds.find(({ resource }) => resource.kind === 'Sandbox')?.read;
  const kept = (spec: object, status?: object) => {
    const raw = { metadata: { name: 'weather', namespace: 'team' }, spec: { podTemplate, ...spec }, status };
    return trimWorkload(raw, read?.(raw));
  };
  const suspended = { operatingMode: 'Suspended' };
  expect(kept(suspended)).toMatchObject({ workload: undefined, unborn: true });
  expect(kept({ replicas: 0 })).toMatchObject({ workload: undefined, unborn: true });
  expect(kept({})).not.toHaveProperty('unborn');
  const born = kept(suspended, { selector: 'agents.x-k8s.io/sandbox-name-hash=a' });
  expect(born).not.toHaveProperty('unborn');
  expect(born.workload?.suspended).toBe(true);
});

test('what a verdict, a dial or a policy hangs on survives the trim', async () => {
  const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'weather', uid: 'd', controller: true }];
  const going = { deletionTimestamp: '2026-03-01T12:00:00Z' };
  const status = {
    podIP: '198.19.0.1',
    podIPs: [{ ip: '198.19.0.1' }],
    containerStatuses: [{ name: 'agent', containerID: 'c1' }],
    initContainerStatuses: [{ name: 'signer', containerID: 'c0' }],
    ephemeralContainerStatuses: [{ name: 'debugger', containerID: 'c2' }],
  };
  const there = { metadata: { name: 'w', namespace: 'team', ...meta, ...going }, spec: { hostNetwork: true }, status };
  const owned = { ...card(), metadata: { ...card().metadata, ...going, ownerReferences } };
  const cluster = { metadata: { ...service.metadata, ...meta }, spec: { ...service.spec, clusterIPs: ['10.0.0.1'] } };
  const { caches } = await started({ agentcards: owned, pods: there, services: cluster });
  expect(caches.cards.get('team/weather')).toEqual(owned);
  expect(caches.labelledPods.get('team/w')).toEqual(there);
  expect(caches.services.get('team/weather')).toEqual(cluster);
});

test('objects are kept with what is read of them, and no more', async () => {
  const finalizers = ['example.org/keep'];
  const [watched, there] = [card(), pod('weather-0', { labelled: true })];
  const document = { name: 'Weather' };
  const meshed = { 'linkerd.io/inject': 'enabled' };
  const { caches } = await started({
    agentcards: {
      ...watched,
      metadata: { ...watched.metadata, finalizers, annotations: { ...bulk, [refreshAnnotation]: '1' }, selfLink: 'x' },
      status: { cardId: 'a', card: document, callers: [{ who: 'AgentCard team/menu' }] },
    },
    services: { ...service, metadata: { ...service.metadata, ...meta, annotations: bulk }, status: {} },
    endpointslices: { ...slice(['weather-0']), metadata: { ...slice([]).metadata, ...meta, annotations: bulk } },
    pods: { ...there, metadata: { ...there.metadata, resourceVersion: '1' }, spec: { ...there.spec, nodeName: 'n' } },
    namespaces: { metadata: { name: 'team', ...meta, annotations: { ...bulk, ...meshed } }, spec: { finalizers } },
    deployments: {
      metadata: { name: 'weather', namespace: 'team', ...meta, annotations: bulk },
      spec: { selector: { matchLabels: { app: 'weather' } }, template: { metadata: { labels: { app: 'weather' } } } },
    },
  });
  const kept = caches.cards.get('team/weather');
  expect(kept).toEqual({
    metadata: { ...watched.metadata, finalizers, annotations: { [refreshAnnotation]: '1' } },
    spec: watched.spec,
    status: { cardId: 'a' },
    publishedHash: '04b99dad93cd3334de1d723554b989cfb25b0ef1bce182f5f3247436a7645f57',
    callersHash: hashOf([{ who: 'AgentCard team/menu' }]),
  });
  expect(caches.services.get('team/weather')).toEqual({
    metadata: { ...service.metadata, ...meta },
    spec: service.spec,
  });
  const { metadata: _, endpoints, ...rest } = slice(['weather-0']);
  expect(caches.slices.get('team/weather-1')).toMatchObject({ ...rest, endpoints });
  expect(caches.labelledPods.get('team/weather-0')).toMatchObject({
    metadata: {
      annotations: { [attestedAnnotation]: expect.any(String) },
      ownerReferences: there.metadata.ownerReferences,
    },
    spec: { serviceAccountName: 'weather' },
    status: there.status,
  });
  expect(caches.namespaces?.get('team')).toEqual({ metadata: { name: 'team', ...meta, annotations: meshed } });
  const workload = caches.workloads.get('apps/Deployment')?.get('team/weather');
  expect(workload).toMatchObject({ workload: { name: 'weather', uid: 'u', templateLabels: { app: 'weather' } } });
  const text = [...caches.services.values(), ...caches.slices.values(), ...caches.labelledPods.values(), workload];
  expect(JSON.stringify(text)).not.toMatch(/xxxx|nodeName/);
});

test.each([
  ['a card that people sign', 1_000, true],
  ['one of a megabyte', 1_000_000, false],
])("of a signer's ConfigMap %s is kept, or read when it is needed", async (_, length, isKept) => {
  const name = 'weather-card-signed';
  const data = { 'agent-card.json': 'x'.repeat(length), other: 'y'.repeat(1_000_000) };
  const { caches } = await started({ configmaps: { metadata: { name, namespace: 'team', ...meta }, data } });
  const kept = caches.signedCards?.get(`team/${name}`);
  expect(kept?.metadata).toMatchObject({ name, uid: 'u' });
  expect(kept?.data).toEqual(isKept ? { 'agent-card.json': data['agent-card.json'] } : undefined);
});

test("another's NetworkPolicy of 1.5 MB is kept as one that is too large to judge", async () => {
  const from = Array.from({ length: 40_000 }, (_, index) => ({
    ipBlock: { cidr: `10.0.${index >> 8}.${index & 255}/32` },
  }));
  const policy = {
    metadata: { name: 'big', namespace: 'team', ...meta },
    spec: { podSelector: {}, ingress: [{ from }] },
  };
  const { caches } = await started({ networkpolicies: policy });
  const kept = caches.policies.get('team/big');
  expect(kept?.tooLarge).toBe(true);
  expect(JSON.stringify(kept).length).toBeLessThan(1_000);
});

test('a card is kept as it is now, however deep what somebody wrote into its status', async () => {
  const depth = 20_000;
  const status = JSON.parse(`{"card":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}}`);
  const watched = { ...card({ status }), spec: { ...card().spec, quarantine: { reason: 'drill' } } };
  const { caches } = await started({ agentcards: watched });
  expect(caches.cards.get('team/weather')).toMatchObject({
    spec: { quarantine: { reason: 'drill' } },
    publishedHash: '',
  });
});

test('of no object more is kept than some kilobytes of labels, selectors and references', async () => {
  const labels = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`x-${index}`, 'y'.repeat(50)]));
  const metadata = { name: 'weather', namespace: 'team', uid: 'u', resourceVersion: '1', labels };
  const template = { metadata: { labels } };
  const targetRef = { kind: 'Pod', name: 'n'.repeat(1_000_000), uid: 'u' };
  const { caches } = await started({
    agentcards: { ...card(), metadata: { ...card().metadata, labels } },
    services: { ...service, metadata, spec: { selector: labels, ports: [] } },
    endpointslices: { metadata, addressType: 'IPv4', endpoints: [{ addresses: ['198.19.0.1'], targetRef }] },
    networkpolicies: { metadata, spec: { podSelector: { matchLabels: labels } } },
    deployments: { metadata, spec: { selector: { matchLabels: { app: 'weather' } }, template } },
    pods: { ...pod('weather-0', { labelled: true }), metadata },
    namespaces: { metadata: { name: 'weather', uid: 'u', resourceVersion: '1', labels } },
  });
  const { cards, services, slices, policies, labelledPods, namespaces, workloads } = caches;
  const named = [cards, services, slices, policies, workloads.get('apps/Deployment')];
  const kept = [
    ...named.map((cache) => cache?.get('team/weather')),
    labelledPods.get('team/weather'),
    namespaces?.get('weather'),
  ];
  for (const object of kept) expect(object?.metadata.name).toBe('weather');
  for (const object of kept) expect(JSON.stringify(object).length).toBeLessThan(20_000);
});
