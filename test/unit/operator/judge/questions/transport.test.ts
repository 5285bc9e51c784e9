import { describe, expect, test } from 'vitest';
import { transport } from '../../../../../src/operator/judge/questions/transport.ts';
import { answers } from '../../kit/answers.ts';
import { plainService } from '../../kit/builders.ts';
import type { Given, PodGiven } from '../../kit/given.ts';

const one = (shows: PodGiven): Given => ({ pods: { 'weather-0': shows } });
const expected = 'SPIFFE mutual TLS on Service port agent-tls';

test('a pod that answers over mutual TLS passes', () => {
  expect(answers(transport, one({ answers: {} }))).toEqual([{ result: 'pass', observed: 'mutual TLS' }]);
});

test.each<[string, PodGiven]>([
  ['was not asked', {}],
  ['proved itself by a certificate that has ended', { answers: { certificateMinutes: 0 } }],
])('of a pod that %s nothing is known, which decides nothing', (_, shows) => {
  expect(answers(transport, one(shows))).toEqual([{ result: 'unknown', expected, observed: 'not asked yet' }]);
});

test.each<[string, NonNullable<PodGiven['silent']>, string, keyof typeof transport.decides]>([
  ['does not answer', { minutes: 1 }, 'The connection was refused.', 'silent'],
  ['answers with no card', { minutes: 1, reason: 'CardInvalid' }, 'The card is no JSON.', 'unreadable'],
])('a pod that %s is absent, whatever it showed before', (_, silent, says, effect) => {
  for (const shows of [{ silent }, { answers: {}, silent }]) {
    const [answer] = answers(transport, one(shows));
    expect(answer).toMatchObject({ result: 'unknown', expected, says });
    expect(answer?.effect).toBe(transport.decides[effect]);
  }
});

test('where it is the operator that cannot ask, the remedy is the operator’s', () => {
  const [answer] = answers(transport, one({ silent: { minutes: 1, blocked: 'NoBundle' } }));
  expect(answer?.todo).toMatch(/^Federate with that trust domain/);
});

test.each<[string, string, keyof typeof transport.decides]>([
  ['of another trust domain', 'TrustDomainMismatch', 'foreign'],
  ['that proves nothing', 'PeerCertificateInvalid', 'unproven'],
])('a certificate %s is guilt, and its claim is only told', (_, code, effect) => {
  const [answer] = answers(transport, one({ refuses: { code, claims: 'spiffe://evil.org/x' } }));
  expect(answer?.result).toBe('fail');
  expect(answer?.effect).toBe(transport.decides[effect]);
  expect(answer?.effect?.weight).toBe('guilt');
  expect(answer?.says).toContain('It claims spiffe://evil.org/x. Expected spiffe://example.org/ns/team/sa/weather.');
});

describe('where the Service has no port for mutual TLS', () => {
  const plain = (shows: PodGiven, over: Given = {}): Given => ({ services: [plainService], ...one(shows), ...over });

  test.each<[string, Given, string]>([
    [
      'a card that came over HTTP',
      plain({ answers: { source: 'http' } }),
      'The card came over plain HTTP: nothing proves who served it.',
    ],
    [
      'a card that came over HTTP where mutual TLS is required',
      plain({ answers: { source: 'http' } }, { settings: { require: ['mtls'] } }),
      'The card did not come over mutual TLS, which is required.',
    ],
    ['a pod that was not asked', plain({}), 'The Service has no port named agent-tls.'],
  ])('%s fails without guilt', (_, given, says) => {
    const [answer] = answers(transport, given);
    expect(answer).toMatchObject({ result: 'fail', expected, observed: 'plain HTTP', says });
    expect(answer?.effect).toBe(transport.decides.plain);
  });

  test('nothing fails while only signatures are verified', () => {
    const given = plain({ answers: { source: 'http' } }, { settings: { mtls: false, signature: true } });
    expect(answers(transport, given)).toEqual([{ result: 'skipped' }]);
  });
});

describe('in a mesh', () => {
  const meshed = (shows: PodGiven, namespace = { 'istio-injection': 'enabled' }): Given => ({
    ...one(shows),
    namespace,
  });
  const advice = /Service mesh: .*traffic\.sidecar\.istio\.io\/excludeInboundPorts: "8443"/;

  test.each<[string, PodGiven]>([
    ['answers', { answers: {} }],
    ['does not', { silent: { minutes: 1 } }],
    ['shows another certificate', { refuses: { code: 'TrustDomainMismatch', claims: 'spiffe://cluster.local/x' } }],
  ])('every check of a pod that %s says what stands between, and nothing else of it changes', (_, shows) => {
    const [inside] = answers(transport, meshed(shows));
    const [outside] = answers(transport, one(shows));
    expect(inside?.hint).toMatch(advice);
    expect(inside?.hint?.startsWith(outside?.hint ?? '')).toBe(true);
    expect({ ...inside, hint: undefined, todo: undefined }).toEqual({ ...outside, hint: undefined, todo: undefined });
  });

  test('silence is mended by the mesh first, unless it is the operator that cannot ask', () => {
    expect(answers(transport, meshed({ silent: { minutes: 1 } }))[0]?.todo).toMatch(advice);
    const [blocked] = answers(transport, meshed({ silent: { minutes: 1, blocked: 'NoBundle' } }));
    expect(blocked?.todo).toMatch(/^Federate/);
  });

  test('what passes by its proxy says nothing of it', () => {
    const past = { 'traffic.sidecar.istio.io/excludeInboundPorts': '8443' };
    const given = { ...meshed({ answers: {} }), workload: { meshMarks: past } };
    expect(answers(transport, given)).toEqual([{ result: 'pass', observed: 'mutual TLS' }]);
  });
});
