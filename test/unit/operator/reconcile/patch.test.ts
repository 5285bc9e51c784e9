import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mergePatch } from '../../../../src/operator/reconcile/patch.ts';

type Json = Readonly<Record<string, unknown>>;

/** RFC 7396, the other direction: what the API server does with the patch. */
function applied(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const base = typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...(target as Json) } : {};
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = applied(result[key], value);
  }
  return result;
}

const key = fc.stringMatching(/^[a-z]{1,3}$/);
const leaf = fc.oneof(
  fc.string({ maxLength: 4 }),
  fc.integer(),
  fc.boolean(),
  fc.array(fc.integer(), { maxLength: 3 }),
);
const { tree } = fc.letrec<{ tree: Json; node: unknown }>((tie) => ({
  node: fc.oneof({ maxDepth: 3 }, leaf, tie('tree')),
  tree: fc.dictionary(key, tie('node'), { maxKeys: 4, noNullPrototype: true }),
}));

test('the patch turns what is stored into what is wanted', () => {
  fc.assert(
    fc.property(tree, tree, (before, after) => {
      const patch = mergePatch(before, after);
      expect(applied(before, patch ?? {})).toEqual(after);
    }),
  );
});

test('equal objects need no patch', () => {
  fc.assert(fc.property(tree, (value) => mergePatch(value, structuredClone(value)) === undefined));
});

test('a vanished member becomes null, also inside', () => {
  expect(mergePatch({ a: 1, b: { c: 1, d: 2 } }, { b: { d: 2 } })).toEqual({ a: null, b: { c: null } });
});
