import { expect, vi } from 'vitest';
import type { Pod } from '../../../src/kube/objects.ts';
import { operatorNamespace, patience, type World } from './world.ts';

const operatorPods = ['-n', operatorNamespace, '-l', 'app.kubernetes.io/name=agentcard-operator'];

/** Does something that must change nothing: no status, no NetworkPolicy, no label is written. */
export async function calmly(world: World, act: () => Promise<void>): Promise<void> {
  const before = await world.writes();
  await act();
  expect(await world.writes()).toEqual(before);
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

/** The sum of a metric over all its series whose labels contain the text. */
async function metric(world: World, name: string, labels: string): Promise<number> {
  const { items } = await world.json<{ items: Pod[] }>('get', 'pods', ...operatorPods);
  const running = items.find(({ metadata }) => metadata.deletionTimestamp === undefined);
  const path = `/api/v1/namespaces/${operatorNamespace}/pods/${running?.metadata.name}:8080/proxy/metrics`;
  const text = await world.kubectl('get', '--raw', path);
  const series = [...text.matchAll(new RegExp(`^${name}\\{(.*)\\} (\\d+)$`, 'gm'))];
  if (series.length === 0) throw new Error(`there is no metric ${name}`);
  return series.reduce((sum, [, own = '', value]) => sum + (own.includes(labels) ? Number(value) : 0), 0);
}
