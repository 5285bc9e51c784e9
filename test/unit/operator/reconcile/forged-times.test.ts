import { expect, test } from 'vitest';
import { isoTime } from '../../../../src/operator/api/time.ts';
import { minute, now } from '../kit/builders.ts';
import type { Given } from '../kit/given.ts';
import { type Told, tell } from '../kit/tell.ts';

/** What somebody with rights on statuses may write as a time: the kind's schema takes each. */
const forged = ['9999-01-01T00:00:00Z', '2026-01-01T00:00:00+99:99'];
const day = 24 * 60;

/** The same card with a status that somebody wrote over. */
function written(told: Told, over: object): Told {
  const { snapshot, plan, fields } = told;
  const card = { ...snapshot.card, status: { ...fields, ...over } } as Told['snapshot']['card'];
  return { ...told, snapshot: { ...snapshot, card }, plan: { ...plan, status: undefined } };
}

const silent = (minutes: number): NonNullable<Given['pods']> => ({ 'weather-0': { silent: { minutes } } });
const labelled = { 'weather-0': 'fits' } as const;

test.each(forged)('an agent that is away is held from now, and no longer than any, whatever says %s', (heldSince) => {
  const forgery = written(tell(), { heldSince });
  for (const away of [(_: number) => ({ services: [] }), (since: number) => ({ pods: silent(since), labelled })]) {
    const first = tell({ after: 1, ...away(0) }, forgery);
    expect(first.says('Verified')).toBe('True EvidenceHeld');
    expect(first.fields?.heldSince).toBe(isoTime(now + minute));
    expect(tell({ after: 10, ...away(9) }, first).says('Verified')).toBe('True EvidenceHeld');
    expect(tell({ after: 11, ...away(10) }, first).says('Verified')).toBe('False EvidenceExpired');
  }
});

test.each(forged)('a suspended agent is trusted for a day from now, whatever says %s', (lastTransitionTime) => {
  const spec: Given = { card: { spec: { suspend: true } }, labelled: {} };
  const first = tell({ ...spec, pods: { 'weather-0': { answers: { certificateMinutes: 366 * day } } } });
  const conditions = first.fields?.conditions?.map((each) => ({ ...each, lastTransitionTime }));
  const unasked = (after: number, before: Told) =>
    tell({ ...spec, after, pods: { 'weather-0': {} }, complete: false, labelled }, before);
  const told = unasked(1, written(first, { conditions }));
  expect(told.condition('Synced')?.lastTransitionTime).toBe(isoTime(now + minute));
  expect(told.says('Verified')).toBe('True mTLSVerified');
  expect(unasked(day, told).says('Verified') ?? 'True mTLSVerified').toBe('True mTLSVerified');
  expect(unasked(day + 1, told).says('Verified')).toBe('False EvidenceExpired');
});
