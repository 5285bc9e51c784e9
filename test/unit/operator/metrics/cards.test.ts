import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import type { Finding } from '../../../../src/operator/inquiry/evidence.ts';
import { statusMetrics } from '../../../../src/operator/metrics/cards.ts';
import type { CachedCard } from '../../../../src/operator/watch/cached.ts';
import { answered, card, refused } from '../kit/builders.ts';

const ready = (status: 'True' | 'False', reason: string, over: object = {}): CachedCard => ({
  ...card(),
  status: { conditions: [{ type: 'Ready', status, reason, message: '', lastTransitionTime: '' }], ...over },
});

function subject(cards: readonly CachedCard[]) {
  const registry = new Registry();
  const metrics = statusMetrics(registry, {
    cards: () => cards,
    fleet: () => ({ silent: 2, heldUntil: 1 }),
    network: () => ({ state: 'refuted', says: '' }),
  });
  const lines = async (name: string) =>
    (await registry.getSingleMetricAsString(name))
      .split('\n')
      .filter((line) => !line.startsWith('#') && !line.endsWith(' 0'));
  return { metrics, lines };
}

test('cards are counted by readiness and reason, holds and policies by mode', async () => {
  const held = { heldSince: '2026-03-01T12:00:00Z', policy: { mode: 'enforce', name: 'p' } };
  const cards = [
    ready('True', 'ReadyToServe'),
    ready('True', 'ReadyToServe'),
    ready('False', 'FetchFailed', held),
    card(),
  ];
  const { lines } = subject(cards);
  expect(await lines('agentcard_cards')).toEqual([
    'agentcard_cards{ready="True",reason="ReadyToServe"} 2',
    'agentcard_cards{ready="False",reason="FetchFailed"} 1',
    'agentcard_cards{ready="Unknown",reason="Pending"} 1',
  ]);
  expect(await lines('agentcard_held_cards')).toEqual(['agentcard_held_cards 1']);
  expect(await lines('agentcard_policies')).toEqual(['agentcard_policies{mode="enforce"} 1']);
  expect(await lines('agentcard_silent_cards')).toEqual(['agentcard_silent_cards 2']);
  expect(await lines('agentcard_fleet_brake_engaged')).toEqual(['agentcard_fleet_brake_engaged 1']);
});

test('a card that changes its reason leaves no trace of the old one', async () => {
  const cards = [ready('True', 'ReadyToServe')];
  const { lines } = subject(cards);
  expect(await lines('agentcard_cards')).toHaveLength(1);
  cards[0] = ready('False', 'FetchFailed');
  expect(await lines('agentcard_cards')).toEqual(['agentcard_cards{ready="False",reason="FetchFailed"} 1']);
});

test('verifications are counted by mechanism and result', async () => {
  const { metrics, lines } = subject([]);
  const finding = ([, { facts, answer }]: ReturnType<typeof answered>): Finding => {
    if (answer === undefined) throw new Error('the pod said nothing');
    return { kind: 'answer', facts, answer };
  };
  metrics.learned('mtls', finding(answered('weather-0')));
  metrics.learned('mtls', finding(refused('weather-0', 'NoSpiffeId')));
  metrics.learned('mtls', { kind: 'stranger', chosen: false, owner: 'x', at: 1 });
  expect(await lines('agentcard_verifications_total')).toEqual([
    'agentcard_verifications_total{mechanism="mtls",result="proven"} 1',
    'agentcard_verifications_total{mechanism="mtls",result="refused"} 1',
  ]);
});

test('drift, stripped labels and a malformed list are counted', async () => {
  const { metrics, lines } = subject([]);
  for (const reason of ['CardContentChanged', 'Bound']) metrics.told(reason);
  metrics.stripped('stray', 1);
  metrics.stripped('unproven', 2);
  metrics.quarantineList(true);
  expect(await lines('agentcard_drift_total')).toEqual(['agentcard_drift_total 1']);
  expect(await lines('agentcard_labels_stripped_total')).toEqual([
    'agentcard_labels_stripped_total{why="stray"} 1',
    'agentcard_labels_stripped_total{why="unproven"} 2',
  ]);
  expect(await lines('agentcard_quarantine_list_malformed')).toEqual(['agentcard_quarantine_list_malformed 1']);
});
