import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { type CardEvidence, type Finding, noEvidence } from '../../../../src/operator/inquiry/evidence.ts';
import { statusMetrics } from '../../../../src/operator/metrics/cards.ts';
import type { CachedCard } from '../../../../src/operator/watch/cached.ts';
import { answered, card, evidence, minute, now, refused, silent } from '../kit/builders.ts';

const ready = (status: 'True' | 'False', reason: string, over: object = {}): CachedCard => ({
  ...card(),
  status: { conditions: [{ type: 'Ready', status, reason, message: '', lastTransitionTime: '' }], ...over },
});

function subject(cards: readonly CachedCard[], evidenceOf: (card: string) => CardEvidence = () => noEvidence) {
  const registry = new Registry();
  const fleet = () => ({ silent: 2, heldUntil: 1 });
  const network = () => ({ state: 'refuted', says: '' }) as const;
  const metrics = statusMetrics(registry, { cards: () => cards, fleet, network, evidenceOf, now: () => now });
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
    'agentcard_cards{namespace="team",ready="True",reason="ReadyToServe"} 2',
    'agentcard_cards{namespace="team",ready="False",reason="FetchFailed"} 1',
    'agentcard_cards{namespace="team",ready="Unknown",reason="Pending"} 1',
  ]);
  expect(await lines('agentcard_held_cards')).toEqual(['agentcard_held_cards 1']);
  expect(await lines('agentcard_policies')).toEqual(['agentcard_policies{mode="enforce"} 1']);
  expect(await lines('agentcard_silent_cards')).toEqual(['agentcard_silent_cards 2']);
  expect(await lines('agentcard_fleet_brake_engaged')).toEqual(['agentcard_fleet_brake_engaged 1']);
});

test('cards are counted by what the network enforces, and namespaces told apart', async () => {
  const enforced = (namespace: string, reason: string): CachedCard => ({
    ...card({ metadata: { name: 'x', namespace } }),
    status: { conditions: [{ type: 'Enforced', status: 'False', reason, message: '', lastTransitionTime: '' }] },
  });
  const { lines } = subject([enforced('a', 'Weakened'), enforced('b', 'Weakened'), enforced('b', 'Off')]);
  expect(await lines('agentcard_enforced_cards')).toEqual([
    'agentcard_enforced_cards{namespace="a",enforced="False",reason="Weakened"} 1',
    'agentcard_enforced_cards{namespace="b",enforced="False",reason="Weakened"} 1',
    'agentcard_enforced_cards{namespace="b",enforced="False",reason="Off"} 1',
  ]);
});

test('a card without a workload is none that the network fails to enforce, unless its policy outlived the workload', async () => {
  const enforced = (reason: string, ...checks: readonly object[]) =>
    ({
      ...card(),
      status: {
        conditions: [{ type: 'Enforced', status: 'False', reason, message: '', lastTransitionTime: '' }],
        checks,
      },
    }) as CachedCard;
  const { lines } = subject([
    enforced('NotEnforceable', { name: 'workload', result: 'fail' }),
    enforced('NotEnforceable', { name: 'workload', result: 'unknown' }, { name: 'transport', result: 'pass' }),
    enforced('NotEnforceable'),
    enforced('NotEnforceable', { name: 'workload', result: 'pass' }),
    enforced('Weakened', { name: 'workload', result: 'unknown' }),
  ]);
  expect(await lines('agentcard_enforced_cards')).toEqual([
    'agentcard_enforced_cards{namespace="team",enforced="False",reason="NotEnforceable"} 1',
    'agentcard_enforced_cards{namespace="team",enforced="False",reason="Weakened"} 1',
  ]);
});

test('of a namespace the earliest end of a certificate is told that is still to come and was really seen', async () => {
  const named = (name: string, namespace: string) => card({ metadata: { name, namespace } });
  const ending = (name: string, at: number) => answered(name, { notAfter: at });
  const seen: Readonly<Record<string, CardEvidence>> = {
    'a/one': evidence(ending('one-0', now + 9 * minute), ending('one-1', now + 5 * minute)),
    'a/two': evidence(ending('two-0', now - minute), refused('two-1', 'NoSpiffeId'), silent('two-2')),
    'b/other': evidence(answered('other-0', { transport: 'http' })),
  };
  const cards = [named('one', 'a'), named('two', 'a'), named('other', 'b'), named('unasked', 'c')];
  const { lines } = subject(cards, (key) => seen[key] ?? noEvidence);
  const end = (now + 5 * minute) / 1000;
  expect(await lines('agentcard_identity_expiration_timestamp_seconds')).toEqual([
    `agentcard_identity_expiration_timestamp_seconds{namespace="a"} ${end}`,
  ]);
});

test('a card that changes its reason leaves no trace of the old one', async () => {
  const cards = [ready('True', 'ReadyToServe')];
  const { lines } = subject(cards);
  expect(await lines('agentcard_cards')).toHaveLength(1);
  cards[0] = ready('False', 'FetchFailed');
  expect(await lines('agentcard_cards')).toEqual([
    'agentcard_cards{namespace="team",ready="False",reason="FetchFailed"} 1',
  ]);
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
