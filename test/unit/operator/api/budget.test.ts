import fc from 'fast-check';
import { expect, test } from 'vitest';
import { agentCardStatusSchema } from '../../../../src/operator/api/agentcard.ts';
import { allWithinBudget, longestText, withinBudget } from '../../../../src/operator/api/budget.ts';

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 3_000 }),
  fc.constantFrom('a', 'é', '漢', '😀').chain((unit) => fc.integer({ min: 0, max: 4_000 }).map((n) => unit.repeat(n))),
);

test('a text that fits stays, and a longer one is cut to the budget between characters', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const cut = withinBudget(text);
      if (Buffer.byteLength(text) <= longestText) expect(cut).toBe(text);
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(longestText);
      if (cut !== text) expect(text.startsWith(cut.slice(0, -1)) && cut.endsWith('…')).toBe(true);
      if (text.isWellFormed()) expect(cut.isWellFormed()).toBe(true);
    }),
  );
});

test('what was cut fits, so that nothing is cut twice', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const cut = withinBudget(text);
      expect(withinBudget(cut)).toBe(cut);
    }),
  );
});

test('every text of a value is cut, but for members that are compared whole', () => {
  const long = 'x'.repeat(longestText + 1);
  const cut = allWithinBudget({ a: long, list: [{ b: long, n: 1 }], whole: long }, new Set(['whole']));
  expect(cut).toEqual({ a: withinBudget(long), list: [{ b: withinBudget(long), n: 1 }], whole: long });
});

test('the kind bounds every text of a status', () => {
  const unbounded: string[] = [];
  const visit = (schema: Shape, path: string) => {
    if (schema.type === 'string' && schema.maxLength === undefined && schema.format === undefined && !schema.enum) {
      unbounded.push(path);
    }
    for (const [name, member] of Object.entries(schema.properties ?? {})) visit(member, `${path}.${name}`);
    if (schema.items !== undefined) visit(schema.items, `${path}[]`);
  };
  visit(agentCardStatusSchema.toJSONSchema({ io: 'input' }) as Shape, '');
  expect(unbounded).toEqual([]);
});

interface Shape {
  readonly type?: string;
  readonly maxLength?: number;
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly items?: Shape;
  readonly properties?: Readonly<Record<string, Shape>>;
}
