import { expect, test } from 'vitest';
import { FleetBrake } from '../../../../src/operator/inquiry/brake.ts';

const cards = 100;

/** A fleet of a hundred cards, of which as many are silent as was said last. */
function fleet({ maxDistrust = 20, maxHoldMs = 1_000 } = {}) {
  const told: string[] = [];
  const onChange = (engaged: boolean) => void told.push(engaged ? 'engaged' : 'released');
  const brake = new FleetBrake({ maxDistrust, maxHoldMs, onChange });
  const silent = (count: number, now: number) => {
    for (let card = 0; card < cards; card++) brake.note(`team/${card}`, card < count);
    return brake.heldUntil(cards, now);
  };
  return { brake, told, silent };
}

test('the brake engages when more than the share lacks an answer, and lets go when that has halved', () => {
  const { silent, told } = fleet();
  expect(silent(20, 0)).toBeUndefined();
  expect(silent(21, 1)).toBe(1_001);
  expect(silent(11, 2)).toBe(1_001);
  expect(silent(10, 3)).toBeUndefined();
  expect(told).toEqual(['engaged', 'released']);
});

test('the brake lets go after the longest hold, and engages again only after the share has halved', () => {
  const { silent, told } = fleet();
  expect(silent(50, 0)).toBe(1_000);
  expect(silent(50, 1_000)).toBeUndefined();
  expect(silent(60, 1_001)).toBeUndefined();
  expect(silent(0, 1_002)).toBeUndefined();
  expect(silent(50, 1_003)).toBe(2_003);
  expect(told).toEqual(['engaged', 'released', 'engaged']);
});

test('fewer than five silent cards engage no brake, and neither does a share of 100', () => {
  const { brake } = fleet();
  for (let card = 0; card < 4; card++) brake.note(`team/${card}`, true);
  expect(brake.heldUntil(4, 0)).toBeUndefined();
  brake.note('team/4', true);
  expect(brake.heldUntil(5, 0)).toBe(1_000);
  expect(fleet({ maxDistrust: 100 }).silent(100, 0)).toBeUndefined();
});
