import { describe, expect, test } from 'vitest';
import { approval } from '../../../../../src/operator/judge/questions/approval.ts';
import { answers, recalled } from '../../kit/answers.ts';
import type { Given, PodGiven } from '../../kit/given.ts';
import { tell } from '../../kit/tell.ts';

const [approvedId, otherId] = ['a'.repeat(64), 'b'.repeat(64)];
const approving = (approvedCardId: string): Given => ({ card: { spec: { approvedCardId } } });
const one = (shows: PodGiven): Given => ({ pods: { 'weather-0': shows } });
const unknown = { result: 'unknown', expected: approvedId, observed: 'no card' };

test('where nothing is approved nothing is asked', () => {
  expect(answers(approval, {})).toEqual([{ result: 'skipped' }]);
});

test('the approved card passes', () => {
  expect(answers(approval, approving(approvedId))).toEqual([{ result: 'pass', expected: approvedId }]);
});

test.each<[string, PodGiven]>([
  ['served', { answers: { cardId: 'b' } }],
  ['served before the pod fell silent', { answers: { cardId: 'b' }, silent: { minutes: 60 } }],
])('another card is guilt, when it is %s', (_, shows) => {
  const [answer] = answers(approval, { ...approving(approvedId), ...one(shows) });
  expect(answer).toMatchObject({ result: 'fail', expected: approvedId, observed: otherId });
  expect(answer?.effect).toBe(approval.decides.other);
});

test.each<[string, PodGiven]>([
  ['was not asked', {}],
  ['never answered', { silent: { minutes: 1 } }],
  ['proved nothing', { refuses: { code: 'PeerCertificateInvalid' } }],
])('of a pod that %s no card is known', (_, shows) => {
  expect(answers(approval, { ...approving(approvedId), ...one(shows) })).toEqual([unknown]);
});

describe('after a restart', () => {
  const earlier = tell();
  const silent: Given = { after: 1, complete: false, ...one({ silent: { minutes: 0 } }) };

  test('a stored card that is another is no fresh guilt of the pod', () => {
    const [answer] = answers(approval, { ...approving(otherId), ...silent }, earlier);
    expect(answer).toEqual({ ...unknown, expected: otherId });
  });

  test('the stored card that is the approved one decides nothing', () => {
    expect(answers(approval, { ...approving(approvedId), ...silent }, earlier)).toEqual([unknown]);
  });

  test('the kept card answers for all where no pod shows one, and is guilt when it is another', () => {
    expect(recalled(approval, { ...approving(approvedId), ...silent }, earlier)?.result).toBe('pass');
    expect(recalled(approval, { ...approving(otherId), ...silent }, earlier)?.effect).toBe(approval.decides.other);
  });

  test('the kept card says nothing where nothing is approved', () => {
    expect(recalled(approval, { after: 1, services: [], pods: {} }, earlier)).toBeUndefined();
  });
});
