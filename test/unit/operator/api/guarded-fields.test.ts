import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AgentCardSpec } from '../../../../src/operator/api/agentcard.ts';
import {
  type FoldedDemands,
  foldDemands,
  guardedFields,
  isProtected,
} from '../../../../src/operator/api/guarded-fields.ts';

const id = fc.constantFrom('spiffe://example.org/a', 'spiffe://example.org/b', 'spiffe://example.org/c');
const anything = fc.record(
  {
    identityBinding: fc.record(
      {
        strict: fc.boolean(),
        allowedSpiffeIDs: fc.array(id, { maxLength: 3 }),
        trustDomain: fc.constantFrom('example.org', 'Partner.example', 'partner.example'),
      },
      { requiredKeys: [] },
    ),
    callers: fc.array(fc.record({ spiffeID: id }), { maxLength: 3 }),
    approvedCardId: fc.constantFrom('a'.repeat(64), 'b'.repeat(64)),
    quarantine: fc.constantFrom({ reason: 'one' }, { reason: 'two' }),
  },
  { requiredKeys: [] },
);
/** What needs no verb. */
const editable = fc.record(
  {
    identityBinding: fc.record({ strict: fc.constant(true) }, { requiredKeys: [] }),
    quarantine: fc.constant({ reason: 'three' }),
    suspend: fc.boolean(),
    callers: fc.array(fc.record({ spiffeID: id }), { maxLength: 3 }),
  },
  { requiredKeys: [] },
);

const cards = fc.array(anything, { minLength: 1, maxLength: 4 }).map((specs) => specs.map(cardOf));

function cardOf(spec: Partial<AgentCardSpec>, index = 0) {
  return { metadata: { name: `card-${index}` }, spec: { syncPeriod: '5m', ...spec } };
}

const folded = ([card, ...siblings]: readonly ReturnType<typeof cardOf>[]) => {
  if (card === undefined) throw new Error('a workload without cards demands nothing');
  return foldDemands(card, siblings);
};

/** What is demanded, whoever demands it; a list in no order. */
function values(demands: FoldedDemands): Record<string, unknown> {
  const { quarantine, callers, ...rest } = demands;
  const plain = Object.entries(rest).map(([name, { value }]) => [
    name,
    Array.isArray(value) ? [...new Set(value)].sort() : value,
  ]);
  const called = callers === undefined ? undefined : admitted(demands);
  return { ...Object.fromEntries(plain), quarantine: quarantine !== undefined, called };
}

const everybody = ['a', 'b', 'c'].map((name) => `spiffe://example.org/${name}`);

/** Whom all lists name. */
function admitted({ callers }: FoldedDemands): string[] {
  return everybody.filter((one) =>
    (callers?.value ?? []).every((list) => list.some(({ spiffeID }) => spiffeID === one)),
  );
}

describe('what the cards of a workload demand together', () => {
  test('is the same whichever of them stands for it', () => {
    fc.assert(
      fc.property(cards, fc.nat(), (all, turn) => {
        const first = turn % all.length;
        expect(values(folded([...all.slice(first), ...all.slice(0, first)]))).toEqual(values(folded(all)));
      }),
    );
  });

  test('does not loosen by a card that an editor writes, wherever that stands', () => {
    fc.assert(
      fc.property(cards, editable, (all, spec) => {
        const more = cardOf(spec, 9);
        const [before, after] = [folded(all), folded([more, ...all])];
        const { strict, quarantine, callers, ...given } = before;
        expect(admitted(after)).toEqual(admitted(after).filter((one) => admitted(before).includes(one)));
        expect(after).toMatchObject(given);
        if (strict?.value === true) expect(after.strict?.value).toBe(true);
        if (strict === undefined) expect(after.strict?.value).not.toBe(false);
        if (quarantine !== undefined) expect(after.quarantine).toBeDefined();
      }),
    );
  });

  test('is met only by what every one of them takes', () => {
    fc.assert(
      fc.property(cards, (all) => {
        const { allowedSpiffeIDs, approvedCardId, trustDomain, strict } = folded(all);
        for (const { spec } of all) {
          const { allowedSpiffeIDs: ids = [] } = spec.identityBinding ?? {};
          if (ids.length > 0) expect(ids).toEqual(expect.arrayContaining([...(allowedSpiffeIDs?.value ?? [])]));
          if (approvedCardId?.value !== undefined)
            expect([undefined, approvedCardId.value]).toContain(spec.approvedCardId);
          const domain = spec.identityBinding?.trustDomain?.toLowerCase();
          if (trustDomain?.value !== undefined) expect([undefined, trustDomain.value]).toContain(domain);
          if (spec.identityBinding?.strict === true) expect(strict?.value).toBe(true);
          const named = spec.callers?.map(({ spiffeID }) => spiffeID) ?? everybody;
          for (const one of admitted(folded(all))) expect(named).toContain(one);
        }
      }),
    );
  });

  test('lets nobody call by more lists than people mean, however many cards there are', () => {
    const listing = (count: number) =>
      folded(
        Array.from({ length: count }, (_, n) => cardOf({ callers: [{ spiffeID: `spiffe://example.org/${n}` }] }, n)),
      );
    expect(listing(16).callers?.value).toHaveLength(16);
    expect(listing(17).callers?.value).toEqual([[]]);
    expect(listing(3_000).callers?.value).toEqual([[]]);
  });

  test('reads each list once, however many cards bring long ones', () => {
    let reads = 0;
    const counted = (n: number) => {
      const toJSON = () => {
        reads += 1;
        return n % 10;
      };
      const one = { spiffeID: `spiffe://example.org/${n % 10}`, toJSON };
      return cardOf({ callers: [one] }, n);
    };
    folded(Array.from({ length: 500 }, (_, n) => counted(n)));
    expect(reads).toBeLessThanOrEqual(500);
  });

  test('names the card whose demand it is, its own before another’s', () => {
    const [one, two] = [cardOf({ approvedCardId: 'a'.repeat(64) }, 1), cardOf({ approvedCardId: 'a'.repeat(64) }, 2)];
    expect(folded([two, one]).approvedCardId?.by).toEqual(['card-2']);
    expect(folded([cardOf({}, 3), two, one]).approvedCardId?.by).toEqual(['card-1']);
    const other = cardOf({ approvedCardId: 'b'.repeat(64) }, 3);
    expect(folded([one, two, other]).approvedCardId).toEqual({ value: undefined, by: ['card-1', 'card-3'] });
  });
});

test.each(Object.entries(guardedFields))('%s is read where the policy looks for it', (_, { path, read }) => {
  const value = {
    strict: true,
    allowedSpiffeIDs: ['x'],
    trustDomain: 'x',
    approvedCardId: 'x',
    quarantine: { reason: 'x' },
    callers: [{ spiffeID: 'x' }],
  };
  const [leaf = '', parent] = path.split('.').reverse();
  const field = { [leaf]: value[leaf as keyof typeof value] };
  const spec = cardOf(parent === undefined ? field : { [parent]: field }).spec;
  expect([field[leaf], [field[leaf]]]).toContainEqual(read(spec));
  expect(isProtected(spec)).toBe(true);
});

test('a card that demands nothing, or only permits, is not protected', () => {
  for (const spec of [{}, { suspend: true }, { identityBinding: {} }, { identityBinding: { strict: false } }]) {
    expect(isProtected(cardOf(spec).spec)).toBe(false);
  }
});
