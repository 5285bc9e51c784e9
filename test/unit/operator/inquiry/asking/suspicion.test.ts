import { beforeEach, describe, expect, test } from 'vitest';
import { Suspicion } from '../../../../../src/operator/inquiry/asking/suspicion.ts';
import { question } from './questions.ts';

const minute = 60_000;
let now = 0;
let suspicion: Suspicion;
beforeEach(() => {
  now = 1e12;
  suspicion = new Suspicion(() => now);
});

const ask = (card: string, proven = true) => question(1, { card, proven });

test('who was there once is asked like everybody, who was there twice is asked alone for an hour', () => {
  suspicion.witness(ask('team/a'));
  expect(suspicion.isSuspect(ask('team/a'))).toBe(false);
  suspicion.witness(ask('team/a'));
  expect(suspicion.isSuspect(ask('team/a'))).toBe(true);
  expect(suspicion.isHeldBack(ask('team/a'))).toBe(false);
  now += 61 * minute;
  expect(suspicion.isSuspect(ask('team/a'))).toBe(false);
});

describe('of the namespace of a culprit', () => {
  beforeEach(() => suspicion.convict(ask('team/bad')));

  test('what is unproven is asked alone, and what has proven itself is not', () => {
    expect(suspicion.isSuspect(ask('team/new', false))).toBe(true);
    expect(suspicion.isSuspect(ask('team/known', true))).toBe(false);
  });

  test('nothing is held back but the culprit, and nothing of another namespace is touched', () => {
    expect(suspicion.isHeldBack(ask('team/bad'))).toBe(true);
    expect(suspicion.isHeldBack(ask('team/new', false))).toBe(false);
    for (const card of ['team2/bad', 'tea/bad']) expect(suspicion.isSuspect(ask(card, false))).toBe(false);
  });
});

test('a culprit is held back twice as long each time, and at most an hour', () => {
  const held: number[] = [];
  for (let times = 0; times < 10; times += 1) {
    suspicion.convict(ask('team/bad'));
    const since = now;
    while (suspicion.isHeldBack(ask('team/bad'))) now += minute / 4;
    held.push((now - since) / minute);
  }
  expect(held).toEqual([0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
});

test('a namespace that sends one culprit after the other loses the turns of all that it has not proven', () => {
  for (let n = 0; n < 9; n += 1) suspicion.convict(ask(`team/bad-${n}`));
  expect(suspicion.isHeldBack(ask('team/new', false))).toBe(true);
  expect(suspicion.isHeldBack(ask('team/known', true))).toBe(false);
  expect(suspicion.isHeldBack(ask('other/new', false))).toBe(false);
});
