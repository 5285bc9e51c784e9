import { expect, test } from 'vitest';
import { compact, shared, sharing } from '../../../../src/operator/watch/cached.ts';

test('parts that are equal are one, and parts that differ are not', () => {
  const part = () => ({ type: 'Ready', status: 'True' });
  expect(shared(part())).toBe(shared(part()));
  expect(shared({ ...part(), status: 'False' })).toEqual({ type: 'Ready', status: 'False' });
});

test('of an object only the named members are shared, as far as they are there', () => {
  const object = (): { name: string; ports: number[]; more?: number[] } => ({ name: 'a', ports: [1] });
  const [one, other] = [object(), object()].map((each) => sharing(each, 'ports', 'more'));
  expect(one).toEqual(object());
  expect(one).not.toBe(other);
  expect(one?.ports).toBe(other?.ports);
});

test('no text stands twice, and nothing else is changed', () => {
  const value = { a: 'text', list: ['text', { b: 'other', none: null, n: 1 }], yes: true };
  expect(compact(structuredClone(value))).toEqual(value);
  const texts = new Map<string, string>();
  compact(structuredClone(value), texts);
  expect([...texts.keys()]).toEqual(['text', 'other']);
});

test('however many parts there were, each is told as it is', () => {
  for (let index = 0; index < 10_000; index++) expect(shared({ index })).toEqual({ index });
});

test('what is long is told as it is, and kept by nobody else', () => {
  const part = () => ({ message: 'x'.repeat(4_096) });
  expect(shared(part())).toEqual(part());
  expect(shared(part())).not.toBe(shared(part()));
});
