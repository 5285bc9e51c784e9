import { expect, test } from 'vitest';
import { leakCodes } from '../../../src/operator/network/proof.ts';
import { next, type Round, type Tally } from '../../../src/probe/tally.ts';

const stopped: Round = { allowed: true, into: false, outOf: false };
const nothing: Round = { allowed: false, into: false, outOf: false };
const leaking = (over: Partial<Round> = { into: true }): Round => ({ ...stopped, ...over });
const after = (...rounds: readonly Round[]): Tally => rounds.reduce(next, { proven: false, leaks: 0 });

test('proven is what lets through the allowed and stops the denied', () => {
  expect(after(stopped).proven).toBe(true);
  expect(after(leaking()).proven).toBe(false);
});

test('where nothing arrives at all, nothing is shown', () => {
  expect(after(stopped, nothing)).toEqual({ proven: false, leaks: 0 });
});

test('a network has some rounds to get to know a pod; what it lets through for longer ends the probe, and says which way', () => {
  const six = Array.from({ length: 6 }, () => leaking());
  expect(after(...six).exit).toBeUndefined();
  expect(after(...six, stopped, leaking()).exit).toBeUndefined();
  expect(after(...six, leaking()).exit).toBe(leakCodes.in);
  expect(after(...six, leaking({ outOf: true })).exit).toBe(leakCodes.out);
  expect(after(...six, leaking({ into: true, outOf: true })).exit).toBe(leakCodes.both);
});
