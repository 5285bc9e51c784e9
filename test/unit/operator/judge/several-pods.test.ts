import { expect, test } from 'vitest';
import { impostor } from '../kit/builders.ts';
import type { PodGiven } from '../kit/given.ts';
import { tell } from '../kit/tell.ts';

/** Three pods, of which the first proved itself; the third has not been asked. */
const beside = (second: PodGiven) =>
  tell({ pods: { 'weather-0': { answers: {} }, 'weather-1': second, 'weather-2': {} }, complete: false });

test('one proven pod is enough; a silent one only stays unlabelled', () => {
  const told = beside({ silent: { minutes: 1 } });
  expect(told.says('Synced')).toBe('True SyncSucceeded');
  expect(told.says('Verified')).toBe('True mTLSVerified');
  expect(told.marks).toEqual(['on weather-0']);
  expect(told.fields?.replicas).toEqual({ ready: 3, attested: 1 });
});

test('one guilty pod fails the card', () => {
  const told = beside({ answers: { id: impostor } });
  expect(told.says('Verified')).toBe('False IdentityMismatch');
  expect(told.marks).toEqual([]);
});

test('pods of one revision that serve different cards disagree; trust is untouched', () => {
  const told = beside({ answers: { cardId: 'b' } });
  expect(told.says('Synced')).toBe('False ReplicasDisagree');
  expect(told.says('Verified')).toBe('True mTLSVerified');
});

test('pods of different revisions may serve different cards', () => {
  const told = beside({ answers: { cardId: 'b', revision: 'r2' } });
  expect(told.says('Synced')).toBe('True SyncSucceeded');
});

test('a pod of something else is no evidence: it is named, not asked and not labelled', () => {
  const pods = { 'weather-0': { answers: {} }, 'weather-1': { stranger: 'ReplicaSet evil' } };
  const told = tell({ pods, complete: false });
  expect(told.says('Verified')).toBe('True mTLSVerified');
  expect(told.plan.agenda).toEqual([]);
  expect(told.check('endpoint')?.observed).toContain('weather-1 of ReplicaSet evil');
  expect(told.fields?.replicas?.attested).toBe(1);
});

test('of two silent pods the one whose evidence still counts speaks, whatever their names are', () => {
  const silentFor = (minutes: number): PodGiven => {
    return { answers: { source: 'http', signature: { outcome: 'untrusted' } }, silent: { minutes } };
  };
  const settings = { mtls: false, signature: true };
  for (const [first, second] of [
    [silentFor(10), silentFor(0)],
    [silentFor(0), silentFor(10)],
  ] as const) {
    const told = tell({ settings, pods: { 'weather-0': first, 'weather-1': second } });
    expect(told.says('SignatureVerified')).toBe('False SignerUntrusted');
  }
});
