import { expect, test } from 'vitest';
import { FleetBrake } from '../../../../src/operator/inquiry/brake.ts';

const cards = 100;

/** A fleet of a hundred cards that hold trust, of which as many are silent as was said last. */
function fleet({ maxDistrust = 20, maxHoldMs = 1_000, trusted = cards } = {}) {
  const told: string[] = [];
  const onChange = (engaged: boolean) => void told.push(engaged ? 'engaged' : 'released');
  const brake = new FleetBrake({ maxDistrust, maxHoldMs, onChange });
  for (let card = 0; card < trusted; card++) brake.trust(`team/${card}`, true);
  const silent = (count: number, now: number) => {
    for (let card = 0; card < cards; card++) brake.note(`team/${card}`, card < count);
    return brake.heldUntil(now);
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
  const { brake } = fleet({ trusted: 5 });
  for (let card = 0; card < 4; card++) brake.note(`team/${card}`, true);
  expect(brake.heldUntil(0)).toBeUndefined();
  brake.note('team/4', true);
  expect(brake.heldUntil(0)).toBe(1_000);
  expect(fleet({ maxDistrust: 100 }).silent(100, 0)).toBeUndefined();
});

test('cards without trust neither engage the brake, nor keep it from engaging, nor spend it', () => {
  const { brake, silent } = fleet();
  for (let card = 0; card < 150; card++) brake.note(`tenant/${card}`, true);
  expect(brake.heldUntil(0)).toBeUndefined();
  expect(silent(21, 1)).toBe(1_001);
  expect(silent(0, 2)).toBeUndefined();
  // Longer than the longest hold, whatever the tenant's cards do.
  expect(brake.heldUntil(5_000)).toBeUndefined();
  expect(silent(21, 5_001)).toBe(6_001);
});

test('a card that loses its trust, or goes, is counted no more', () => {
  const { brake, silent } = fleet();
  expect(silent(21, 0)).toBe(1_000);
  for (let card = 0; card < 11; card++) brake.trust(`team/${card}`, false);
  expect(brake.heldUntil(1)).toBe(1_000);
  for (let card = 11; card < 21; card++) brake.trust(`team/${card}`, false);
  expect(brake.heldUntil(2)).toBeUndefined();
  expect(brake.lacking).toBe(21);
});
