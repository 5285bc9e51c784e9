import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keyOf } from '../../../../src/kube/objects.ts';
import { indexes } from '../../../../src/operator/watch/indexes.ts';
import { workloadsBy, workloadsSelecting } from '../../../../src/operator/watch/lookups.ts';
import { pairsSelect, selects } from '../../../../src/operator/workload/selector.ts';
import { cardOf, changed, deployment, labelledPod, policyOf, serviceOf, sliceOf, stores } from './stores.ts';

const name = fc.constantFrom('a', 'b', 'c');
const place = fc.constantFrom('team', 'other');
const labels = fc.dictionary(fc.constantFrom('app', 'tier'), name, { noNullPrototype: true });
const someLabels = labels.filter((pairs) => Object.keys(pairs).length > 0);

/** What is put under few names, so that it changes, moves and goes. */
function history<T>(made: fc.Arbitrary<T>) {
  return fc.array(fc.tuple(fc.constantFrom('put', 'put', 'delete'), made), { maxLength: 30 });
}

const card = fc
  .record({ card: name, namespace: place, target: name })
  .map(({ card, ...more }) => cardOf(card, more))
  .chain((made) =>
    fc.option(name).map((service) => {
      return service === null ? made : { ...made, spec: { ...made.spec, endpoint: { service } } };
    }),
  );
const policy = fc
  .record({ policy: name, chosen: labels, owner: fc.option(card) })
  .map(({ policy, chosen, owner }) => policyOf(policy, chosen, owner ?? undefined));
const made = {
  cards: card,
  policies: policy,
  services: fc.tuple(name, someLabels, place).map((parts) => serviceOf(...parts)),
  slices: fc.tuple(name, place).map((parts) => sliceOf(...parts)),
  labelledPods: fc.tuple(name, labels, place).map((parts) => labelledPod(...parts)),
};

test.each([
  ['cards', indexes.cards],
  ['policies', indexes.policies],
  ['services', indexes.services],
  ['slices', indexes.slices],
  ['labelledPods', indexes.pods],
] as const)('an index of %s finds exactly what a scan finds, whatever came, changed and went', (kind, functions) => {
  const property = fc.property(history<object>(made[kind]), (steps) => {
    const store = stores()[kind];
    for (const [step, object] of steps) store[step](changed(object as never));
    for (const [index, of] of Object.entries(functions) as [string, (object: never) => readonly string[]][]) {
      const all = [...store.values()];
      for (const value of new Set([...all.flatMap((object) => of(object as never)), 'nothing'])) {
        const scanned = all.filter((object) => of(object as never).includes(value));
        expect(store.byIndex(index, value).map(keyOf).sort()).toEqual(scanned.map(keyOf).sort());
      }
    }
  });
  fc.assert(property, { numRuns: 60 });
});

const workload = fc
  .record({ name, namespace: place, templateLabels: someLabels })
  .map(({ name: called, namespace, templateLabels }) => {
    const [pair] = Object.entries(templateLabels);
    const selector = { matchLabels: Object.fromEntries(pair === undefined ? [] : [pair]) };
    return deployment(called, { namespace, templateLabels, selector });
  });

test('the workloads that select a pod are those that trying each would find', () => {
  const property = fc.property(fc.array(workload), place, labels, (all, namespace, worn) => {
    const { deployments, caches } = stores();
    for (const each of all) deployments.put(each);
    const scanned = [...deployments.values()].flatMap(({ workload: read }) => {
      return read?.namespace === namespace && selects(read.selector, worn) ? [read.name] : [];
    });
    const found = workloadsSelecting(caches, namespace, worn).map((each) => each.name);
    expect(found.sort()).toEqual(scanned.sort());
  });
  fc.assert(property);
});

test('the workloads that a Service selects stand under the pair by which the Service is found', () => {
  const property = fc.property(fc.array(workload), place, someLabels, (all, namespace, selector) => {
    const { deployments, caches } = stores();
    for (const each of all) deployments.put(each);
    const [pair = ''] = indexes.services.pair(serviceOf('s', selector, namespace));
    const near = (pair === '' ? [] : workloadsBy(caches, 'pair', pair)).filter((each) =>
      pairsSelect(selector, each.templateLabels),
    );
    const scanned = [...deployments.values()].flatMap(({ workload: read }) => {
      return read?.namespace === namespace && pairsSelect(selector, read.templateLabels) ? [read.name] : [];
    });
    expect(near.map((each) => each.name).sort()).toEqual(scanned.sort());
  });
  fc.assert(property);
});
