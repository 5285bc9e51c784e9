import fc from 'fast-check';
import { expect, test } from 'vitest';
import { agentCardStatusSchema } from '../../../../src/operator/api/agentcard.ts';
import {
  agentName,
  allWithinBudget,
  longestName,
  longestText,
  plainText,
  withinBudget,
} from '../../../../src/operator/api/budget.ts';

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

/** Texts with all that moves a cursor, draws a column or a row, hides or turns text around. */
const hostileText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        'Weather',
        'True',
        ' ',
        '   ',
        '\t',
        '\r\n',
        '\u001b[2J',
        '\u009b31m',
        '\u202e',
        '\u2066',
        '\u200b',
        '\u00a0',
      ),
      fc.constantFrom(
        '\ufeff',
        '\u2028',
        '\u3164',
        '\u2800',
        '\u00ad',
        '\u{e0041}',
        '\ud800',
        '\u0301'.repeat(9),
        '天気',
        'مناخ',
        '☂️',
      ),
      fc.string({ unit: 'binary', maxLength: 4 }),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(''));

const strange = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Z}| {2}|^ | $|\p{M}{4}/u;

test('a plain text is one line that hides, turns and draws nothing, and stays as it is', () => {
  fc.assert(
    fc.property(hostileText, (text) => {
      const plain = plainText(text);
      expect(plain).not.toMatch(strange);
      expect(plainText(plain)).toBe(plain);
    }),
    { numRuns: 1_000 },
  );
});

test('words of every script stay as they are, with one blank between them', () => {
  for (const text of ['Weather', '天気 エージェント', 'Погода', 'طقس', 'หากาศ', 'Ví dụ', '☂ 42%', 'न्यूज़', '']) {
    expect(plainText(text)).toBe(text);
  }
  expect(plainText('\ta \r\n b\u00a0c\u200bd\u202e ')).toBe('a b cd');
});

test('a name that a table shows is plain and short, and none is shown where nothing can be', () => {
  fc.assert(
    fc.property(fc.oneof(hostileText, anyText), (text) => {
      const name = agentName(text);
      expect([...(name ?? 'x')].length).toBeLessThanOrEqual(longestName);
      expect(name).not.toBe('');
      expect(name ?? '').not.toMatch(strange);
      if (text.length <= longestName) expect(name ?? '').toBe(plainText(text));
    }),
    { numRuns: 500 },
  );
  expect(agentName('\u200b\t')).toBeUndefined();
  expect(agentName('a'.repeat(64))).toBe(`${'a'.repeat(62)}…`);
  expect(agentName('😀'.repeat(1_000_000))).toBe(`${'😀'.repeat(62)}…`);
});

test('every text of a value is plain', () => {
  fc.assert(
    fc.property(hostileText, (text) => {
      expect(allWithinBudget({ list: [{ text }] })).toEqual({ list: [{ text: plainText(text) }] });
    }),
  );
});

/** Written from what people, or the operator, say. */
const notByAgents = new Set(['.expectedSpiffeID', '.quarantine.subject', '.covered']);

test('the kind bounds every text of a status, and what an agent can choose by the one budget', () => {
  const unbounded: string[] = [];
  const visit = (schema: Shape, path: string) => {
    const most = notByAgents.has(path) ? Infinity : longestText;
    const isBounded = schema.maxLength !== undefined && schema.maxLength <= most;
    if (schema.type === 'string' && !isBounded && schema.format === undefined && !schema.enum) unbounded.push(path);
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
