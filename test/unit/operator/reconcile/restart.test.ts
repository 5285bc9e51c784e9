import { describe, expect, test } from 'vitest';
import type { CardEvidence } from '../../../../src/operator/inquiry/evidence.ts';
import type { Snapshot } from '../../../../src/operator/judge/snapshot.ts';
import type { CachedCard } from '../../../../src/operator/watch/cached.ts';
import { answered, card, evidence, minute, now, pod, refused, silent, snapshot } from './builders.ts';
import { settled, tell, writes } from './tell.ts';

const pods = ['weather-0', 'weather-1', 'weather-2'];
const impostor = 'spiffe://example.org/ns/team/sa/impostor';
const labelled = (...names: string[]) => names.map((name) => pod(name, { labelled: true }));
const complete = (seen: CardEvidence): CardEvidence => ({ ...seen, complete: true });

/** The stored card after the operator had asked all three pods. */
function stored(seen: CardEvidence, over: Partial<Snapshot> = {}): CachedCard {
  return settled(tell(snapshot({ pods, evidence: complete(seen), ...over })));
}

/** What a new operator would write, label or unlabel once it has learned this much. */
function restarted(before: CachedCard, labels: readonly string[], seen: CardEvidence, at = now + minute) {
  const told = tell(snapshot({ pods, card: before, labelledPods: labelled(...labels), evidence: seen }), at);
  return { told, written: writes(told, before), marks: told.marks };
}

describe('a restart of the operator', () => {
  const good = stored(evidence(answered('weather-0'), answered('weather-1'), answered('weather-2')));

  test.each([
    ['nothing', evidence()],
    ['one answer', evidence(answered('weather-1'))],
    ['two answers', evidence(answered('weather-0'), answered('weather-2'))],
    ['one unanswered attempt', evidence(silent('weather-0'))],
    ['all answers', evidence(answered('weather-0'), answered('weather-1'), answered('weather-2'))],
  ])('changes nothing of a verified card when it has learned %s', (_, seen) => {
    const { written, marks } = restarted(good, pods, seen);
    expect(written).toEqual([]);
    expect(marks).toEqual([]);
  });

  test('asks every pod at once', () => {
    expect(restarted(good, pods, evidence()).told.agenda.map(({ endpoint }) => endpoint.podName)).toEqual(pods);
  });

  test('believes no honest pod before the guilty one among its siblings was asked', () => {
    const guilty = answered('weather-1', { id: impostor });
    const bad = stored(evidence(answered('weather-0'), guilty, answered('weather-2')));
    for (const seen of [evidence(answered('weather-0')), evidence(answered('weather-0'), answered('weather-2'))]) {
      expect(restarted(bad, [], seen).written).toEqual([]);
      expect(restarted(bad, [], seen).marks).toEqual([]);
    }
    const all = evidence(answered('weather-0'), guilty, answered('weather-2'));
    expect(restarted(bad, [], all).written).toEqual([]);
  });

  test('names two guilty pods once, not one after the other', () => {
    const guilty = [answered('weather-1', { id: impostor }), refused('weather-2', 'PeerCertificateInvalid')] as const;
    const bad = stored(evidence(answered('weather-0'), ...guilty));
    expect(restarted(bad, [], evidence(guilty[0])).written).toEqual([]);
    expect(restarted(bad, [], evidence(answered('weather-0'), ...guilty)).written).toEqual([]);
  });

  test('finds guilt at once, whoever else has not been asked yet', () => {
    const { told, marks } = restarted(good, pods, evidence(answered('weather-1', { id: impostor })));
    expect(told.says('Verified')).toBe('False IdentityMismatch');
    expect(marks.map(({ attested }) => attested)).toEqual([undefined, undefined, undefined]);
  });

  test('trusts again once every pod has been asked and none is guilty any more', () => {
    const bad = stored(evidence(answered('weather-0'), answered('weather-1', { id: impostor })));
    const all = evidence(answered('weather-0'), answered('weather-1'), answered('weather-2'));
    const { told, marks } = restarted(bad, [], all);
    expect(told.says('Verified')).toBe('True mTLSVerified');
    expect(marks).toHaveLength(3);
  });

  test('changes nothing of a card with one silent pod', () => {
    const partly = stored(evidence(answered('weather-0'), silent('weather-1'), answered('weather-2')));
    expect(partly.status?.replicas).toEqual({ ready: 3, attested: 2 });
    const labels = ['weather-0', 'weather-2'];
    for (const seen of [
      evidence(silent('weather-1', now + minute)),
      evidence(silent('weather-1', now + minute), answered('weather-2')),
      evidence(answered('weather-0'), silent('weather-1', now + minute), answered('weather-2')),
    ]) {
      expect(restarted(partly, labels, seen).written).toEqual([]);
      expect(restarted(partly, labels, seen).marks).toEqual([]);
    }
  });

  test('changes nothing of a held card, and does not extend its hold', () => {
    const seen = evidence(...pods.map((name) => answered(name, { silentSince: now })));
    const before = stored(seen, { card: good, labelledPods: labelled(...pods) });
    expect(before.status?.heldSince).toBe('2026-03-01T12:00:00Z');
    const late = now + 9 * minute;
    const first = restarted(before, pods, evidence(silent('weather-0', late)), late);
    expect(first.written).toEqual([]);
    const all = evidence(...pods.map((name) => silent(name, late)));
    expect(restarted(before, pods, all, late).written).toEqual([]);
    expect(restarted(before, pods, all, late).marks).toEqual([]);
    expect(restarted(before, pods, all, now + 10 * minute).told.says('Verified')).toBe('False EvidenceExpired');
  });

  test('changes nothing of a card whose hold has ended: its silent pods are not trusted again', () => {
    const seen = evidence(...pods.map((name) => answered(name, { silentSince: now })));
    const held = stored(seen, { card: good, labelledPods: labelled(...pods) });
    const late = now + 11 * minute;
    const ended = settled(tell(snapshot({ pods, card: held, evidence: complete(seen) }), late));
    const again = evidence(...pods.map((name) => silent(name, late)));
    const { written, told } = restarted(ended, [], again, late);
    expect(told.says('Verified')).toBe('False EvidenceExpired');
    expect(written).toEqual([]);
  });

  test('is over for a card once all its pods have been asked: later news of one pod waits for nobody', () => {
    const seen = complete(evidence(answered('weather-0'), answered('weather-1', { cardId: 'b'.repeat(64) })));
    expect(restarted(good, pods, seen).told.says('Synced')).toBe('False ReplicasDisagree');
  });

  test('does not wait for a pod that cannot be read', () => {
    const seen = {
      ...evidence(answered('weather-0'), answered('weather-1')),
      unread: new Map([['weather-2-uid', { at: 0, endpointVersion: 'v', attempts: 1 }]]),
    };
    const { told, marks } = restarted(good, ['weather-0', 'weather-1'], seen);
    expect(told.fields?.replicas).toEqual({ ready: 3, attested: 2 });
    expect(marks).toEqual([]);
  });

  test('leaves a card of which nothing is stored alone until something was learned, and then says it at once', () => {
    expect(tell(snapshot({ pods })).status).toBeUndefined();
    const told = tell(snapshot({ pods, evidence: evidence(answered('weather-1')) }));
    expect(told.says('Ready')).toBe('True ReadyToServe');
  });
});

test.each([
  ['99999h', 24 * 60 * minute],
  ['24h', 24 * 60 * minute],
  ['1ms', 5_000],
  ['10m', 10 * minute],
])('a period of %s, however it came to be stored, is taken as the nearest that is allowed', (syncPeriod, ms) => {
  const asked = tell(snapshot({ card: card({ spec: { ...card().spec, syncPeriod } }) })).agenda;
  expect(asked.map(({ cadence }) => cadence.syncPeriodMs)).toEqual([ms]);
});

describe('a suspended card', () => {
  const suspended = (over: CachedCard = card()): CachedCard => ({ ...over, spec: { ...over.spec, suspend: true } });

  test('is not asked and says so, also when nothing was ever learned of it', () => {
    const told = tell(snapshot({ card: suspended() }));
    expect(told.agenda).toEqual([]);
    expect(told.says('Synced')).toBe('False Suspended');
    expect(told.says('Verified')).toBe('False FetchFailed');
  });

  test('keeps its verdict and its labels over a restart until its certificate ends, and no longer', () => {
    const first = settled(
      tell(snapshot({ card: suspended(), evidence: evidence(answered('weather-0')) })),
      suspended(),
    );
    expect(first.status?.identityExpiresAt).toBe('2026-03-01T12:30:00Z');
    const labelledPods = labelled('weather-0');
    const early = tell(snapshot({ card: first, labelledPods }), now + 29 * minute);
    expect(early.says('Verified')).toBe('True mTLSVerified');
    expect(early.marks).toEqual([]);
    expect(early.next).toBe(now + 30 * minute);
    const late = tell(snapshot({ card: first, labelledPods }), now + 30 * minute);
    expect(late.says('Verified')).toBe('False EvidenceExpired');
    expect(late.marks.map(({ attested }) => attested)).toEqual([undefined]);
  });

  const long = 366 * 24 * 60 * minute;
  const day = 24 * 60 * minute;
  const longLived = (name: string) => {
    const [uid, pod] = answered(name);
    const { answer } = pod;
    const peer = answer?.kind === 'card' && answer.peer && { ...answer.peer, notAfter: now + long };
    return [uid, { ...pod, answer: { ...answer, peer } as typeof answer }] as [string, typeof pod];
  };

  test('is trusted for a day after it was last heard, however long its certificate lives', () => {
    const seen = evidence(longLived('weather-0'));
    const before = tell(snapshot({ card: suspended(), evidence: seen }), now + day - 2 * minute);
    expect(before.says('Verified')).toBe('True mTLSVerified');
    expect(before.next).toBe(now + day - minute);
    const after = tell(snapshot({ card: suspended(), evidence: seen }), now + day - minute);
    expect(after.says('Verified')).toBe('False EvidenceExpired');
  });

  test('is trusted for a day after its suspension was told, however often the operator restarts', () => {
    const first = settled(
      tell(snapshot({ card: suspended(), evidence: evidence(longLived('weather-0')) })),
      suspended(),
    );
    const labelledPods = labelled('weather-0');
    const restarted = (after: number) => tell(snapshot({ card: first, labelledPods }), now + after);
    expect(restarted(day - minute).says('Verified')).toBe('True mTLSVerified');
    expect(restarted(day).says('Verified')).toBe('False EvidenceExpired');
    expect(restarted(day).marks.map(({ attested }) => attested)).toEqual([undefined]);
  });

  test('of which a restart left no evidence stands as long, and no longer', () => {
    const first = settled(
      tell(snapshot({ card: suspended(), evidence: evidence(longLived('weather-0')) })),
      suspended(),
    );
    const restarted = (after: number) => tell(snapshot({ card: first }), now + after);
    expect(restarted(day - minute).status).toBeUndefined();
    expect(restarted(day - minute).next).toBe(now + day);
    expect(restarted(day + minute).says('Verified')).not.toBe('True mTLSVerified');
    const held = settled(restarted(day), first);
    expect(tell(snapshot({ card: held }), now + day + 10 * minute).says('Verified')).toBe('False EvidenceExpired');
  });
});
