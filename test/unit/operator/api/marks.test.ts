import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { marks, marksFor, wearsAll, wearsAny } from '../../../../src/operator/api/marks.ts';

const proven = fc.record({ attested: fc.stringMatching(/^[0-9a-f]{16}$/), identity: fc.webPath() });
const worn = (one: { attested: string; identity: string }) =>
  marksFor(one) as Record<'labels' | 'annotations', Record<string, string>>;

describe('what a pod wears', () => {
  test('fits nothing but the whole set, as it was put on', () => {
    fc.assert(
      fc.property(proven, proven, (one, other) => {
        const metadata = { name: 'p', ...worn(one) };
        expect(wearsAll(metadata, one)).toBe(true);
        expect(wearsAll(metadata, other)).toBe(one.attested === other.attested && one.identity === other.identity);
        for (const kind of ['labels', 'annotations'] as const) {
          for (const name of Object.keys(marks[kind])) {
            const { [name]: _, ...rest } = metadata[kind];
            expect(wearsAll({ ...metadata, [kind]: rest }, one)).toBe(false);
            expect(wearsAll({ ...metadata, [kind]: { ...rest, [name]: 'x' } }, one)).toBe(false);
            expect(wearsAny({ name: 'p', [kind]: { [name]: 'x' } })).toBe(true);
            expect(marksFor(undefined)[kind][name]).toBeNull();
          }
        }
        expect(wearsAny({ name: 'p', labels: { app: 'x' } })).toBe(false);
      }),
    );
  });

  test('has names and values that a label and an annotation may have', () => {
    const { labels, annotations } = worn({
      attested: '0'.repeat(16),
      identity: 'spiffe://example.org/ns/team/sa/weather',
    });
    expect(labels).toEqual({
      'agent.kagenti.dev/signature-verified': 'true',
      'agent.kagenti.dev/identity': expect.stringMatching(/^[0-9a-f]{40}$/),
    });
    expect(annotations).toEqual({ 'agent.kagenti.dev/attested': '0'.repeat(16) });
  });
});
