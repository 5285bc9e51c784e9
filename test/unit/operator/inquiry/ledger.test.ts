import { describe, expect, test } from 'vitest';
import { type Ask, agenda } from '../../../../src/operator/inquiry/agenda.ts';
import { type Finding, soughtInVain } from '../../../../src/operator/inquiry/evidence.ts';
import { Ledger } from '../../../../src/operator/inquiry/ledger.ts';
import { podFacts } from '../../../../src/operator/workload/pod.ts';
import { pod, replicaSet } from '../kit/builders.ts';
import { askBy, card } from './received.ts';

const ask = askBy('mtls');

const answer = (at: number, container = 'c1'): Finding => ({
  kind: 'answer',
  facts: podFacts(pod('w', { container }), replicaSet),
  answer: { kind: 'card', at, peer: undefined, card },
});
const silence = (at: number, container = 'c1'): Finding => ({
  kind: 'silence',
  facts: podFacts(pod('w', { container }), replicaSet),
  at,
  reason: 'FetchFailed',
  message: 'no answer',
  peer: undefined,
});

const evidenceOf = (ledger: Ledger) => ledger.of('team/weather').pods.get('w-uid');

test('silence keeps the last answer, counts its attempts, and begins at the first', () => {
  const ledger = new Ledger();
  ledger.record(ask, answer(1));
  ledger.record(ask, silence(2));
  ledger.record(ask, silence(3));
  expect(evidenceOf(ledger)).toMatchObject({ answer: { at: 1 }, silence: { since: 2, last: 3, attempts: 2 } });
});

test('what was learned of one card is learned of no other', () => {
  const ledger = new Ledger();
  const other = { ...ask, card: 'team/other' };
  ledger.record(other, answer(1));
  ledger.record(ask, { kind: 'stranger', chosen: false, owner: 'ReplicaSet other', at: 1 });
  ledger.recordNothing({ ...ask, endpoint: { ...ask.endpoint, podUid: 'v-uid' } }, 1);
  const sizes = (card: string) => {
    const { pods, strangers, unread } = ledger.of(card);
    return [pods.size, strangers.size, unread.size];
  };
  expect([sizes(ask.card), sizes(other.card)]).toEqual([
    [0, 1, 1],
    [1, 0, 0],
  ]);
});

test('a question is answered by what came after it, and not by what a clock that was set back left behind', () => {
  const ledger = new Ledger();
  ledger.record(ask, answer(5));
  expect(ledger.heardBetween(ask, 4, 9)).toBe(true);
  expect(ledger.heardBetween(ask, 5, 9)).toBe(false);
  expect(ledger.heardBetween(ask, 2, 3)).toBe(false);
  ledger.record(ask, silence(7));
  expect(ledger.heardBetween(ask, 6, 9)).toBe(true);
});

test('a pod whose answer is void is due at once, and stays what it was until it answers again', () => {
  const ledger = new Ledger();
  ledger.record(ask, answer(1));
  const due = () => agenda([ask.endpoint], ledger.of(ask.card), ask.cadence, 1_002).now;
  expect(due()).toEqual([]);
  ledger.recordVoid(ask);
  expect(due()).toEqual([{ endpoint: ask.endpoint, urgent: true, refreshes: false }]);
  expect(evidenceOf(ledger)?.answer).toMatchObject({ kind: 'card', at: 1 });
  ledger.record(ask, answer(2));
  expect(due()).toEqual([]);
});

test('an answer ends the silence', () => {
  const ledger = new Ledger();
  ledger.record(ask, silence(2));
  ledger.record(ask, answer(3));
  expect(evidenceOf(ledger)).toMatchObject({ answer: { at: 3 }, silence: undefined });
});

test('a restarted container does not inherit what its predecessor proved', () => {
  const ledger = new Ledger();
  ledger.record(ask, answer(1));
  ledger.record(ask, silence(2, 'c2'));
  expect(evidenceOf(ledger)).toMatchObject({ answer: undefined, silence: { since: 2, attempts: 1 } });
});

test('another transport does not inherit either', () => {
  const ledger = new Ledger();
  ledger.record(ask, answer(1));
  ledger.record({ ...ask, transport: 'http' }, silence(2));
  expect(evidenceOf(ledger)?.answer).toBeUndefined();
});

test('a pod that turns out to belong elsewhere leaves the evidence, and comes back when it does not', () => {
  const ledger = new Ledger();
  ledger.record(ask, answer(1));
  ledger.record(ask, { kind: 'stranger', chosen: false, owner: 'ReplicaSet other', at: 1 });
  expect(evidenceOf(ledger)).toBeUndefined();
  expect(ledger.of('team/weather').strangers.size).toBe(1);
  ledger.record(ask, answer(2));
  expect(ledger.of('team/weather').strangers.size).toBe(0);
});

test('hurrying makes a refused pod due and leaves it refused', () => {
  const ledger = new Ledger();
  const answer = {
    kind: 'refusal' as const,
    at: 50,
    code: 'PeerCertificateInvalid',
    message: 'No.',
    claimedId: undefined,
  };
  ledger.record(ask, { kind: 'answer', facts: podFacts(pod('w'), replicaSet), answer });
  ledger.hurry();
  expect(evidenceOf(ledger)?.answer).toEqual({ ...answer, at: 0 });
});

describe('a round after the start', () => {
  const standing = new Set(['w-uid', 'v-uid']);
  const other: Ask = { ...ask, endpoint: { ...ask.endpoint, podUid: 'v-uid', podName: 'v' } };

  test.each([
    ['an answer', (ledger: Ledger) => ledger.record(other, answer(2))],
    ['an unanswered attempt', (ledger: Ledger) => ledger.record(other, silence(2))],
    [
      'a pod of something else',
      (ledger: Ledger) => ledger.record(other, { kind: 'stranger', chosen: false, owner: 'Pod v', at: 1 }),
    ],
    ['a pod that cannot be read', (ledger: Ledger) => ledger.recordNothing(other, 1)],
  ])('is complete once every pod brought something: %s', (_, bring) => {
    const ledger = new Ledger();
    ledger.record(ask, answer(1));
    ledger.keepOnly(ask.card, standing, true);
    expect(ledger.of(ask.card).complete).toBe(false);
    bring(ledger);
    ledger.keepOnly(ask.card, standing, true);
    expect(ledger.of(ask.card).complete).toBe(true);
    ledger.keepOnly(ask.card, new Set([...standing, 'new']), true);
    expect(ledger.of(ask.card).complete).toBe(true);
  });

  test('is not waited for where nothing is stored, and no round is complete without pods', () => {
    const ledger = new Ledger();
    ledger.record(ask, answer(1));
    ledger.keepOnly(ask.card, new Set(), true);
    expect(ledger.of(ask.card).complete).toBe(false);
    ledger.keepOnly(ask.card, standing, false);
    expect(ledger.of(ask.card).complete).toBe(true);
  });
});

test('hurrying makes silent pods due without shortening their silence', () => {
  const ledger = new Ledger();
  ledger.record(ask, silence(50));
  ledger.hurry();
  expect(evidenceOf(ledger)?.silence).toMatchObject({ since: 50, last: 0 });
});

test('only pods that stand behind the card are kept', () => {
  const ledger = new Ledger();
  ledger.record(ask, answer(1));
  ledger.keepOnly('team/weather', new Set(['another']), true);
  expect(evidenceOf(ledger)).toBeUndefined();
});

test('a pod that cannot be read is looked at later each time, but not when it was the API server that failed', () => {
  const ledger = new Ledger();
  const attempts = (at: number, forgiven: boolean) => {
    ledger.recordNothing(ask, at, forgiven);
    return ledger.of(ask.card).unread.get('w-uid')?.attempts;
  };
  expect([attempts(1, false), attempts(2, false), attempts(3, false)]).toEqual([1, 2, 3]);
  expect([attempts(4, true), attempts(5, true)]).toEqual([1, 1]);
});

test('a pod that is nowhere is absent after a while, however often its slice changes, unless the API server did not say', () => {
  const ledger = new Ledger();
  const silence = (at: number, version: string, forgiven = false) => {
    ledger.recordNothing({ ...ask, endpoint: { ...ask.endpoint, version } }, at, forgiven);
    return soughtInVain(ledger.of(ask.card), 'w-uid');
  };
  expect(silence(1_000, 'a')).toBeUndefined();
  expect(silence(4_000, 'b')).toBeUndefined();
  expect(silence(6_000, 'c')).toMatchObject({ reason: 'FetchFailed', since: 1_000, last: 6_000, blocked: 'Nowhere' });
  expect(silence(8_000, 'c', true)).toBeUndefined();
  expect(silence(20_000, 'c')).toBeUndefined();
  expect(silence(26_000, 'c')).toMatchObject({ since: 20_000 });
  ledger.record(ask, answer(27_000));
  expect(soughtInVain(ledger.of(ask.card), 'w-uid')).toBeUndefined();
});
