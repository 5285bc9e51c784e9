import { expect, test } from 'vitest';
import type { PodEvidence } from '../../../../src/operator/inquiry/evidence.ts';
import { isNews } from '../../../../src/operator/inquiry/news.ts';
import { podFacts } from '../../../../src/operator/workload/pod.ts';
import { trustDomainOf } from '../../../../src/spiffe/id.ts';
import { pod, replicaSet } from '../kit/builders.ts';
import { card } from './received.ts';

const peer = {
  uri: 'spiffe://a.test/x',
  trustDomain: trustDomainOf('spiffe://a.test'),
  notBefore: 0,
  notAfter: 9,
  chain: [Buffer.from('der')],
};

const evidence = (change: { answer?: object; pod?: object } = {}): PodEvidence => ({
  facts: podFacts(pod('w'), replicaSet),
  transport: 'mtls',
  endpointVersion: 'v',
  answer: { kind: 'card', at: 1, peer, card, ...change.answer },
  silence: undefined,
  ...change.pod,
});

test('the same answer at another time is no news', () => {
  expect(isNews(evidence(), evidence({ answer: { at: 2, card: { ...card }, peer: { ...peer } } }))).toBe(false);
});

test('the same card in other bytes is no news', () => {
  expect(isNews(evidence(), evidence({ answer: { card: { ...card, digest: 'e'.repeat(64) } } }))).toBe(false);
});

const silence = { since: 1, last: 1, attempts: 1, reason: 'FetchFailed', message: 'no', peer: undefined };

test.each([
  ['another card', { answer: { card: { ...card, cardId: 'b' } } }],
  ['another certificate', { answer: { peer: { ...peer, chain: [Buffer.from('new')] } } }],
  ['a longer chain', { answer: { peer: { ...peer, chain: [...peer.chain, Buffer.from('ca')] } } }],
  ['another identity', { answer: { peer: { ...peer, uri: 'spiffe://a.test/y' } } }],
  ['no identity', { answer: { peer: undefined } }],
  ['a refusal', { answer: { kind: 'refusal' } }],
  ['a replaced container', { pod: { facts: podFacts(pod('w', { container: 'c2' }), replicaSet) } }],
  ['another transport', { pod: { transport: 'http' } }],
  ['another EndpointSlice entry', { pod: { endpointVersion: 'w' } }],
  ['silence', { pod: { silence } }],
])('%s is news, before and after', (_, change) => {
  expect(isNews(evidence(), evidence(change))).toBe(true);
  expect(isNews(evidence(change), evidence())).toBe(true);
});

test('a first answer is news', () => expect(isNews(undefined, evidence())).toBe(true));
