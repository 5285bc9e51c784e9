import { expect, test } from 'vitest';
import type { ConfigMap } from '../../../../src/kube/objects.ts';
import { noEvidence } from '../../../../src/operator/inquiry/evidence.ts';
import { unproven } from '../../../../src/operator/network/proof.ts';
import { observe, type Sources } from '../../../../src/operator/reconcile/observe.ts';
import { cardOf, changed, deployment, labelledPod, policyOf, serviceOf, sliceOf, stores } from '../watch/stores.ts';

/** One agent and everything around it, some of it somebody else's. */
function world() {
  const fed = stores();
  const card = cardOf('weather');
  fed.cards.put(card);
  fed.deployments.put(deployment('weather'));
  fed.namespaces.put(changed({ metadata: { name: 'team', uid: 'team', labels: { stage: 'test' } } }));
  const config = { podNamespace: 'agents', dnsService: ['kube-system/kube-dns'] };
  const quarantineList = { entries: [{ cardId: 'x', reason: 'r' }], isPartial: false };
  const knowledge = { evidence: noEvidence, fleetHeldUntil: 7, openedAt: 6, quarantineList };
  const sources: Sources = { caches: fed.caches, config, ...knowledge, listedBefore: () => [], network: unproven };
  return { ...fed, card, sources, observed: () => observe('team/weather', sources) };
}

const going = { deletionTimestamp: '2026-03-01T12:00:00Z' };
const names = (objects: readonly { readonly metadata: { readonly name: string } }[] = []) =>
  objects.map(({ metadata }) => metadata.name).sort();

test('a card that is not there, or is going alone or with its namespace, is not observed', () => {
  const { cards, card, namespaces, sources, observed } = world();
  expect(observe('team/other', sources)).toBeUndefined();
  expect(observed()).toBeDefined();
  namespaces.put(changed({ metadata: { name: 'team', uid: 'team', ...going } }));
  expect(observed()).toBeUndefined();
  namespaces.put(changed({ metadata: { name: 'team', uid: 'team' } }));
  cards.put(changed(card, going));
  expect(observed()).toBeUndefined();
});

test('where namespaces are not watched, a card is observed without their labels', () => {
  const { sources } = world();
  const caches = { ...sources.caches, namespaces: undefined };
  expect(observe('team/weather', { ...sources, caches })?.namespaceLabels).toEqual({});
});

test('what is known beside the caches is handed on as it is', () => {
  const { sources, observed } = world();
  const { evidence, fleetHeldUntil, openedAt, quarantineList } = sources;
  expect(observed()).toMatchObject({
    evidence,
    fleetHeldUntil,
    openedAt,
    quarantineList,
    namespaceLabels: { stage: 'test' },
  });
});

test('siblings are the other cards of the workload that stay', () => {
  const { cards, observed } = world();
  cards.put(cardOf('twin', { target: 'weather' }));
  cards.put(changed(cardOf('leaving', { target: 'weather' }), going));
  cards.put(cardOf('clock'));
  cards.put(cardOf('far', { target: 'weather', namespace: 'other' }));
  expect(names(observed()?.siblings)).toEqual(['twin']);
});

test('another agent is found by the key of its card, while that stays', () => {
  const { cards, deployments, observed } = world();
  const named = (key: string) => observed()?.agentNamed(key);
  expect(named('far/clock')).toBeUndefined();
  cards.put(cardOf('clock', { namespace: 'far' }));
  expect(named('far/clock')).toMatchObject({
    card: { metadata: { name: 'clock' } },
    siblings: [],
    workload: undefined,
  });
  deployments.put(deployment('clock', { namespace: 'far', serviceAccount: 'tick' }));
  cards.put(cardOf('twin', { namespace: 'far', target: 'clock' }));
  expect(named('far/twin')).toMatchObject({ workload: { serviceAccount: 'tick' }, siblings: [{}] });
  cards.put(changed(cardOf('clock', { namespace: 'far' }), going));
  expect(named('far/clock')).toBeUndefined();
});

test('a card that another stands in for sees that one and a quarantine, and that one sees them all', () => {
  const { cards, sources, observed } = world();
  for (const name of ['anna', 'bert', 'carl']) cards.put(cardOf(name, { target: 'weather' }));
  expect(names(observed()?.siblings)).toEqual(['anna']);
  expect(names(observe('team/anna', sources)?.siblings)).toEqual(['bert', 'carl', 'weather']);
  const carl = cardOf('carl', { target: 'weather', generation: 2 });
  cards.put({ ...carl, spec: { ...carl.spec, quarantine: { reason: 'incident' } } });
  expect(names(observed()?.siblings)).toEqual(['anna', 'carl']);
});

test('a Service is a candidate by its name, by what it selects, or because the card names it', () => {
  const { cards, card, services, slices, observed } = world();
  const all = [serviceOf('weather'), serviceOf('door'), serviceOf('selecting', { app: 'weather' })];
  const others = [serviceOf('stricter', { app: 'weather', tier: 'a' }), serviceOf('weather', {}, 'other')];
  for (const service of [...all, ...others]) services.put(service);
  expect(names(observed()?.services)).toEqual(['selecting', 'weather']);
  cards.put(changed({ ...card, spec: { ...card.spec, endpoint: { service: 'door' } } }));
  expect(names(observed()?.services)).toEqual(['door', 'selecting', 'weather']);
  slices.put(sliceOf('door'));
  slices.put(sliceOf('weather', 'other'));
  expect([names(observed()?.slicesOf('door')), names(observed()?.slicesOf('weather'))]).toEqual([['door-1'], []]);
});

test("labelled pods are those that the workload's selector chooses, with pairs or without", () => {
  const { deployments, labelledPods, observed } = world();
  labelledPods.put(labelledPod('own', { app: 'weather', tier: 'front' }));
  labelledPods.put(labelledPod('foreign', { app: 'clock', tier: 'front' }));
  labelledPods.put(labelledPod('far', { app: 'weather' }, 'other'));
  expect(names(observed()?.labelledPods)).toEqual(['own']);
  deployments.put(deployment('weather', { selector: { matchLabels: { app: 'weather', tier: 'back' } } }));
  expect(names(observed()?.labelledPods)).toEqual([]);
  const expression = { key: 'tier', operator: 'In', values: ['front'] };
  deployments.put(deployment('weather', { selector: { matchExpressions: [expression] } }));
  expect(names(observed()?.labelledPods)).toEqual(['own']);
});

test('a labelled pod that the selector chooses is of the workload, of another one, or of nobody knows whom yet', () => {
  const { labelledPods, observed } = world();
  const ownedBy = (name: string, kind: string, uid: string) => {
    const pod = labelledPod(name, { app: 'weather' });
    const ownerReferences = [{ apiVersion: 'apps/v1', kind, name: 'x', uid, controller: true }];
    labelledPods.put({ ...pod, metadata: { ...pod.metadata, ownerReferences } });
  };
  ownedBy('own', 'ReplicaSet', 'team-weather-rs');
  ownedBy('unread', 'ReplicaSet', 'not-read-yet');
  ownedBy('of-another', 'ReplicaSet', 'team-clock-rs');
  ownedBy('forged', 'Deployment', 'team-weather');
  ownedBy('forged-too', 'StatefulSet', 'team-weather');
  expect(names(observed()?.labelledPods)).toEqual(['own', 'unread']);
  expect([...(observed()?.unsure ?? [])]).toEqual(['unread-uid']);
});

test('policies are ours by the card that owns them, foreign where none or another card does, and a namesake by its name', () => {
  const { policies, card, observed } = world();
  policies.put(policyOf('own', {}, card));
  policies.put(policyOf('of-another', { app: 'weather' }, cardOf('clock')));
  policies.put(policyOf('of-another-alone', { app: 'clock' }, cardOf('clock')));
  policies.put(policyOf('foreign', {}));
  expect(observed()?.namesake).toBeUndefined();
  policies.put(policyOf('weather-signature-policy', {}));
  const seen = observed();
  expect([names(seen?.ownPolicies), names(seen?.foreignPolicies)]).toEqual([
    ['own'],
    ['foreign', 'of-another', 'weather-signature-policy'],
  ]);
  expect(seen?.namesake?.metadata.name).toBe('weather-signature-policy');
});

test("the signer's ConfigMap is seen by its version, which each change moves", () => {
  const { signedCards, observed } = world();
  const held = changed<ConfigMap>({ metadata: { name: 'weather-card-signed', namespace: 'team', uid: 'u' } });
  expect(observed()?.signedCardVersion).toBeUndefined();
  signedCards.put(held);
  expect(observed()?.signedCardVersion).toBe(`u ${held.metadata.resourceVersion}`);
  const before = observed()?.signedCardVersion;
  signedCards.put(changed(held));
  expect(observed()?.signedCardVersion).not.toBe(before);
});

test('a card without a workload sees nothing that a workload leads to', () => {
  const { cards, card, services, labelledPods, observed } = world();
  services.put(serviceOf('weather', { app: 'weather' }));
  labelledPods.put(labelledPod('own', { app: 'weather' }));
  const nothing = { workload: undefined, services: [], labelledPods: [], signedCardVersion: undefined };
  const { targetRef, ...spec } = card.spec;
  cards.put(
    changed({
      ...card,
      spec: { ...card.spec, targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'gone' } },
    }),
  );
  expect(observed()).toMatchObject(nothing);
  cards.put(changed({ ...card, spec }));
  expect(observed()).toMatchObject({ ...nothing, siblings: [] });
});

test("the cluster's part of every policy is our own place, the API server and the DNS Services that are there", () => {
  const { services, slices, observed } = world();
  expect(observed()?.cluster.dns).toEqual([]);
  const ports = [{ port: 53, protocol: 'UDP' }];
  services.put({ ...serviceOf('kube-dns', {}, 'kube-system'), spec: { selector: { k8s: 'dns' }, ports } });
  services.put({
    ...serviceOf('kubernetes', {}, 'default'),
    spec: { clusterIPs: ['10.0.0.1'], ports: [{ port: 443 }] },
  });
  const endpoints = [{ addresses: ['192.0.2.1'] }];
  const own = sliceOf('kubernetes', 'default');
  slices.put({ ...own, metadata: { ...own.metadata, name: 'kubernetes' }, endpoints, ports: [{ port: 6443 }] });
  slices.put({ ...own, endpoints: [{ addresses: ['203.0.113.9'] }], ports: [{ port: 22 }] });
  expect(observed()?.cluster).toEqual({
    operatorNamespace: 'agents',
    apiServer: [
      { addresses: ['10.0.0.1'], ports: [443] },
      { addresses: ['192.0.2.1'], ports: [6443] },
    ],
    dns: [{ namespace: 'kube-system', podLabels: { k8s: 'dns' }, ports }],
  });
});
