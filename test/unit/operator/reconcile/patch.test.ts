import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalize, type JsonObject, sameJson } from '../../../../src/agentcard/agentcard.ts';
import { mergePatch } from '../../../../src/operator/reconcile/patch.ts';
import { merged } from '../kit/merge.ts';

type Json = Readonly<Record<string, unknown>>;

/** Some are called like what every object inherits: an agent chooses the names of its card's members. */
const key = fc.oneof(
  fc.stringMatching(/^[a-z]{1,3}$/),
  fc.constantFrom('constructor', '__proto__', 'toString', 'hasOwnProperty', 'pod-template-hash'),
);
/** JSON in one order of members. */
const sorted = (value: unknown) => canonicalize(value as JsonObject);
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
      // As text: what the patch says must survive the wire.
      const sent = JSON.parse(JSON.stringify(patch ?? {}));
      expect(sorted(merged(before, sent))).toBe(sorted(after));
    }),
  );
});

test('equal objects need no patch, and others do', () => {
  fc.assert(
    fc.property(tree, tree, (one, other) => {
      const differs = sorted(one) !== sorted(other);
      expect(mergePatch(one, JSON.parse(JSON.stringify(one)))).toBeUndefined();
      expect(mergePatch(one, other) !== undefined).toBe(differs);
      expect(sameJson(one, other)).toBe(!differs);
    }),
  );
});

test('a vanished member becomes null, also inside', () => {
  expect(mergePatch({ a: 1, b: { c: 1, d: 2 } }, { b: { d: 2 } })).toEqual({ a: null, b: { c: null } });
});
