/** One change among all agents at rest, and how soon the API server shows what followed from it. */

import { type Pod, resources } from '../../src/kube/objects.ts';
import { refreshAnnotation, verifiedLabel } from '../../src/operator/api/labels.ts';
import { customResources } from '../../src/operator/api/resources.ts';
import { until } from '../cluster/until.ts';
import type { CardWatch } from './observer.ts';
import type { Scene } from './phases.ts';
import { type Member, podsOf } from './population.ts';
import type { Probe } from './report.ts';

const repetitions = 5;
const soon = (what: string) => ({ what, timeoutMs: 60_000, everyMs: 5 });

export async function probe(scene: Scene, watch: CardWatch): Promise<readonly Probe[]> {
  const good = scene.members.filter(({ part }) => part === 'good');
  // Each change on agents that no other change has touched; of a handful there are fewer.
  const each = Math.min(repetitions, Math.floor(good.length / 3));
  const others = scene.members.filter(({ part }) => part === 'silent' || part === 'lying').slice(0, repetitions);
  const pods = await podsOf(scene.world.client);
  const results = [
    await repeat('a quarantine', good.slice(0, each), (member) => quarantine(scene, watch, member)),
    await repeat('a replaced pod', good.slice(2 * each, 3 * each), (member) => replacePod(scene, member)),
    await repeat('a changed card', good.slice(each, 2 * each), (member) => changeCard(scene, watch, member)),
  ];
  const forged = (member: Member) =>
    forge(
      scene,
      pods.find(({ metadata }) => metadata.labels?.app === member.name),
    );
  if (others.length > 0) results.push(await repeat('a forged label', others, forged));
  return results;
}

/** `run` may say when its change was there to be seen, if that was later than its call. */
async function repeat(
  name: string,
  on: readonly Member[],
  run: (member: Member) => Promise<number | undefined>,
): Promise<Probe> {
  const times: number[] = [];
  for (const member of on) {
    const called = performance.now();
    const begin = (await run(member)) ?? called;
    times.push(performance.now() - begin);
  }
  times.sort((a, b) => a - b);
  return { name, medianMs: times[Math.floor(times.length / 2)] ?? NaN, maxMs: times.at(-1) ?? NaN };
}

const keyOf = ({ namespace, name }: { readonly namespace?: string; readonly name: string }) => `${namespace}/${name}`;

async function quarantine({ world }: Scene, watch: CardWatch, member: Member): Promise<undefined> {
  const key = keyOf(member);
  const spec = { quarantine: { reason: 'benchmark' } };
  await world.client.patch(customResources.agentCards, key, { spec }, { type: 'merge' });
  await until(soon('the quarantine'), async () => watch.says(key, 'Ready') === 'False Quarantined' || undefined);
}

async function changeCard(scene: Scene, watch: CardWatch, member: Member): Promise<undefined> {
  const key = keyOf(member);
  const before = watch.cardId(key);
  const at = [...scene.byAddress].filter(([, { index }]) => index === member.index).map(([address]) => address);
  await scene.fleet.tell({ kind: 'change', addresses: at, version: 2 });
  const annotations = { [refreshAnnotation]: 'now' };
  await scene.world.client.patch(customResources.agentCards, key, { metadata: { annotations } }, { type: 'merge' });
  await until(soon('the changed card'), async () => watch.cardId(key) !== before || undefined);
}

/** From the new pod's address to its label. */
async function replacePod({ world, fleet, parameters }: Scene, member: Member): Promise<number> {
  const [old] = await podsOf(world.client, member);
  if (old?.status?.podIP === undefined) throw new Error(`${member.name} has no pod`);
  await fleet.tell({ kind: 'moves', member, from: old.status.podIP });
  await world.client.delete(resources.pods, keyOf(old.metadata));
  let begin: number | undefined;
  const address = await until(soon('the label of the new pod'), async () => {
    const fresh = (await podsOf(world.client, member)).find(({ metadata }) => metadata.uid !== old.metadata.uid);
    if (fresh?.status?.podIP !== undefined) begin ??= performance.now();
    return fresh?.metadata.labels?.[verifiedLabel] === 'true' ? fresh.status?.podIP : undefined;
  });
  await fleet.tell({ kind: 'members', members: [[address, member]], cardBytes: parameters.cardBytes });
  return begin ?? Number.NaN;
}

async function forge({ world }: Scene, pod: Pod | undefined): Promise<undefined> {
  if (pod === undefined) throw new Error('the fleet lacks a pod');
  const key = keyOf(pod.metadata);
  const label = (value: string | null) => ({ metadata: { labels: { [verifiedLabel]: value } } });
  await world.client.patch(resources.pods, key, label('true'), { type: 'merge' });
  await until(soon('the forged label to go'), async () => {
    const now = await world.client.get<Pod>(resources.pods, key);
    return now?.metadata.labels?.[verifiedLabel] === undefined || undefined;
  });
}
