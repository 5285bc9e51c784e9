import { expect, vi } from 'vitest';
import { type KubeObject, keyOf, type Pod } from '../../../src/kube/objects.ts';
import type { AgentCard } from '../../../src/operator/api/agentcard.ts';
import { operatorNamespace, patience, type World } from './world.ts';

const operatorPods = ['-n', operatorNamespace, '-l', 'app.kubernetes.io/name=agentcard-operator'];

/** Does something that must change nothing: no status, no NetworkPolicy, no label is written. */
export async function calmly(world: World, act: () => Promise<void>): Promise<void> {
  await settled(world);
  const before = { statuses: await statuses(world), writes: await world.writes() };
  await act();
  // The statuses first: their difference says what happened; the writes then find what was written to and fro.
  expect(await statuses(world)).toEqual(before.statuses);
  expect(await world.writes()).toEqual(before.writes);
}

/** Until nobody's card has anything to be written any more, whichever test left it. */
export async function settled(world: World): Promise<void> {
  await nothingIsLeaving(world);
  await nothingIsPutOff(world);
}

/** Cards of a namespace that is going lose their pods, and with them their trust, one by one. */
async function nothingIsLeaving(world: World): Promise<void> {
  await vi.waitFor(async () => {
    const { items } = await world.json<{ items: KubeObject[] }>('get', 'namespaces');
    const leaving = items.filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
    expect(leaving.map(({ metadata }) => metadata.name)).toEqual([]);
  }, patience);
}

/** What changes no verdict, such as the words of a refusal, is written a second after the last of it at the latest. */
async function nothingIsPutOff(world: World): Promise<void> {
  let last: unknown;
  await vi.waitFor(
    async () => {
      const [before, now] = [last, await statuses(world)];
      last = now;
      expect(now).toEqual(before);
    },
    { ...patience, interval: 1_200 },
  );
}

async function statuses(world: World): Promise<Readonly<Record<string, unknown>>> {
  const { items } = await world.json<{ items: AgentCard[] }>('get', 'agentcards', '--all-namespaces');
  return Object.fromEntries(items.map((card) => [keyOf(card), card.status]));
}

/** Ends the operator's pods; returns once another one has put `asks` questions to agents. */
export async function restartOperator(world: World, asks: number): Promise<void> {
  await world.kubectl('delete', 'pod', ...operatorPods, '--wait=false');
  await vi.waitFor(async () => {
    expect(await asked(world)).toBeGreaterThanOrEqual(asks);
    expect(await metric(world, 'workqueue_depth', 'controller="agentcard"')).toBe(0);
  }, patience);
}

/** How many questions the running operator has put to agents, whatever came of them. */
export function asked(world: World): Promise<number> {
  return metric(world, 'agentcard_fetches_total', '');
}

/** The same of one replica. */
export async function askedBy(world: World, pod: string): Promise<number> {
  return sumIn(await scrape(world, pod), { name: 'agentcard_fetches_total', labels: '' });
}

/** The sum of a metric over all replicas and all its series whose labels contain the text. */
async function metric(world: World, name: string, labels: string): Promise<number> {
  const sums = (await scrapes(world)).map((text) => sumIn(text, { name, labels }));
  return sums.reduce((sum, each) => sum + each, 0);
}

/** What /metrics of each running replica says. */
export async function scrapes(world: World): Promise<readonly string[]> {
  const { items } = await world.json<{ items: Pod[] }>('get', 'pods', ...operatorPods);
  const running = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return Promise.all(running.map(({ metadata }) => scrape(world, metadata.name)));
}

function scrape(world: World, pod: string): Promise<string> {
  return world.kubectl('get', '--raw', `/api/v1/namespaces/${operatorNamespace}/pods/${pod}:8080/proxy/metrics`);
}

/** Of all series of a metric whose labels contain the text. */
export function sumIn(text: string, { name, labels }: { name: string; labels: string }): number {
  const series = [...text.matchAll(new RegExp(`^${name}\\{(.*)\\} (\\d+)$`, 'gm'))];
  if (series.length === 0) throw new Error(`there is no metric ${name}`);
  return series.reduce((sum, [, own = '', value]) => sum + (own.includes(labels) ? Number(value) : 0), 0);
}
