import { expect, test } from 'vitest';
import { cardChange as change } from '../../../src/discover/discover.ts';
import { card, workload } from '../reconcile/builders.ts';

type Inputs = Parameters<typeof change>;
const cardChange = (agent: Inputs[0], cards: Inputs[1]) => change(agent, cards, () => false);

const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'weather', uid: 'deployment-uid', controller: true };
const auto = card({
  metadata: {
    name: 'weather-deployment-card',
    namespace: 'team',
    uid: 'a',
    labels: { 'app.kubernetes.io/managed-by': 'agentcard-operator' },
    ownerReferences: [owner],
  },
});

test('a labelled workload without a card gets one that it owns', () => {
  const change = cardChange(workload, []);
  expect(change).toMatchObject({
    kind: 'create',
    card: {
      metadata: { name: 'weather-deployment-card', ownerReferences: [{ ...owner, blockOwnerDeletion: false }] },
      spec: { targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'weather' } },
    },
  });
});

test('a hand-written card takes the place of ours', () => {
  expect(cardChange(workload, [card()])).toBeUndefined();
  expect(cardChange(workload, [card(), auto])).toMatchObject({ kind: 'delete', card: { metadata: { uid: 'a' } } });
});

test('a created card that still owns the NetworkPolicy stays until the hand-written one has it', () => {
  const hasPolicy = ({ metadata }: typeof auto) => metadata.uid === auto.metadata.uid;
  expect(change(workload, [card(), auto], hasPolicy)).toBeUndefined();
  expect(change({ ...workload, autoCard: false }, [auto], hasPolicy)).toMatchObject({ kind: 'delete' });
  expect(change(undefined, [card(), auto], hasPolicy)).toMatchObject({ kind: 'delete' });
});

test('a hand-written card that is being deleted gives the place back', () => {
  const going = card({
    metadata: { name: 'w', namespace: 'team', uid: 'w', deletionTimestamp: '2026-01-01T00:00:00Z' },
  });
  expect(cardChange(workload, [going])).toMatchObject({ kind: 'create' });
});

test.each([
  ['opted out', { autoCard: false }],
  ['lost its type label', { labels: { 'protocol.kagenti.io/a2a': '' } }],
  ['names no protocol', { labels: { 'kagenti.io/type': 'agent' } }],
])('a workload that %s keeps no card of ours and gets none', (_, over) => {
  expect(cardChange({ ...workload, ...over }, [])).toBeUndefined();
  expect(cardChange({ ...workload, ...over }, [auto])).toMatchObject({ kind: 'delete' });
});

test('a created card in quarantine stays, whatever becomes of its workload’s labels', () => {
  const quarantined = { ...auto, spec: { ...auto.spec, quarantine: { reason: 'incident' } } };
  expect(cardChange({ ...workload, labels: {} }, [quarantined])).toBeUndefined();
  expect(cardChange(workload, [card(), quarantined])).toBeUndefined();
});

test('a card that merely looks like ours but has no owner is people’s to delete', () => {
  const orphan = card({ metadata: { ...auto.metadata, ownerReferences: [] } });
  expect(cardChange({ ...workload, autoCard: false }, [orphan])).toBeUndefined();
});
