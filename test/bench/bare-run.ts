import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KubeClient } from '../../src/kube/client/client.ts';
import { type KubeObject, type NetworkPolicy, resources } from '../../src/kube/objects.ts';
import { marks as everyMark } from '../../src/operator/api/marks.ts';
import { customResources } from '../../src/operator/api/resources.ts';
import { run } from '../cluster/command.ts';
import type { BareInput, BareResult } from './bare.ts';
import { programs, youngGeneration } from './operator.ts';
import type { Scene } from './phases.ts';
import { type Member, podsOf, trustDomain } from './population.ts';

type Template = BareInput['template'];

/** The writes that one verified agent brought, as the API server keeps them. */
export async function templateFrom(client: KubeClient, members: readonly Member[]): Promise<Template> {
  // Its name must stand in no other word, so that it can be replaced.
  const member = members.findLast(({ part }) => part === 'good');
  if (member === undefined) throw new Error('no agent answers');
  const { name, namespace } = member;
  const card = await client.get<KubeObject & { status?: object }>(customResources.agentCards, `${namespace}/${name}`);
  const { items } = await client.list<NetworkPolicy>(resources.networkPolicies, { namespace });
  const policy = items.find(({ metadata }) => metadata.name.startsWith(`${name}-`));
  const pod = (await podsOf(client)).find(({ metadata }) => metadata.labels?.app === name);
  if (card?.status === undefined || policy === undefined || pod === undefined) throw new Error('no verified agent');
  const { labels, ownerReferences } = policy.metadata;
  const worn = (list: object, by: Readonly<Record<string, string>> = {}) =>
    Object.fromEntries(Object.keys(list).map((mark) => [mark, by[mark]]));
  const { labels: onPod, annotations } = pod.metadata;
  const marks = {
    metadata: { labels: worn(everyMark.labels, onPod), annotations: worn(everyMark.annotations, annotations) },
  };
  const created = { ...policy, metadata: { name: policy.metadata.name, namespace, labels, ownerReferences } };
  return { name, namespace, text: JSON.stringify({ status: card.status, policy: created, marks }) };
}

const noTemplate = { name: '', namespace: '', text: '{}' };
const pacedRounds = 3;

export async function runBare(
  { parameters, world, fleet }: Scene,
  { mode, template = noTemplate }: { readonly mode: BareInput['mode']; readonly template?: Template },
): Promise<BareResult> {
  const { operator } = await fleet.tell({ kind: 'report' });
  const { api } = world;
  const input: BareInput = {
    ...{ mode, template, trustDomain, ...operator, server: api.url, caPem: api.caPem, token: api.adminToken },
    concurrency: parameters.fetchConcurrency,
    timeoutMs: parameters.fetchTimeoutSeconds * 1000,
    perSecond: parameters.n / parameters.syncPeriodSeconds,
    rounds: Math.min(pacedRounds, parameters.idlePeriods),
  };
  const file = join(world.logs, 'bare.json');
  await writeFile(file, JSON.stringify(input), { mode: 0o600 });
  // Without the operator's limit: what it holds while agents are slow is its own affair.
  return JSON.parse(await run(process.execPath, [youngGeneration, join(programs, 'bare.mjs'), file])) as BareResult;
}
