import { describe, expect, test } from 'vitest';
import type { SignatureFinding } from '../../../../../src/operator/inquiry/evidence.ts';
import { signature } from '../../../../../src/operator/judge/questions/signature.ts';
import { answers, recalled } from '../../kit/answers.ts';
import type { Given, PodGiven } from '../../kit/given.ts';
import { tell } from '../../kit/tell.ts';

const on = { settings: { signature: true } };
const one = (shows: PodGiven): Given => ({ ...on, pods: { 'weather-0': shows } });
const signed = (outcome: SignatureFinding['outcome']) => ({ answers: { signature: { outcome } } });

test('a signature that holds passes', () => {
  expect(answers(signature, one(signed('valid')))).toEqual([{ result: 'pass', observed: 'One signature is good.' }]);
});

test('an altered card is guilt', () => {
  const [answer] = answers(signature, one(signed('invalid')));
  expect(answer).toMatchObject({ result: 'fail', says: 'The signature is invalid.' });
  expect(answer?.effect).toBe(signature.decides.invalid);
  expect(answer?.effect?.weight).toBe('guilt');
});

test.each([
  ['missing', 'fail'],
  ['expired', 'unknown'],
  ['untrusted', 'unknown'],
] as const)('a signature that is %s proves nothing, which is no guilt', (outcome, result) => {
  const [answer] = answers(signature, one(signed(outcome)));
  expect(answer).toMatchObject({ result, says: `The signature is ${outcome}.` });
  expect(answer?.effect).toBe(signature.decides[outcome]);
  expect(answer?.effect?.weight).toBe('absence');
});

test.each<[string, PodGiven]>([
  ['was never read', {}],
  ['never came', { silent: { minutes: 1 } }],
  ['was read too long ago', { ...signed('valid'), silent: { minutes: 10 } }],
])('of a card that %s no signature is known', (_, shows) => {
  const [answer] = answers(signature, one(shows));
  expect(answer).toMatchObject({ result: 'unknown', says: 'No signed card could be read.' });
  expect(answer?.effect).toBe(signature.decides.unread);
});

test('a signature counts while its pod is silent for a short time, an alteration however long', () => {
  expect(answers(signature, one({ ...signed('valid'), silent: { minutes: 9 } }))[0]?.result).toBe('pass');
  const altered = answers(signature, one({ ...signed('invalid'), silent: { minutes: 60 } }));
  expect(altered[0]?.effect).toBe(signature.decides.invalid);
});

test('nothing is asked while signatures are not verified', () => {
  expect(answers(signature, { settings: { signature: false } })).toEqual([{ result: 'skipped' }]);
});

describe('where no pod can be asked', () => {
  const away: Given = { ...on, after: 1, services: [], pods: {} };

  test('the stored signature counts while the verdict is held', () => {
    expect(recalled(signature, away, tell(one(signed('valid'))))?.result).toBe('pass');
  });

  test.each<[string, Given, Given]>([
    ['was not good', one(signed('missing')), away],
    ['was read before the hold ended', one(signed('valid')), { ...away, after: 60 }],
    ['is not verified any more', one(signed('valid')), { ...away, settings: { signature: false } }],
  ])('a stored signature counts for nothing that %s', (_, before, given) => {
    const held = tell({ ...away, ...(given.settings === undefined ? {} : { settings: given.settings }) }, tell(before));
    expect(recalled(signature, given, held)).toBeUndefined();
  });
});
