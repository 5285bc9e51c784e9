/** One namespace that does all at once that a tenant can do to a fleet, for as long as it may. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeClient } from '../../src/kube/client/client.ts';
import { type KubeObject, resources } from '../../src/kube/objects.ts';
import { refreshAnnotation } from '../../src/operator/api/labels.ts';
import { customResources } from '../../src/operator/api/resources.ts';
import { cardObject, each, type Member } from '../bench/population.ts';

export const tenantNamespace = 'tenant';
const policies = 20;
const policyPeers = 25_000;
const slices = 20;
const endpointsEach = 1_000;
const orphans = 300;
const held = 1_000;
const callsAtOnce = 4;

/** Agents that answer after 4.9 s, that show another card each time, and that say nothing. */
export function tenantMembers(from: number): readonly Member[] {
  const parts = [...Array(140).fill('tardy'), ...Array(20).fill('changing'), ...Array(60).fill('silent')];
  return parts.map((part, at) => ({ index: from + at, name: `hostile-${at}`, namespace: tenantNamespace, part }));
}

/** What it writes once. Returns what it goes on doing until the signal; a refusal of the API server stops nothing. */
export async function attack(client: KubeClient, members: readonly Member[], ports: readonly number[]) {
  const names = Array.from({ length: orphans }, (_, index) => `orphan-${index}`);
  await each(names, (name) => client.create(customResources.agentCards, orphanCard(name)));
  await each(
    Array.from({ length: policies }, (_, index) => policyObject(index)),
    (policy) => client.create(resources.networkPolicies, policy),
  );
  await each(
    Array.from({ length: slices }, (_, index) => sliceObject(index, members)),
    (slice) => client.create(resources.endpointSlices, slice),
  );
  const sockets = ports.flatMap((port) => Array.from({ length: held / ports.length }, () => hold(port)));
  return async (signal: AbortSignal) => {
    const again = async (pauseMs: number, work: (round: number) => Promise<unknown>) => {
      for (let round = 1; !signal.aborted; round++) {
        await work(round).catch(() => {});
        await sleep(pauseMs);
      }
    };
    const touch = (round: number) => ({ metadata: { annotations: { [refreshAnnotation]: String(round) } } });
    await Promise.all([
      again(500, (round) => patchAll(client, members, touch(round))),
      again(100, (round) => renameTarget(client, names[round % orphans] ?? '', round)),
      again(2_000, (round) => growPolicy(client, round)),
      again(1_000, (round) => moveEndpoints(client, members, round)),
      again(250, async () => reopen(sockets)),
    ]);
    for (const socket of sockets) socket.current.destroy();
  };
}

function patchAll(client: KubeClient, members: readonly Member[], body: object): Promise<unknown> {
  const patch = ({ name }: Member) =>
    client.patch(customResources.agentCards, `${tenantNamespace}/${name}`, body, { type: 'merge' }).catch(() => {});
  return each(members, patch, callsAtOnce);
}

/** Each time it misses another workload: an Event each time. */
function renameTarget(client: KubeClient, name: string, round: number): Promise<unknown> {
  const spec = { targetRef: { name: `missing-${round}` } };
  return client.patch(customResources.agentCards, `${tenantNamespace}/${name}`, { spec }, { type: 'merge' });
}

function growPolicy(client: KubeClient, round: number): Promise<unknown> {
  const key = `${tenantNamespace}/huge-${round % policies}`;
  return client.patch(
    resources.networkPolicies,
    key,
    { metadata: { labels: { round: String(round) } } },
    { type: 'merge' },
  );
}

function moveEndpoints(client: KubeClient, members: readonly Member[], round: number): Promise<unknown> {
  const { endpoints } = sliceObject(round % slices, members, round);
  const key = `${tenantNamespace}/bogus-${round % slices}`;
  return client.patch(resources.endpointSlices, key, { endpoints }, { type: 'merge' });
}

function orphanCard(name: string): KubeObject {
  return cardObject({ index: 0, name: 'missing', namespace: tenantNamespace, part: 'good' }, '5s', name);
}

function policyObject(index: number): KubeObject {
  const from = Array.from({ length: policyPeers }, (_, peer) => ({
    ipBlock: { cidr: `10.${peer >> 8}.${peer & 255}.0/24` },
  }));
  const metadata = { name: `huge-${index}`, namespace: tenantNamespace };
  const spec = { podSelector: {}, policyTypes: ['Ingress'], ingress: [{ from }] };
  return { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata, spec } as KubeObject;
}

/** Pods that are not there, behind the Service of one of its agents. */
function sliceObject(index: number, members: readonly Member[], round = 0) {
  const service = members[index]?.name ?? '';
  const endpoints = Array.from({ length: endpointsEach }, (_, at) => ({
    addresses: [`198.18.${64 + (at >> 8)}.${at & 255}`],
    conditions: { ready: true },
    targetRef: {
      kind: 'Pod',
      name: `ghost-${index}-${at}-${round}`,
      namespace: tenantNamespace,
      uid: `ghost-${index}-${at}-${round}`,
    },
  }));
  const labels = { 'kubernetes.io/service-name': service, 'endpointslice.kubernetes.io/managed-by': 'tenant' };
  const metadata = { name: `bogus-${index}`, namespace: tenantNamespace, labels };
  const ports = [{ name: 'agent-tls', port: 8443, protocol: 'TCP' }];
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata,
    addressType: 'IPv4' as const,
    endpoints,
    ports,
  };
}

interface Held {
  readonly port: number;
  current: Socket;
}

function hold(port: number): Held {
  const current = connect(port, '127.0.0.1');
  current.on('error', () => {});
  return { port, current };
}

function reopen(sockets: readonly Held[]): void {
  for (const socket of sockets) if (socket.current.destroyed) socket.current = hold(socket.port).current;
}
