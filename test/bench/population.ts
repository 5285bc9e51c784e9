import { customResources } from '../../src/operator/api/resources.ts';
/** The fleet as the API server knows it: what people would have applied, and what controllers made of it. */

import type { KubeClient } from '../../src/kube/client/client.ts';
import { type EndpointSlice, type KubeObject, type Pod, resources } from '../../src/kube/objects.ts';
import type { AgentCard } from '../../src/operator/api/agentcard.ts';
import { until } from '../cluster/until.ts';
import { type Parameters, type Part, partOf } from './parameters.ts';
import { namespaceOf, placement } from './world.ts';

export const trustDomain = 'bench.test';

/** One agent; its place in the fleet decides everything else. */
export interface Member {
  readonly index: number;
  readonly name: string;
  readonly namespace: string;
  readonly part: Part;
  /** 1. */
  readonly replicas?: number;
  /** The agents that its card lists; every verified one where it lists none. */
  readonly callers?: readonly Pick<Member, 'name' | 'namespace'>[];
}

export function members(parameters: Parameters): readonly Member[] {
  const { n, namespaces, callers } = parameters;
  const placeOf = (index: number) => ({ name: `agent-${index}`, namespace: `fleet-${index % namespaces}` });
  // Those who follow it in the fleet, so that each stands on as many lists as it has callers.
  const listedBy = (index: number) => Array.from({ length: callers }, (_, place) => placeOf((index + 1 + place) % n));
  return Array.from({ length: n }, (_, index) => {
    const list = callers === 0 ? {} : { callers: listedBy(index) };
    return { index, ...placeOf(index), part: partOf(index, parameters), ...list };
  });
}

export const spiffeId = ({ namespace, name }: Pick<Member, 'namespace' | 'name'>): string =>
  `spiffe://${trustDomain}/ns/${namespace}/sa/${name}`;

const callsAtOnce = 32;

/** Labels and Services have shorter names than workloads. */
export const appOf = ({ name }: Pick<Member, 'name'>): string => name.slice(0, 63);

export async function createFleet(client: KubeClient, fleet: readonly Member[], syncPeriod: string): Promise<void> {
  const namespaces = [...new Set(fleet.map(({ namespace }) => namespace))];
  await each(namespaces, (name) => client.create(resources.namespaces, namespaceOf(name)));
  // The card before the workload, so that none is created for it.
  await each(fleet, async (member) => {
    await client.create(customResources.agentCards, cardObject(member, syncPeriod));
    await client.create(resources.deployments, deploymentObject(member));
    await client.create(resources.services, serviceObject(member));
  });
}

/** Address of each pod → its member, once every pod stands in an EndpointSlice. */
export async function addresses(client: KubeClient, fleet: readonly Member[]): Promise<ReadonlyMap<string, Member>> {
  const byName = new Map(fleet.map((member) => [`${member.namespace}/${appOf(member)}`, member]));
  const wanted = fleet.reduce((sum, { replicas = 1 }) => sum + replicas, 0);
  let came = { size: 0, at: performance.now() };
  return until({ what: 'every pod to run', timeoutMs: 1_800_000, everyMs: 1_000 }, async () => {
    const { items } = await client.list<EndpointSlice>(resources.endpointSlices);
    const found = new Map<string, Member>();
    for (const { metadata, endpoints } of items) {
      const name = metadata.labels?.['kubernetes.io/service-name'];
      const member = byName.get(`${metadata.namespace}/${name}`);
      for (const { addresses: [address] = [] } of endpoints ?? []) {
        if (member !== undefined && address !== undefined) found.set(address, member);
      }
    }
    if (found.size >= wanted) return found;
    if (found.size !== came.size) came = { size: found.size, at: performance.now() };
    else if (performance.now() - came.at > standstillMs) throw new Error(standstill(fleet, found, wanted));
    return undefined;
  });
}

/** The controllers bring some pods each second, or have come to a stop. */
const standstillMs = 180_000;

function standstill(fleet: readonly Member[], found: ReadonlyMap<string, Member>, wanted: number): string {
  const there = new Set(found.values());
  const lacking = fleet.filter((member) => !there.has(member)).map(({ namespace, name }) => `${namespace}/${name}`);
  const some = lacking.slice(0, 3).join(', ');
  return `no pod came for ${standstillMs / 1000} s: ${found.size} of ${wanted} stand in EndpointSlices, and none of ${some}`;
}

/** Of the whole fleet, or of one member. */
export async function podsOf(client: KubeClient, member?: Member): Promise<readonly Pod[]> {
  const of =
    member === undefined
      ? { labelSelector: 'fleet=true' }
      : { namespace: member.namespace, labelSelector: `app=${appOf(member)}` };
  return (await client.list<Pod>(resources.pods, of)).items;
}

/** Takes back everything that the operator wrote, for another run on the same fleet. */
export async function resetFleet(client: KubeClient, fleet: readonly Member[], syncPeriod: string): Promise<void> {
  const namespaces = [...new Set(fleet.map(({ namespace }) => namespace))];
  await each(namespaces, async (namespace) => {
    for (const path of [
      `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies`,
      `/apis/agent.kagenti.dev/v1alpha1/namespaces/${namespace}/agentcards`,
      `/apis/events.k8s.io/v1/namespaces/${namespace}/events`,
    ]) {
      await client.request({ method: 'DELETE', path });
    }
  });
  const clean = {
    metadata: {
      labels: { 'agent.kagenti.dev/signature-verified': null },
      annotations: { 'agent.kagenti.dev/attested': null },
    },
  };
  await each(await podsOf(client), ({ metadata }) =>
    client.patch(resources.pods, `${metadata.namespace}/${metadata.name}`, clean, { type: 'merge' }),
  );
  await each(fleet, (member) => client.create(customResources.agentCards, cardObject(member, syncPeriod)));
}

/** Calls `work` for each item, some at once. */
export async function each<T>(items: readonly T[], work: (item: T) => Promise<unknown>, atOnce = callsAtOnce) {
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** A card that stands for the member's workload, by its name or by another. */
export function cardObject({ name, namespace, callers }: Member, syncPeriod: string, called = name): AgentCard {
  const list = callers === undefined ? {} : { callers: callers.map((agentCard) => ({ agentCard })) };
  return {
    apiVersion: 'agent.kagenti.dev/v1alpha1',
    kind: 'AgentCard',
    metadata: { name: called, namespace },
    spec: { targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name }, syncPeriod, ...list },
  };
}

function deploymentObject(member: Member): KubeObject {
  const { name, namespace, replicas = 1 } = member;
  const app = appOf(member);
  const container = {
    name: 'agent',
    image: 'registry.example/agent:1.0.0',
    env: [{ name: 'MODEL', value: 'none' }],
    ports: [{ containerPort: 8443, name: 'agent-tls' }],
    resources: { requests: { cpu: '10m', memory: '64Mi' } },
  };
  const template = {
    metadata: { labels: { app, fleet: 'true' } },
    spec: { ...placement, serviceAccountName: name, terminationGracePeriodSeconds: 1, containers: [container] },
  };
  const labels = { app, 'kagenti.io/type': 'agent', 'protocol.kagenti.io/a2a': '' };
  const spec = { replicas, selector: { matchLabels: { app } }, template };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace, labels }, spec } as KubeObject;
}

function serviceObject(member: Member): KubeObject {
  const app = appOf(member);
  const ports = [{ name: 'agent-tls', port: 443, targetPort: 8443 }];
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: app, namespace: member.namespace },
    spec: { selector: { app }, ports },
  } as KubeObject;
}
