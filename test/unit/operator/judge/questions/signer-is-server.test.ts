import { expect, test } from 'vitest';
import { signerIsServer } from '../../../../../src/operator/judge/questions/signer-is-server.ts';
import { answers } from '../../kit/answers.ts';
import { expectedId, impostor } from '../../kit/builders.ts';
import type { Given, PodGiven } from '../../kit/given.ts';

type Source = NonNullable<NonNullable<PodGiven['answers']>['source']>;

function signed(signer: string, source: Source): Given {
  const pods = { 'weather-0': { answers: { source, signature: { outcome: 'valid' as const, signer } } } };
  return { settings: { mtls: source === 'mtls', signature: true }, pods };
}

test('a signer that serves the card itself passes', () => {
  expect(answers(signerIsServer, signed(expectedId, 'mtls'))).toEqual([
    { result: 'pass', expected: expectedId, observed: expectedId },
  ]);
});

test('another server than the signer is noted; whose it is, the other questions decide', () => {
  const [answer] = answers(signerIsServer, signed(impostor, 'mtls'));
  expect(answer).toMatchObject({ result: 'fail', expected: impostor, observed: expectedId });
  expect(answer?.effect).toBe(signerIsServer.decides.other);
});

test.each(['http', 'configmap'] as const)(
  'where nobody proved to be the server, over %s, there is nothing to compare',
  (source) => {
    expect(answers(signerIsServer, signed(expectedId, source))).toEqual([{ result: 'skipped' }]);
  },
);

test('a signed card in a ConfigMap speaks for no pod of another service account', () => {
  const [answer] = answers(signerIsServer, signed(impostor, 'configmap'));
  expect(answer?.result).toBe('fail');
  expect(answer?.effect).toBe(signerIsServer.decides.elsewhere);
  expect(answer?.says).toBe(`The signed card of ${impostor} does not speak for this pod's service account.`);
});

test('without a signature that holds there is nothing to compare', () => {
  const pods = { 'weather-0': { answers: { signature: { outcome: 'untrusted' as const } } } };
  expect(answers(signerIsServer, { settings: { signature: true }, pods })).toEqual([{ result: 'skipped' }]);
});
