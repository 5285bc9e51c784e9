import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RecentWork } from '../../../../src/kube/runtime/recent-work.ts';

const charges = fc.array(
  fc.record({
    share: fc.constantFrom('a', 'b', 'c'),
    ms: fc.double({ min: 0, max: 5_000, noNaN: true }),
    pause: fc.integer({ min: 0, max: 90_000 }),
  }),
);

test('what a share took halves each second, and a share that is forgotten took less than decides a turn', () => {
  const property = fc.property(charges, (given) => {
    const work = new RecentWork();
    const kept = new Map<string, number>();
    let now = 0;
    for (const { share, ms, pause } of given) {
      for (const [each, took] of kept) kept.set(each, took / 2 ** (pause / 1_000));
      now += pause;
      kept.set(share, (kept.get(share) ?? 0) + ms);
      work.charge(share, ms, now);
      for (const [each, took] of kept) expect(Math.abs(work.of(each, now) - took)).toBeLessThan(0.01);
    }
  });
  fc.assert(property);
});

test('of a hundred thousand namespaces that came and went, those of the last half minute are kept, and who stays all along', () => {
  const work = new RecentWork();
  for (let index = 0; index < 100_000; index += 1) {
    work.charge('busy', 5, index * 10);
    work.charge(`namespace-${index}`, 5, index * 10);
  }
  expect(work.size).toBeLessThanOrEqual(3_000);
  expect(work.of('busy', 1e6)).toBeGreaterThan(100);
  work.charge('another', 5, 1e9);
  expect(work.size).toBe(1);
});

test('a share that is charged little and often adds up', () => {
  const work = new RecentWork();
  for (let index = 0; index < 100; index += 1) work.charge('a', 0.05, index);
  expect(work.of('a', 100)).toBeGreaterThan(4.5);
});
