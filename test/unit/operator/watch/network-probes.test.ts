import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Handler } from '../../../../src/kube/watch/store.ts';
import type { Finding, Probe } from '../../../../src/operator/network/proof.ts';
import type { Caches } from '../../../../src/operator/watch/caches.ts';
import { followProbes } from '../../../../src/operator/watch/network-probes.ts';
import { card } from '../kit/builders.ts';

const holdMs = 600_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function follow() {
  let held: readonly Probe[] = [];
  let handler: Handler<Probe> = {};
  const woken: string[] = [];
  const caches = {
    cards: { values: () => [card()].values() },
    probes: { values: () => held.values(), onEvent: (given: Handler<Probe>) => (handler = given) },
  } as unknown as Pick<Caches, 'cards' | 'probes'>;
  const proof = followProbes(caches, { wake: (key) => woken.push(key), now: () => Date.now(), holdMs });
  const find = (...findings: readonly Finding[]) => {
    held = findings.map((finding) => ({ metadata: { name: 'probe' }, finding }));
    woken.length = 0;
    const [first = { metadata: { name: 'probe' }, finding: 'nothing' as const }] = held;
    handler.update?.(first, first);
    return woken.length;
  };
  return { state: () => proof().state, find, woken, later: (ms: number) => void vi.advanceTimersByTime(ms) };
}

const leak = { leak: 'into pods' };

test('until a probe has shown something, nothing is proven, and nobody hears of it', () => {
  const { state, find } = follow();
  expect(state()).toBe('unproven');
  expect(find('nothing')).toBe(0);
  expect(state()).toBe('unproven');
});

test('what is shown, every card hears, once', () => {
  const { state, find } = follow();
  expect(find('enforces')).toBe(1);
  expect(find('enforces')).toBe(0);
  expect(state()).toBe('proven');
  expect(find(leak)).toBe(1);
  expect(state()).toBe('refuted');
});

test('a probe that falls silent is no news for as long as evidence is held; then nothing is proven any more', () => {
  const { state, find, later } = follow();
  find('enforces');
  expect(find('nothing')).toBe(0);
  later(holdMs - 1);
  expect(find()).toBe(0);
  expect(state()).toBe('proven');
  later(1);
  expect(state()).toBe('unproven');
  expect(find('enforces')).toBe(1);
});

test('one that is back in time ends the hold, and changes nothing', () => {
  const { state, find, later } = follow();
  find('enforces');
  find('nothing');
  later(holdMs / 2);
  expect(find('enforces')).toBe(0);
  later(holdMs);
  expect(state()).toBe('proven');
});

test('where packets got through, silence does not unsay it meanwhile', () => {
  const { state, find } = follow();
  find(leak);
  find('nothing');
  expect(state()).toBe('refuted');
});

test('when the hold of what was shown is over, every card hears, once, and not before', () => {
  const { state, find, woken, later } = follow();
  find('enforces');
  find('nothing');
  later(holdMs / 2);
  find();
  later(holdMs / 2);
  expect([state(), woken.length]).toEqual(['unproven', 0]);
  later(1_000);
  expect(woken.length).toBe(1);
  find();
  later(10 * holdMs);
  expect(woken.length).toBe(0);
});

test('one that is back in time leaves nobody to hear of an end, and the next silence has its own', () => {
  const { find, woken, later } = follow();
  find('enforces');
  find('nothing');
  later(holdMs - 1);
  find('enforces');
  later(10 * holdMs);
  expect(woken.length).toBe(0);
  find('nothing');
  later(holdMs + 1_000);
  expect(woken.length).toBe(1);
});
