import fc from 'fast-check';
import { expect, test } from 'vitest';
import { choosePaths } from '../../../../src/operator/workload/service.ts';
import { card, minute, now, settings } from '../kit/builders.ts';
import { decide, tell } from '../kit/tell.ts';

const wellKnown = ['/.well-known/agent-card.json', '/.well-known/agent.json'];
const withPath = (path: string) => card({ spec: { ...card().spec, endpoint: { path } } });
const seen = (path: string, pod = {}) => ({ ...tell({ pods: { 'weather-0': pod } }).snapshot, card: withPath(path) });

test('an agent is asked at the well-known paths and those that the platform allows, and at no other', () => {
  const segment = fc.stringMatching(/^[a-z.%*/]{1,6}$/);
  const path = fc.oneof(
    fc.constantFrom(...wellKnown, '/agents/a/card.json', '/agents/a/b/card.json', '/agents/../card.json', '/admin'),
    segment.map((text) => `/${text}`),
    segment.map((text) => `/agents/${text}/card.json`),
  );
  const cardPaths = ['/agents/*/card.json', '/exact/path'];
  fc.assert(
    fc.property(path, fc.boolean(), (asked, isAllowed) => {
      const paths = decide(
        seen(asked),
        { ...settings, cardPaths: isAllowed ? cardPaths : [] },
        now,
      ).plan.agenda.flatMap((ask) => ask.paths);
      const inner = /^\/agents\/([a-z.]+)\/card\.json$/.exec(asked)?.[1];
      const fits = wellKnown.includes(asked) || (isAllowed && inner !== undefined && !['.', '..'].includes(inner));
      expect(paths).toEqual(fits ? [asked] : []);
    }),
    { numRuns: 300 },
  );
});

test.each([
  ['/card.json', '/card.json', true],
  ['/card.json', '/card.json/', false],
  ['/card.json', '/cardXjson', false],
  ['/agents/*', '/agents/a', true],
  ['/agents/*', '/agents/', false],
  ['/agents/*', '/agents/a/b', false],
  ['/agents/*', '/agents/a%2fb', false],
  ['/agents/*', '/agents/a?x=1', false],
  ['/agents/*', '/agents/..', false],
  ['/agents/*/*.json', '/agents/a/card.json', true],
  ['/**', '/a', true],
  ['/**', '/a/b', false],
  ['/*/../b', '/a/../b', false],
  ['/(a+)+', '/(a+)+', true],
  ['/(a+)+', '/aaaa', false],
])('the pattern %s and the path %s: %s', (pattern, path, fits) => {
  expect(choosePaths({ syncPeriod: '5m', endpoint: { path } }, [pattern]) !== undefined).toBe(fits);
});

test('a path that is not allowed is told with what to do, and earlier evidence is held', () => {
  const { asks, condition, says } = decide(seen('/metrics', { answers: {} }), settings, now);
  expect(asks).toEqual([]);
  expect(says('Synced')).toBe('False FetchFailed');
  const told =
    'The path "/metrics" of spec.endpoint.path is not allowed. Unset spec.endpoint.path, or have the path allowed by --card-paths.';
  for (const type of ['Synced', 'Ready', 'Verified']) expect(condition(type)?.message).toBe(told);
  expect(says('Verified')).toBe('False NotVerified');
  const status = {
    targetRef: card().spec.targetRef,
    attestedAgentSpiffeId: 'spiffe://example.org/ns/team/sa/weather',
    heldSince: new Date(now - minute).toISOString(),
    conditions: [
      { type: 'Verified', status: 'True' as const, reason: 'EvidenceHeld', message: '', lastTransitionTime: '' },
    ],
  };
  const held = decide({ ...seen('/metrics'), card: { ...withPath('/metrics'), status } }, settings, now);
  expect(held.says('Verified')).toBe('True EvidenceHeld');
  expect(held.says('Ready')).toBe('False FetchFailed');
});
