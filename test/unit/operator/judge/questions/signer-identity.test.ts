import { expect, test } from 'vitest';
import type { Effect } from '../../../../../src/operator/judge/question.ts';
import { signerIdentity } from '../../../../../src/operator/judge/questions/signer-identity.ts';
import { answers } from '../../kit/answers.ts';
import { expectedId, impostor } from '../../kit/builders.ts';
import type { Given, PodGiven } from '../../kit/given.ts';

type Shown = NonNullable<PodGiven['answers']>;
const { decides } = signerIdentity;

/** A card with a good signature of this signer: over mutual TLS, or over HTTP while mutual TLS is off. */
function signed(signer: string, source: NonNullable<Shown['source']>, strict = true): Given {
  return {
    settings: { mtls: source === 'mtls', signature: true },
    card: { spec: { identityBinding: { strict } } },
    pods: { 'weather-0': { answers: { source, signature: { outcome: 'valid', signer } } } },
  };
}

test.each(['mtls', 'http', 'configmap'] as const)(
  'the expected signer passes and is proof, be it over %s',
  (source) => {
    const proof = { by: 'signature', identity: expectedId };
    expect(answers(signerIdentity, signed(expectedId, source))).toEqual([
      { result: 'pass', expected: expectedId, observed: expectedId, proof },
    ]);
  },
);

test.each<[string, Given, Effect, boolean]>([
  ['is guilt', signed(impostor, 'http'), decides.other, false],
  ['is guilt beside a proven server, of its own kind', signed(impostor, 'mtls'), decides.otherThanServer, false],
  ['is noted where binding is not strict, and is proof', signed(impostor, 'http', false), decides.tolerated, true],
  [
    'is noted beside the server where binding is not strict',
    signed(impostor, 'mtls', false),
    decides.toleratedBesideServer,
    true,
  ],
  [
    'is no proof for a pod for which its card does not speak',
    signed(impostor, 'configmap', false),
    decides.tolerated,
    false,
  ],
])('another signer %s', (_, given, effect, isProof) => {
  const [answer] = answers(signerIdentity, given);
  expect(answer).toMatchObject({ result: 'fail', expected: expectedId, observed: impostor });
  expect(answer?.effect).toBe(effect);
  expect(answer?.proof).toEqual(isProof ? { by: 'signature', identity: impostor } : undefined);
});

test.each(['invalid', 'missing', 'expired', 'untrusted'] as const)(
  'of a signature that is %s nobody is the signer',
  (outcome) => {
    const pods = { 'weather-0': { answers: { signature: { outcome, signer: impostor } } } };
    expect(answers(signerIdentity, { settings: { signature: true }, pods })).toEqual([{ result: 'skipped' }]);
  },
);

test('nobody is asked who signed while signatures are not verified', () => {
  const given = { ...signed(impostor, 'mtls'), settings: { mtls: true, signature: false } };
  expect(answers(signerIdentity, given)).toEqual([{ result: 'skipped' }]);
});
