import { describe, expect, test } from 'vitest';
import { blockedRemedies } from '../../../../src/operator/api/conditions.ts';
import { findingFrom } from '../../../../src/operator/inquiry/dial/finding.ts';
import { podFacts } from '../../../../src/operator/workload/pod.ts';
import { failed } from '../../../../src/spiffe/tls/outcome.ts';
import { impostor, now, plainService, pod } from '../kit/builders.ts';
import type { Given, PodGiven } from '../kit/given.ts';
import { tell } from '../kit/tell.ts';

/** One pod, weather-0, and what it shows. */
const one = (shows: PodGiven): Pick<Given, 'pods'> => ({ pods: { 'weather-0': shows } });
const proven = tell(one({ answers: { minutesAgo: 0 } }));
/** It answered, and then did not for so long. */
const silentFor = (minutes: number, certificateMinutes = 30) =>
  one({ answers: { minutesAgo: minutes + 1, certificateMinutes }, silent: { minutes } });

describe('absence is not guilt', () => {
  test('a silent agent is not Ready at once, but its verdict is held and its label stays', () => {
    const told = tell({ after: 2, ...silentFor(1) }, proven);
    expect(told.says('Synced')).toBe('False FetchFailed');
    expect(told.says('Ready')).toBe('False FetchFailed');
    expect(told.says('Verified')).toBe('True EvidenceHeld');
    expect(told.fields?.heldSince).toBe('2026-03-01T12:01:00Z');
    expect(told.marks).toEqual([]);
    expect(told.plan.status?.card).toEqual({ kind: 'kept' });
  });

  test('a hold ends after the evidence time, and then the label goes', () => {
    const told = tell({ after: 11, ...silentFor(10) }, proven);
    expect(told.says('Verified')).toBe('False EvidenceExpired');
    expect(told.plan.marks).toEqual([{ podName: 'weather-0', podUid: 'weather-0-uid', attested: undefined }]);
  });

  test('a hold never outlives the certificate', () => {
    const told = tell({ after: 4, ...silentFor(3, 3) }, proven);
    expect(told.says('Verified')).toBe('False EvidenceExpired');
  });

  test('after a restart nothing is written or removed until the first answer or unanswered attempt', () => {
    const told = tell({ after: 1, complete: false, ...one({}) }, proven);
    expect(told.plan.status).toBeUndefined();
    expect(told.marks).toEqual([]);
    expect(told.asks).toHaveLength(1);
  });

  test('after a restart the first unanswered attempt begins the hold, and another restart does not extend it', () => {
    const restarted = (after: number, minutes: number): Given => {
      return { after, complete: false, ...one({ silent: { minutes } }) };
    };
    const told = tell(restarted(2, 1), proven);
    expect(told.says('Verified')).toBe('True EvidenceHeld');
    expect(told.fields?.heldSince).toBe('2026-03-01T12:01:00Z');
    const later = tell(restarted(6, 1), told);
    expect(later.fields?.heldSince).toBe('2026-03-01T12:01:00Z');
    const end = tell(restarted(11, 6), told);
    expect(end.says('Verified')).toBe('False EvidenceExpired');
  });

  test('a labelled pod whose containers were replaced loses the label before it is asked', () => {
    const told = tell({ after: 1, complete: false, ...one({}), labelled: { 'weather-0': 'replaced' } }, proven);
    expect(told.plan.marks).toEqual([{ podName: 'weather-0', podUid: 'weather-0-uid', attested: undefined }]);
    expect(told.asks).toHaveLength(1);
  });

  test('guilt flips a held verdict at once', () => {
    const told = tell({ after: 1, ...one({ answers: { id: impostor } }) }, proven);
    expect(told.says('Verified')).toBe('False IdentityMismatch');
    expect(told.marks).toEqual(['off weather-0']);
  });

  test('losing port agent-tls is no absence: verdict and label go at once', () => {
    const told = tell({ services: [plainService], ...one({ answers: { source: 'http' } }) }, proven);
    expect(told.says('Verified')).toBe('False NotVerified');
    expect(told.marks).toEqual(['off weather-0']);
  });

  test('a Service that vanished holds the verdict and names itself in Synced', () => {
    const told = tell({ after: 1, services: [], pods: {} }, proven);
    expect(told.says('Synced')).toBe('False ServiceNotFound');
    expect(told.says('Verified')).toBe('True EvidenceHeld');
    expect(told.says('Bound')).toBe('False WorkloadUnresolved');
  });

  test('a workload that is gone takes its card and its trust along', () => {
    const told = tell({ after: 1, workload: null, pods: {} }, proven);
    expect(told.says('Synced')).toBe('False WorkloadNotFound');
    expect(told.says('Verified')).toBe('False NotVerified');
    expect(told.fields?.attestedAgentSpiffeId).toBeUndefined();
    expect(told.fields?.cardId).toBeUndefined();
    expect(told.plan.status?.card).toEqual({ kind: 'none' });
  });

  test('messages do not change while nothing happens', () => {
    const early = tell({ after: 1, ...silentFor(1) }, tell());
    const late = tell({ after: 5, ...silentFor(5) }, early);
    expect(late.fields).toEqual(early.fields);
  });
});

describe('when it is the operator that cannot ask', () => {
  test.each(['NoIdentity', 'NoBundle'] as const)('%s is told from an agent that is away', async (code) => {
    const facts = podFacts(pod('weather-0'), undefined);
    const finding = await findingFrom({ outcome: failed(code, 'no') }, facts, now, () => {
      throw new Error('there is no card');
    });
    expect(finding).toMatchObject({ kind: 'silence', reason: 'FetchFailed', blocked: code });
  });

  test.each(['NoIdentity', 'NoBundle'] as const)('%s sends nobody to the agent', (code) => {
    const blocked = { silent: { minutes: 1, blocked: code } };
    const told = tell({ after: 1, ...one({ answers: { minutesAgo: 2 }, ...blocked }) }, proven);
    expect(told.says('Ready')).toBe('False FetchFailed');
    expect(told.says('Verified')).toBe('True EvidenceHeld');
    const agentsRemedy = /Look at the agent|Bring the agent back/;
    for (const type of ['Ready', 'Synced', 'Verified']) {
      expect(told.condition(type)?.message).toContain(blockedRemedies[code]);
      expect(told.condition(type)?.message).not.toMatch(agentsRemedy);
    }
    const never = tell(one(blocked));
    expect(never.says('Verified')).toBe('False FetchFailed');
    expect(never.condition('Verified')?.message).toBe(`The operator cannot. ${blockedRemedies[code]}`);
  });
});

describe('the fleet brake', () => {
  /** After a restart, silent since the first moment; the brake holds until half an hour after that. */
  const silent = (after: number): Given => ({ after, complete: false, ...one({ silent: { minutes: after } }) });
  const braked = (after: number): Given => ({ ...silent(after), fleetHeldMinutes: 30 - after });

  test('keeps trust beyond the evidence’s time, where the certificate lasts as long', () => {
    expect(tell(braked(11), proven).says('Verified')).toBe('True EvidenceHeld');
    expect(tell(silent(11), proven).says('Verified')).toBe('False EvidenceExpired');
  });

  test('keeps nothing where the certificate’s end is not known', () => {
    const status = { ...proven.fields, identityExpiresAt: '2026-03-01T11:59:00Z' };
    const stored: Given = { card: { status, publishedHash: 'hash' }, labelled: { 'weather-0': 'fits' } };
    expect(tell({ ...stored, ...braked(11) }).says('Verified')).toBe('False EvidenceExpired');
    expect(tell({ ...stored, ...braked(9) }).says('Verified')).toBe('True EvidenceHeld');
  });
});
