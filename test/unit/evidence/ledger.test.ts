import { expect, test } from 'vitest';
import type { Ask } from '../../../src/evidence/agenda.ts';
import type { Finding } from '../../../src/evidence/evidence.ts';
import { Ledger } from '../../../src/evidence/ledger.ts';
import { podFacts } from '../../../src/workload/pod.ts';
import { pod, workload } from '../reconcile/builders.ts';
import { card } from './received.ts';

const ask: Ask = {
  card: 'team/weather',
  endpoint: {
    podUid: 'w-uid',
    podName: 'w',
    address: '198.19.0.1',
    family: 'IPv4',
    port: 8443,
    ready: true,
    version: 'v1',
  },
  workload,
  transport: 'mtls',
  paths: ['/'],
  hostHeader: 'h',
  trustDomains: [],
  seen: undefined,
};

const answer = (at: number, container = 'c1'): Finding => ({
  kind: 'answer',
  facts: podFacts(pod('w', { container }), undefined),
  answer: { kind: 'card', at, peer: undefined, card },
});
const silence = (at: number, container = 'c1'): Finding => ({
  kind: 'silence',
  facts: podFacts(pod('w', { container }), undefined),
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
  ledger.record(ask, { kind: 'stranger', owner: 'ReplicaSet other' });
  expect(evidenceOf(ledger)).toBeUndefined();
  expect(ledger.of('team/weather').strangers.size).toBe(1);
  ledger.record(ask, answer(2));
  expect(ledger.of('team/weather').strangers.size).toBe(0);
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
  ledger.keepOnly('team/weather', new Set(['another']));
  expect(evidenceOf(ledger)).toBeUndefined();
});
