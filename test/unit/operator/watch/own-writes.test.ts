import { expect, test } from 'vitest';
import { OwnWrites } from '../../../../src/operator/watch/own-writes.ts';

const object = (uid: string, resourceVersion: string) => ({ metadata: { name: 'a', uid, resourceVersion } });

test('the version that we wrote is an echo, and no other', () => {
  const own = new OwnWrites();
  own.note(object('u', '2'));
  expect(['1', '2', '3'].map((version) => own.isEcho(object('u', version)))).toEqual([false, true, false]);
  expect(own.isEcho(object('other', '2'))).toBe(false);
});

test('an answer is noted before the cache tells of it', () => {
  const own = new OwnWrites();
  const told: boolean[] = [];
  own.take(object('u', '2'), { take: (written) => told.push(own.isEcho(written)) });
  expect(told).toEqual([true]);
});

test('an object that is gone leaves nothing behind', () => {
  const own = new OwnWrites();
  own.note(object('u', '2'));
  own.forget(object('u', '1'));
  expect(own.isEcho(object('u', '2'))).toBe(false);
});

test("an object without uid or version is nobody's echo", () => {
  const own = new OwnWrites();
  own.note({ metadata: { name: 'a' } });
  expect(own.isEcho({ metadata: { name: 'a' } })).toBe(false);
});
