import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ApiError } from '../../../../src/kube/client/client.ts';
import { defaultTiming, WatchPlan } from '../../../../src/kube/watch/watch-plan.ts';

const { baseDelayMs, maxDelayMs, soundMs } = defaultTiming;
const latest = () => 0.999_999;
const plan = (random = latest) => new WatchPlan(defaultTiming, random);

test('a watch that lived and was closed in good order is reopened at once', () => {
  expect(plan().ended(undefined, soundMs)).toBe(0);
});

test('a server that closes every watch at once is not stormed: each pause may be twice the last', () => {
  const closing = plan();
  const waits = Array.from({ length: 8 }, () => Math.round(closing.ended(undefined, 1)));
  expect(waits).toEqual([800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
});

test('a watch that lived forgets the failures before it', () => {
  const failing = plan();
  const refused = ApiError.transport('ConnectionFailed', 'refused');
  for (let i = 0; i < 5; i++) failing.ended(refused, 0);
  expect(Math.round(failing.ended(refused, soundMs))).toBe(baseDelayMs);
});

test('pauses are spread over their whole width and never above the maximum', () => {
  const failures = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 2 * soundMs }), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
  );
  fc.assert(
    fc.property(failures, (attempts) => {
      let random = 0;
      const subject = plan(() => random);
      for (const [lived, draw] of attempts) {
        random = draw;
        const wait = subject.ended(new ApiError(500, 'InternalError', ''), lived);
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(maxDelayMs);
      }
    }),
  );
});

test('Retry-After is a lower bound, and those who got it at once do not come back at once', () => {
  const busy = (retryAfterMs: number) => new ApiError(429, 'TooManyRequests', '', { retryAfterMs });
  expect(plan(() => 0).ended(busy(7_000), 0)).toBe(7_000);
  expect(Math.round(plan().ended(busy(7_000), 0))).toBe(7_000 + baseDelayMs);
});

test('answers that speak of load or rights never cost the position', () => {
  const subject = plan();
  subject.listed('17');
  for (let i = 0; i < 20; i++) {
    for (const code of [401, 403, 429, 503]) subject.ended(new ApiError(code, 'Any', ''), 0);
    subject.ended(ApiError.transport('ConnectionFailed', ''), 0);
  }
  expect(subject.resourceVersion).toBe('17');
});

test('an unreachable server is no reason to give up streaming lists', () => {
  const subject = plan();
  for (const reason of ['ConnectionFailed', 'Timeout', 'StaleConnection', 'CredentialsUnavailable'] as const) {
    for (let i = 0; i < 5; i++) subject.ended(ApiError.transport(reason, ''), 0);
  }
  expect(subject.needsPages).toBe(false);
});

test('a right that was missing is not taken for a missing feature', () => {
  const subject = plan();
  const denied = new ApiError(403, 'Forbidden', '');
  subject.ended(denied, 0);
  expect(subject.needsPages).toBe(true);
  subject.ended(denied, 0);
  expect(subject.needsPages).toBe(false);
});

test('silence after something was heard is a dead connection, silence from the start a lost position', () => {
  const subject = plan();
  const silent = ApiError.transport('Silent', '');
  subject.listed('17');
  subject.ended(silent, soundMs);
  expect(subject.resourceVersion).toBe('17');
  subject.saw('18');
  subject.ended(undefined, soundMs);
  subject.ended(silent, soundMs);
  expect(subject.resourceVersion).toBe('');
});
