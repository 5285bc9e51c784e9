import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LabelSelector } from '../../../../src/kube/objects.ts';
import { chosenBesides, labelledPodsOf, objectOf, workloadsSelecting } from '../../../../src/operator/watch/lookups.ts';
import { maySelect, selects } from '../../../../src/operator/workload/selector.ts';
import { deployment, labelledPod, stores } from './stores.ts';

const reference = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'weather' };

test('a workload is found by namespace, group, kind and name, whatever API version names it', () => {
  const { deployments, caches } = stores();
  deployments.put(deployment('weather'));
  expect(objectOf(caches, 'team', reference)?.workload?.uid).toBe('team-weather');
  expect(objectOf(caches, 'team', { ...reference, apiVersion: 'apps/v1beta2' })?.workload?.uid).toBe('team-weather');
  for (const other of [{ name: 'clock' }, { kind: 'StatefulSet' }, { kind: 'DaemonSet' }, { apiVersion: 'v1' }]) {
    expect(objectOf(caches, 'team', { ...reference, ...other })).toBeUndefined();
  }
  expect(objectOf(caches, 'other', reference)).toBeUndefined();
});

test('an object that lacks what its kind requires is no workload', () => {
  const { deployments, caches } = stores();
  deployments.put({ ...deployment('weather'), workload: undefined });
  expect(objectOf(caches, 'team', reference)?.workload).toBeUndefined();
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

const name = fc.constantFrom('app', 'tier', 'constructor', 'pod-template-hash');
const value = fc.constantFrom('a', 'b');
const labels = fc.dictionary(name, value, { maxKeys: 3 });
const expression = fc.record({
  key: name,
  operator: fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist'),
  values: fc.array(value, { minLength: 1, maxLength: 2 }),
});
const selector: fc.Arbitrary<LabelSelector> = fc.record(
  { matchLabels: labels, matchExpressions: fc.array(expression, { maxLength: 2 }) },
  { requiredKeys: [] },
);

test('workloads are found by any selector that chooses, and whom a selector chooses besides is found by any labels', () => {
  const workload = fc.record({ templateLabels: labels, selector });
  fc.assert(
    fc.property(fc.array(workload, { maxLength: 4 }), labels, selector, (all, worn, asked) => {
      const { deployments, caches } = stores();
      const put = all.map((over, index) => deployment(`w${index}`, over));
      for (const one of put) deployments.put(one);
      const named = (fits: (one: (typeof all)[number]) => boolean) =>
        all.flatMap((one, index) => (fits(one) ? [`w${index}`] : []));
      const found = workloadsSelecting(caches, 'team', worn).map((one) => one.name);
      expect(found.sort()).toEqual(named((one) => selects(one.selector, worn)));
      const besides = chosenBesides(caches, asked, { namespace: 'team', uid: 'team-w0' });
      const others = named(({ templateLabels }) => maySelect(asked, templateLabels)).filter((one) => one !== 'w0');
      expect(besides).toEqual(others.map((one) => `Deployment ${one}`));
    }),
    { numRuns: 500 },
  );
});

test('labelled pods are found by any selector that chooses them', () => {
  fc.assert(
    fc.property(fc.array(labels, { maxLength: 4 }), selector, (worn, asked) => {
      const { labelledPods, caches } = stores();
      for (const [index, each] of worn.entries()) labelledPods.put(labelledPod(`p${index}`, each));
      const found = labelledPodsOf(caches, { namespace: 'team', selector: asked }).map(({ metadata }) => metadata.name);
      const all = [...labelledPods.values()].filter(({ metadata }) => selects(asked, metadata.labels ?? {}));
      expect(found.sort()).toEqual(all.map(({ metadata }) => metadata.name).sort());
    }),
    { numRuns: 2_000 },
  );
});

test('a labelled pod that is known to be of another workload is chosen besides', () => {
  const { deployments, labelledPods, caches } = stores();
  const weather = deployment('weather', { selector: { matchLabels: { tier: 'front' } } });
  deployments.put(weather);
  labelledPods.put(labelledPod('own', { app: 'weather', tier: 'front' }));
  labelledPods.put(labelledPod('far', { app: 'clock', tier: 'back' }));
  labelledPods.put(labelledPod('other', { app: 'clock', tier: 'front' }));
  const besides = chosenBesides(caches, { matchLabels: { tier: 'front' } }, { namespace: 'team', ...weather.workload });
  expect(besides).toEqual(['pod other']);
});
