import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ConditionType,
  longestMessage,
  messageWithRemedy,
  reasons,
  remedy,
} from '../../../../src/operator/api/conditions.ts';

const every = (Object.keys(reasons) as ConditionType[]).flatMap((type) =>
  Object.keys(reasons[type]).map((reason): [ConditionType, string] => [type, reason]),
);
const good = [
  'SyncSucceeded',
  'SignatureValid',
  'Bound',
  'mTLSVerified',
  'SignatureVerified',
  'PolicyApplied',
  'Enforced',
];

describe('remedies', () => {
  test.each(every)('%s %s says what to do, unless all is well', (type, reason) => {
    const text = remedy(type, reason);
    if (good.includes(reason) || reason === 'ReadyToServe') expect(text).toBe('');
    else expect(text).toMatch(/^[A-Z].*\.$/);
  });

  test('an unknown reason has none', () => expect(remedy('Synced', 'toString')).toBe(''));
});

describe('messageWithRemedy', () => {
  test('fits, and ends with what to do, however long the text before it', () => {
    fc.assert(
      fc.property(fc.constantFrom(...every), fc.string({ maxLength: 3000 }), ([type, reason], seen) => {
        const message = messageWithRemedy(type, reason, seen);
        expect(message.length).toBeLessThanOrEqual(longestMessage);
        expect(message.endsWith(remedy(type, reason))).toBe(true);
        expect(message.startsWith(seen.slice(0, 500))).toBe(true);
      }),
    );
  });
});
