import { expect, test } from 'vitest';
import { agenda, type Cadence } from '../../../../src/operator/inquiry/agenda.ts';
import { type CardEvidence, noEvidence, type Unread } from '../../../../src/operator/inquiry/evidence.ts';
import { endpointsOf } from '../../../../src/operator/workload/service.ts';
import { answered, evidence, minute, now, refused, service, silent, slice } from '../kit/builders.ts';

const cadence: Cadence = { transport: 'mtls', syncPeriodMs: 5 * minute, refresh: undefined, seed: 'card-uid' };

function due(pods: readonly string[], seen: CardEvidence, at = now, over: Partial<Cadence> = {}) {
  const endpoints = endpointsOf(service, [slice(pods)], 'agent-tls');
  const { now: ask, next } = agenda(endpoints, seen, { ...cadence, ...over }, at);
  const named = (some: typeof ask) => some.map(({ endpoint }) => endpoint.podName);
  return { ask: named(ask), urgent: named(ask.filter(({ urgent }) => urgent)), next };
}

test('a pod that was never asked is asked at once', () => {
  expect(due(['a-0', 'a-1'], noEvidence).ask).toEqual(['a-0', 'a-1']);
});

test('an answered pod rests for about one sync period, and then the one asked longest ago has its turn', () => {
  const seen = evidence(answered('a-0', { at: now - minute }), answered('a-1', { at: now - 2 * minute }));
  const resting = due(['a-0', 'a-1'], seen, now);
  expect(resting.ask).toEqual([]);
  expect(resting.next).toBeGreaterThan(now + 3 * minute);
  expect(resting.next).toBeLessThan(now + 5 * minute);
  expect(due(['a-0', 'a-1'], seen, now + 5 * minute).ask).toEqual(['a-1']);
});

test('when the clock is set back, pods of every kind are asked in turn, as if it was long ago', () => {
  const later = now + 30 * minute;
  const both = evidence(answered('a-0', { at: later }), answered('a-1', { at: later }));
  expect(due(['a-0', 'a-1'], both).ask).toEqual(['a-0']);
  const asked = evidence(answered('a-0', { at: now }), answered('a-1', { at: later }));
  expect(due(['a-0', 'a-1'], asked).ask).toEqual([]);
  expect(due(['a-0', 'a-1'], asked, now + 6 * minute).ask).toEqual(['a-1']);
  expect(due(['a-0'], evidence(silent('a-0', later))).ask).toEqual(['a-0']);
  const [uid, pod] = refused('a-0', 'TrustDomainMismatch');
  const answer = pod.answer && { ...pod.answer, at: later };
  expect(due(['a-0'], evidence([uid, { ...pod, answer }])).ask).toEqual(['a-0']);
});

test('a pod is asked at 80 % of its certificate, and more often as the end comes near', () => {
  // Valid from 30 minutes before now to 30 minutes after it: 80 % is 18 minutes from now.
  const seen = evidence(answered('a-0', { at: now + 17 * minute }));
  expect(due(['a-0'], seen, now + 17.5 * minute).next).toBe(now + 18 * minute);
  expect(due(['a-0'], seen, now + 18 * minute).ask).toEqual(['a-0']);
  const still = evidence(answered('a-0', { at: now + 28 * minute }));
  expect(due(['a-0'], still, now + 28 * minute).next).toBe(now + 29 * minute);
});

test('a changed EndpointSlice entry calls for another look', () => {
  const [uid, pod] = answered('a-0');
  const seen = evidence([uid, { ...pod, endpointVersion: 'another' }]);
  expect(due(['a-0'], seen).ask).toEqual(['a-0']);
});

test('a silent pod is asked again with growing patience, never less often than once a minute', () => {
  const [uid, pod] = silent('a-0', now);
  const after = (attempts: number) => {
    const silence = pod.silence === undefined ? undefined : { ...pod.silence, attempts };
    return (due(['a-0'], evidence([uid, { ...pod, silence }]), now).next ?? Number.NaN) - now;
  };
  expect(after(1)).toBeLessThan(1_200);
  expect(after(4)).toBeGreaterThan(after(2));
  expect(after(50)).toBeLessThan(66_001);
});

test('a refused pod is asked again within half a minute, since the fault may have been mended', () => {
  const { ask, next } = due(['a-0'], evidence(refused('a-0', 'TrustDomainMismatch')), now);
  expect(ask).toEqual([]);
  expect(next).toBeLessThanOrEqual(now + 30_000);
});

test('a new value of the refresh annotation asks every pod now, and only once', () => {
  const seen = evidence(answered('a-0'), answered('a-1'));
  expect(due(['a-0', 'a-1'], seen, now, { refresh: '1' }).ask).toEqual(['a-0', 'a-1']);
  expect(due(['a-0', 'a-1'], { ...seen, refresh: '1' }, now, { refresh: '1' }).ask).toEqual([]);
});

test('a pod of something else is left alone for a while, or until its EndpointSlice entry changes', () => {
  const stranger = {
    at: now,
    podName: 'a-0',
    owner: 'ReplicaSet other',
    chosen: false,
    endpointVersion: '198.19.0.1 8443 true',
    attempts: 1,
  };
  expect(due(['a-0'], { ...noEvidence, strangers: new Map([['a-0-uid', stranger]]) })).toEqual({
    ask: [],
    urgent: [],
    next: now + 30_000,
  });
  const moved = { ...stranger, endpointVersion: 'before' };
  expect(due(['a-0'], { ...noEvidence, strangers: new Map([['a-0-uid', moved]]) }).ask).toEqual(['a-0']);
});

test('the turns of many cards do not fall together', () => {
  const seen = evidence(answered('a-0', { at: now }));
  const turns = Array.from({ length: 50 }, (_, index) => due(['a-0'], seen, now, { seed: `card-${index}` }).next);
  expect(new Set(turns).size).toBeGreaterThan(45);
});

test('news makes a question urgent: a new pod, another entry, a request; a turn, a repetition and a renewal are not', () => {
  const [uid, pod] = answered('a-0', { at: now - 1_000 });
  expect(due(['a-0', 'a-1'], evidence([uid, pod])).urgent).toEqual(['a-1']);
  expect(due(['a-0'], evidence([uid, { ...pod, endpointVersion: 'another' }])).urgent).toEqual(['a-0']);
  expect(due(['a-0'], evidence([uid, pod]), now, { refresh: 'please' }).urgent).toEqual(['a-0']);
  for (const [seen, at] of [
    [evidence([uid, pod]), now + 6 * minute],
    [evidence(silent('a-0', now)), now + 2 * minute],
    [evidence(answered('a-0', { at: now + 17 * minute })), now + 18 * minute],
  ] as const) {
    expect(due(['a-0'], seen, at)).toMatchObject({ ask: ['a-0'], urgent: [] });
  }
});

test('what costs reads and teaches nothing is tried later each time, up to five minutes, whatever the sync period', () => {
  const vain = (attempts: number) => ({ at: now, since: now, endpointVersion: '198.19.0.1 8443 true', attempts });
  const unread = (attempts: number) => due(['a-0'], { ...noEvidence, unread: new Map([['a-0-uid', vain(attempts)]]) });
  expect([1, 2, 3, 9].map((attempts) => (unread(attempts).next ?? 0) - now)).toEqual([2_000, 4_000, 8_000, 300_000]);
  expect(unread(9).ask).toEqual([]);
  const stranger = (attempts: number) => {
    const seen = { ...vain(attempts), podName: 'a-0', chosen: false, owner: 'ReplicaSet other' };
    return due(['a-0'], { ...noEvidence, strangers: new Map([['a-0-uid', seen]]) }, now, { syncPeriodMs: 5_000 });
  };
  expect([1, 2, 9].map((attempts) => (stranger(attempts).next ?? 0) - now)).toEqual([5_000, 10_000, 300_000]);
});

test('a pod that could not be read is not asked by its turn either, and one whose entry changed is asked at once', () => {
  const unread = new Map([['a-0-uid', { at: now, since: now, endpointVersion: '198.19.0.1 8443 true', attempts: 5 }]]);
  const seen = { ...evidence(answered('a-0', { at: now - 3_600_000 })), unread };
  expect(due(['a-0'], seen).ask).toEqual([]);
  const moved = new Map([['a-0-uid', { at: now, since: now, endpointVersion: 'before', attempts: 5 }]]);
  expect(due(['a-0'], { ...noEvidence, unread: moved }).ask).toEqual(['a-0']);
});

test('a request for a refresh asks no pod that was tried in vain a moment ago, and is met by the others', () => {
  const endpoints = endpointsOf(service, [slice(['a-0', 'a-1', 'a-2'])], 'agent-tls');
  const [gone, other] = endpoints.map(({ version }) => ({
    at: now,
    since: now,
    endpointVersion: version,
    attempts: 1,
  })) as [Unread, Unread];
  const seen = {
    ...evidence(answered('a-2', { at: now - minute })),
    unread: new Map([['a-0-uid', gone]]),
    strangers: new Map([['a-1-uid', { ...other, podName: 'a-1', chosen: false, owner: 'ReplicaSet other' }]]),
  };
  const asked = agenda(endpoints, seen, { ...cadence, refresh: 'please' }, now);
  expect(asked.now.map(({ endpoint, refreshes }) => [endpoint.podName, refreshes])).toEqual([['a-2', true]]);
  expect(asked.next).toBe(now + 2_000);
});

test('whatever calls for a pod, it is asked once a second', () => {
  const [uid, pod] = answered('a-0', { at: now - 400 });
  const moved: [string, typeof pod] = [uid, { ...pod, endpointVersion: 'before' }];
  expect(due(['a-0'], evidence(moved))).toMatchObject({ ask: [], next: now + 600 });
  expect(due(['a-0'], evidence(moved), now + 600)).toMatchObject({ ask: ['a-0'], urgent: ['a-0'] });
  const refreshed = evidence(answered('a-0', { at: now - 400 }));
  expect(due(['a-0'], refreshed, now, { refresh: '1' })).toMatchObject({ ask: [], next: now + 600 });
  // All together, and what does not ask all of them meets no request.
  const both = evidence(answered('a-0', { at: now - 400 }), answered('a-1', { at: now - 4 * minute }));
  expect(due(['a-0', 'a-1'], both, now, { refresh: '1' })).toMatchObject({ ask: [], next: now + 600 });
  const met = (at: number) =>
    agenda(endpointsOf(service, [slice(['a-0', 'a-1'])], 'agent-tls'), both, { ...cadence, refresh: '1' }, at).now;
  expect(met(now + 600).map(({ refreshes }) => refreshes)).toEqual([true, true]);
  expect(met(now)).toEqual([]);
});
