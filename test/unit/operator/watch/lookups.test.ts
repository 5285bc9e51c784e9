import { expect, test } from 'vitest';
import { workloadOf, workloadsSelecting } from '../../../../src/operator/watch/lookups.ts';
import { deployment, stores } from './stores.ts';

const reference = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'weather' };

test('a workload is found by namespace, group, kind and name, whatever API version names it', () => {
  const { deployments, caches } = stores();
  deployments.put(deployment('weather'));
  expect(workloadOf(caches, 'team', reference)?.uid).toBe('team-weather');
  expect(workloadOf(caches, 'team', { ...reference, apiVersion: 'apps/v1beta2' })?.uid).toBe('team-weather');
  for (const other of [{ name: 'clock' }, { kind: 'StatefulSet' }, { kind: 'DaemonSet' }, { apiVersion: 'v1' }]) {
    expect(workloadOf(caches, 'team', { ...reference, ...other })).toBeUndefined();
  }
  expect(workloadOf(caches, 'other', reference)).toBeUndefined();
});

test('an object that lacks what its kind requires is no workload', () => {
  const { deployments, caches } = stores();
  deployments.put({ ...deployment('weather'), workload: undefined });
  expect(workloadOf(caches, 'team', reference)).toBeUndefined();
  expect(workloadsSelecting(caches, 'team', { app: 'weather' })).toEqual([]);
});

test('a workload that several pairs lead to is found once, and workloads of every kind are', () => {
  const { deployments, statefulSets, caches } = stores();
  const templateLabels = { app: 'weather', tier: 'front' };
  deployments.put(deployment('weather', { templateLabels, selector: { matchLabels: templateLabels } }));
  statefulSets.put(deployment('store', { templateLabels, selector: { matchLabels: { tier: 'front' } } }));
  const found = workloadsSelecting(caches, 'team', templateLabels);
  expect(found.map(({ name }) => name)).toEqual(['weather', 'store']);
});
