import { expect, test } from 'vitest';
import { replicas } from '../../../../../src/operator/judge/questions/replicas.ts';
import { answers } from '../../kit/answers.ts';
import type { Given, PodGiven } from '../../kit/given.ts';

const two = (first: PodGiven, second: PodGiven): Given => ({ pods: { 'weather-0': first, 'weather-1': second } });
const serving = (cardId: string, revision = 'r1'): PodGiven => ({ answers: { cardId, revision } });

test.each<[string, Given]>([
  ['of one revision serve one card', two(serving('a'), serving('a'))],
  ['of two revisions serve two cards', two(serving('a'), serving('b', 'r2'))],
  ['serve two cards, of which one is silent now', two(serving('a'), { ...serving('b'), silent: { minutes: 1 } })],
  ['serve one card, and another was not asked', two(serving('a'), {})],
  ['serve one card, and a stranger stands beside them', two(serving('a'), { stranger: 'ReplicaSet evil' })],
  ['show nothing', two({}, {})],
])('replicas pass that %s', (_, given) => {
  expect(answers(replicas, given)).toEqual([{ result: 'pass' }]);
});

test('two cards within one revision fail: the pods are named, and trust is untouched', () => {
  const [answer] = answers(replicas, two(serving('a'), serving('b')));
  expect(answer).toMatchObject({ result: 'fail', says: 'Pods weather-0 and weather-1 serve different cards.' });
  expect(answer?.effect).toBe(replicas.decides.disagree);
  expect(answer?.effect).toEqual({ weight: 'absence', Synced: 'ReplicasDisagree' });
});

test('nothing is compared where there is no way to the pods', () => {
  expect(answers(replicas, { services: [] })).toEqual([{ result: 'skipped' }]);
});
