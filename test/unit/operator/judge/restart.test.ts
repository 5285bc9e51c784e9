import { describe, expect, test } from 'vitest';
import { impostor, minute, now } from '../kit/builders.ts';
import type { Given, PodGiven } from '../kit/given.ts';
import { type Told, tell, writes } from '../kit/tell.ts';

type Pods = Readonly<Record<string, PodGiven>>;

const pods = ['weather-0', 'weather-1', 'weather-2'];
/** Three pods, and what some of them have shown since the operator started. */
const three = (shows: Pods): Pods => ({ 'weather-0': {}, 'weather-1': {}, 'weather-2': {}, ...shows });
const all = (shows: PodGiven): Pods => Object.fromEntries(pods.map((name) => [name, shows]));
const labels = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, 'fits' as const]));
const well: PodGiven = { answers: {} };
const guilty: PodGiven = { answers: { id: impostor } };
/** An attempt just now that brought nothing. */
const silent: PodGiven = { silent: { minutes: 0 } };

/** What was stored after the operator had asked all three pods. */
const stored = (shows: Pods, earlier?: Told, after = 0): Told =>
  tell({ after, pods: three(shows), labelled: {} }, earlier);

/** What a new operator would write, label or unlabel once it has learned this much. */
function restarted(before: Told, labelled: readonly string[], shows: Pods, over: Given = {}) {
  const told = tell({ after: 1, pods: three(shows), complete: false, labelled: labels(labelled), ...over }, before);
  return { told, written: writes(told), marks: told.marks };
}

const good = stored(all(well));

describe('a restart of the operator', () => {
  test.each([
    ['nothing', {}],
    ['one answer', { 'weather-1': well }],
    ['two answers', { 'weather-0': well, 'weather-2': well }],
    ['one unanswered attempt', { 'weather-0': { silent: { minutes: 2 } } }],
    ['all answers', all(well)],
  ])('changes nothing of a verified card when it has learned %s', (_, shows) => {
    const { written, marks } = restarted(good, pods, shows);
    expect(written).toEqual([]);
    expect(marks).toEqual([]);
  });

  test('asks every pod at once', () => {
    expect(restarted(good, pods, {}).told.plan.agenda.map(({ endpoint }) => endpoint.podName)).toEqual(pods);
  });

  test('believes no honest pod before the guilty one among its siblings was asked', () => {
    const bad = stored({ ...all(well), 'weather-1': guilty });
    for (const shows of [{ 'weather-0': well }, { 'weather-0': well, 'weather-2': well }]) {
      expect(restarted(bad, [], shows).written).toEqual([]);
      expect(restarted(bad, [], shows).marks).toEqual([]);
    }
    expect(restarted(bad, [], { ...all(well), 'weather-1': guilty }).written).toEqual([]);
  });

  test('names two guilty pods once, not one after the other', () => {
    const both = { 'weather-1': guilty, 'weather-2': { refuses: { code: 'PeerCertificateInvalid' } } };
    const bad = stored({ 'weather-0': well, ...both });
    expect(restarted(bad, [], { 'weather-1': guilty }).written).toEqual([]);
    expect(restarted(bad, [], { 'weather-0': well, ...both }).written).toEqual([]);
  });

  test('finds guilt at once, whoever else has not been asked yet', () => {
    const { told, marks } = restarted(good, pods, { 'weather-1': guilty });
    expect(told.says('Verified')).toBe('False IdentityMismatch');
    expect(marks).toEqual(['off weather-0', 'off weather-1', 'off weather-2']);
  });

  test('trusts again once every pod has been asked and none is guilty any more', () => {
    const bad = stored({ 'weather-0': well, 'weather-1': guilty });
    const { told, marks } = restarted(bad, [], all(well));
    expect(told.says('Verified')).toBe('True mTLSVerified');
    expect(marks).toHaveLength(3);
  });

  test('changes nothing of a card with one silent pod', () => {
    const partly = stored({ ...all(well), 'weather-1': { silent: { minutes: 1 } } });
    expect(partly.fields?.replicas).toEqual({ ready: 3, attested: 2 });
    for (const shows of [
      { 'weather-1': silent },
      { 'weather-1': silent, 'weather-2': well },
      { 'weather-0': well, 'weather-1': silent, 'weather-2': well },
    ]) {
      expect(restarted(partly, ['weather-0', 'weather-2'], shows).written).toEqual([]);
      expect(restarted(partly, ['weather-0', 'weather-2'], shows).marks).toEqual([]);
    }
  });

  test('changes nothing of a held card, and does not extend its hold', () => {
    const before = tell({ pods: all({ ...well, ...silent }), labelled: labels(pods) }, good);
    expect(before.fields?.heldSince).toBe('2026-03-01T12:00:00Z');
    expect(restarted(before, pods, { 'weather-0': silent }, { after: 9 }).written).toEqual([]);
    expect(restarted(before, pods, all(silent), { after: 9 }).written).toEqual([]);
    expect(restarted(before, pods, all(silent), { after: 9 }).marks).toEqual([]);
    const end = restarted(before, pods, all({ silent: { minutes: 1 } }), { after: 10 });
    expect(end.told.says('Verified')).toBe('False EvidenceExpired');
  });

  test('changes nothing of a card whose hold has ended: its silent pods are not trusted again', () => {
    const held = tell({ pods: all({ ...well, ...silent }), labelled: labels(pods) }, good);
    const ended = stored(all({ answers: { minutesAgo: 12 }, silent: { minutes: 11 } }), held, 11);
    const { written, told } = restarted(ended, [], all(silent), { after: 11 });
    expect(told.says('Verified')).toBe('False EvidenceExpired');
    expect(written).toEqual([]);
  });

  test('takes silence for its own in the first ten seconds, when the network may not know its address yet', () => {
    for (const shows of [{ 'weather-1': silent }, { ...all(well), 'weather-1': silent }, all(silent)]) {
      for (const complete of [false, true]) {
        const { told, written, marks } = restarted(good, pods, shows, { openSeconds: 9, complete });
        expect({ written, marks }).toEqual({ written: [], marks: [] });
        expect(told.verdict.until).toBe(told.at + 1_000);
      }
    }
    for (const openSeconds of [10, -1]) {
      const late = restarted(good, pods, all(silent), { openSeconds, complete: true }).told;
      expect(late.says('Synced')).toBe('False FetchFailed');
      expect(late.says('Verified')).toBe('True EvidenceHeld');
    }
  });

  test('hears guilt in those seconds, and what is new of a card that was not Ready', () => {
    const open = { openSeconds: 1 };
    expect(restarted(good, pods, { ...all(silent), 'weather-1': guilty }, open).told.says('Ready')).toBe(
      'False IdentityMismatch',
    );
    const bad = stored({ ...all(well), 'weather-1': guilty });
    const silence = restarted(bad, [], all(silent));
    expect(silence.written).not.toEqual([]);
    expect(restarted(bad, [], all(silent), open).written).toEqual(silence.written);
  });

  test('is over for a card once all its pods have been asked: later news of one pod waits for nobody', () => {
    const shows = { 'weather-0': well, 'weather-1': { answers: { cardId: 'b' } } };
    expect(restarted(good, pods, shows, { complete: true }).told.says('Synced')).toBe('False ReplicasDisagree');
  });

  test('does not wait for a pod that cannot be read', () => {
    const shows = { 'weather-0': well, 'weather-1': well };
    const { told, marks } = restarted(good, ['weather-0', 'weather-1'], shows, { unread: ['weather-2'] });
    expect(told.fields?.replicas).toEqual({ ready: 3, attested: 2 });
    expect(marks).toEqual([]);
  });

  test('leaves a card of which nothing is stored alone until something was learned, and then says it at once', () => {
    expect(tell({ pods: three({}), complete: false }).plan.status).toBeUndefined();
    const told = tell({ pods: three({ 'weather-1': well }), complete: false });
    expect(told.says('Ready')).toBe('True ReadyToServe');
  });
});

describe('a card whose EndpointSlice names no pod of its own', () => {
  const away = (minutes: number) => all({ nowhere: minutes });

  test('says that nothing is there, whatever somebody wrote into its status', () => {
    const forged = { observedGeneration: -1, attestedAgentSpiffeId: impostor };
    const told = tell({ pods: away(1), card: { status: forged } });
    expect(told.says('Synced')).toBe('False FetchFailed');
    expect(told.says('Verified')).toBe('False FetchFailed');
    expect(told.condition('Verified')?.message).toMatch(
      /^No such pod is where its EndpointSlice says\. Leave the EndpointSlices/,
    );
    expect(told.fields).toMatchObject({ observedGeneration: 1 });
    expect(told.fields?.attestedAgentSpiffeId).toBeUndefined();
  });

  test('is left alone while the slice may be late', () => {
    expect(tell({ pods: away(0), complete: false }).plan.status).toBeUndefined();
    expect(restarted(good, pods, away(0)).written).toEqual([]);
  });

  test('was trusted before a restart, and is not for longer than one that does not answer', () => {
    const held = restarted(good, pods, away(1));
    expect(held.told.says('Verified')).toBe('True EvidenceHeld');
    expect(held.marks).toEqual([]);
    const end = restarted(held.told, pods, away(12), { after: 12 });
    expect(end.told.says('Verified')).toBe('False EvidenceExpired');
    expect([...end.marks].sort()).toEqual(pods.map((name) => `off ${name}`));
  });
});

describe('a suspended card', () => {
  const suspended: Given = { card: { spec: { suspend: true } } };
  const unasked: Given = { ...suspended, pods: { 'weather-0': {} }, complete: false };

  test('is not asked and says so, also when nothing was ever learned of it', () => {
    const told = tell(unasked);
    expect(told.plan.agenda).toEqual([]);
    expect(told.says('Synced')).toBe('False Suspended');
    expect(told.says('Verified')).toBe('False FetchFailed');
  });

  test('keeps its verdict and its labels over a restart until its certificate ends, and no longer', () => {
    const first = tell(suspended);
    expect(first.fields?.identityExpiresAt).toBe('2026-03-01T12:30:00Z');
    const early = tell({ ...unasked, after: 29, labelled: { 'weather-0': 'fits' } }, first);
    expect(early.says('Verified')).toBe('True mTLSVerified');
    expect(early.marks).toEqual([]);
    expect(early.plan.next).toBe(now + 30 * minute);
    const late = tell({ ...unasked, after: 30, labelled: { 'weather-0': 'fits' } }, first);
    expect(late.says('Verified')).toBe('False EvidenceExpired');
    expect(late.marks).toEqual(['off weather-0']);
  });

  const day = 24 * 60;
  /** Asked a minute before it was suspended, with a certificate for a year. */
  const longLived: Given = { ...suspended, pods: { 'weather-0': { answers: { certificateMinutes: 366 * day } } } };
  const labelled = { 'weather-0': 'fits' } as const;

  test('is trusted for a day after it was last heard, however long its certificate lives', () => {
    const seen = (after: number) => tell({ ...longLived, after, pods: heard(after) });
    const heard = (after: number): Pods => ({
      'weather-0': { answers: { certificateMinutes: 366 * day, minutesAgo: 1 + after } },
    });
    expect(seen(day - 2).says('Verified')).toBe('True mTLSVerified');
    expect(seen(day - 2).plan.next).toBe(now + (day - 1) * minute);
    expect(seen(day - 1).says('Verified')).toBe('False EvidenceExpired');
  });

  test('is trusted for a day after its suspension was told, however often the operator restarts', () => {
    const first = tell(longLived);
    const later = (after: number) => tell({ ...unasked, after, labelled }, first);
    expect(later(day - 1).says('Verified')).toBe('True mTLSVerified');
    expect(later(day).says('Verified')).toBe('False EvidenceExpired');
    expect(later(day).marks).toEqual(['off weather-0']);
  });

  test('of which a restart left no evidence stands as long, and no longer', () => {
    const first = tell(longLived);
    const later = (after: number, before = first) => tell({ ...unasked, after, labelled: {} }, before);
    expect(later(day - 1).plan.status).toBeUndefined();
    expect(later(day - 1).plan.next).toBe(now + day * minute);
    expect(later(day + 1).says('Verified')).not.toBe('True mTLSVerified');
    expect(later(day + 10, later(day)).says('Verified')).toBe('False EvidenceExpired');
  });
});

test.each([
  ['99999h', 24 * 60 * minute],
  ['24h', 24 * 60 * minute],
  ['1ms', 5_000],
  ['10m', 10 * minute],
])('a period of %s, however it came to be stored, is taken as the nearest that is allowed', (syncPeriod, ms) => {
  const { agenda } = tell({ card: { spec: { syncPeriod } }, pods: { 'weather-0': {} } }).plan;
  expect(agenda.map(({ cadence }) => cadence.syncPeriodMs)).toEqual([ms]);
});
