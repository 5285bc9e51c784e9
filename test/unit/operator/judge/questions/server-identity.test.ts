import { expect, test } from 'vitest';
import { serverIdentity } from '../../../../../src/operator/judge/questions/server-identity.ts';
import { answers } from '../../kit/answers.ts';
import { expectedId, impostor } from '../../kit/builders.ts';
import type { Given, PodGiven } from '../../kit/given.ts';
import { tell } from '../../kit/tell.ts';

const one = (shows: PodGiven): Given => ({ pods: { 'weather-0': shows } });
const loose: Given = { card: { spec: { identityBinding: { strict: false } } } };
const unknown = { result: 'unknown', expected: expectedId, observed: 'no identity' };

test('the expected identity passes, and is proof', () => {
  const proof = { by: 'mtls', identity: expectedId };
  expect(answers(serverIdentity, one({ answers: {} }))).toEqual([
    { result: 'pass', expected: expectedId, observed: expectedId, proof },
  ]);
});

test.each<[string, PodGiven]>([
  ['serves a card', { answers: { id: impostor } }],
  ['served one before it fell silent', { answers: { id: impostor }, silent: { minutes: 1 } }],
  ['serves no card', { silent: { minutes: 1, peer: impostor } }],
  ['serves no card now, whoever served one before', { answers: {}, silent: { minutes: 1, peer: impostor } }],
])('another identity that %s is guilt where binding is strict, and no proof', (_, shows) => {
  const [answer] = answers(serverIdentity, one(shows));
  expect(answer).toMatchObject({ result: 'fail', expected: expectedId, observed: impostor });
  expect(answer?.effect).toBe(serverIdentity.decides.other);
  expect(answer?.proof).toBeUndefined();
});

test('another identity is noted where binding is not strict, and is proof', () => {
  const [answer] = answers(serverIdentity, { ...loose, ...one({ answers: { id: impostor } }) });
  expect(answer?.result).toBe('fail');
  expect(answer?.effect).toBe(serverIdentity.decides.tolerated);
  expect(answer?.proof).toEqual({ by: 'mtls', identity: impostor });
});

test.each<[string, Given]>([
  ['was not asked', one({})],
  ['never answered', one({ silent: { minutes: 1 } })],
  [
    'shows another identity without a card, where binding is not strict',
    { ...loose, ...one({ silent: { minutes: 1, peer: impostor } }) },
  ],
])('of a pod that %s no identity is known', (_, given) => {
  expect(answers(serverIdentity, given)).toEqual([unknown]);
});

test('a proof whose time is over is none any more, though it is told from none', () => {
  const [answer] = answers(serverIdentity, one({ answers: { certificateMinutes: 0 } }));
  expect(answer).toEqual({ ...unknown, proof: { by: 'mtls', identity: expectedId } });
});

test('another identity that is only restored is no fresh sight of anybody', () => {
  const earlier = tell({ ...loose, ...one({ answers: { id: impostor } }) });
  const [answer] = answers(serverIdentity, { after: 1, complete: false, ...one({ silent: { minutes: 0 } }) }, earlier);
  expect(answer).toEqual(unknown);
});

test('an identity that cannot be proven is claimed at most', () => {
  for (const [claims, observed] of [
    ['spiffe://evil.org/x', 'claims spiffe://evil.org/x'],
    [undefined, 'no identity that can be proven'],
  ] as const) {
    const refuses = { code: 'TrustDomainMismatch', ...(claims === undefined ? {} : { claims }) };
    const [answer] = answers(serverIdentity, one({ refuses }));
    expect(answer).toMatchObject({ result: 'fail', observed });
    // The guilt is told once, by the question of transport.
    expect(answer?.effect).toBeUndefined();
  }
});

test('nobody is asked who serves while mutual TLS is off', () => {
  expect(answers(serverIdentity, { settings: { mtls: false } })).toEqual([{ result: 'skipped' }]);
});
