import { describe, expect, test } from 'vitest';
import { blockedRemedies } from '../../../../src/operator/api/conditions.ts';
import { findingFrom } from '../../../../src/operator/inquiry/dial/finding.ts';
import type { PodEvidence } from '../../../../src/operator/inquiry/evidence.ts';
import { podFacts } from '../../../../src/operator/workload/pod.ts';
import { failed } from '../../../../src/spiffe/tls/outcome.ts';
import { answered, evidence, minute, now, pod, silent, snapshot } from './builders.ts';
import { settled, tell } from './tell.ts';

const proven = settled(tell(snapshot({ evidence: evidence(answered('weather-0', { at: now })) })));
const labelledPods = [pod('weather-0', { labelled: true })];

/** A silent pod whose last attempt failed for a reason of ours. */
function blocked(code: 'NoIdentity' | 'NoBundle', [uid, seen] = answered('weather-0', { silentSince: now })) {
  const silence = seen.silence && { ...seen.silence, message: 'the operator cannot', blocked: code };
  return evidence([uid, { ...seen, silence } satisfies PodEvidence]);
}

describe('when it is the operator that cannot ask', () => {
  test.each(['NoIdentity', 'NoBundle'] as const)('%s is told from an agent that is away', async (code) => {
    const finding = await findingFrom(
      { outcome: failed(code, 'no') },
      podFacts(pod('weather-0'), undefined),
      now,
      () => {
        throw new Error('there is no card');
      },
    );
    expect(finding).toMatchObject({ kind: 'silence', reason: 'FetchFailed', blocked: code });
  });

  test.each(['NoIdentity', 'NoBundle'] as const)('%s sends nobody to the agent', (code) => {
    const told = tell(snapshot({ card: proven, evidence: blocked(code), labelledPods }), now + minute);
    expect(told.says('Ready')).toBe('False FetchFailed');
    expect(told.says('Verified')).toBe('True EvidenceHeld');
    const agentsRemedy = /Look at the agent|Bring the agent back/;
    for (const type of ['Ready', 'Synced', 'Verified']) {
      expect(told.condition(type)?.message).toContain(blockedRemedies[code]);
      expect(told.condition(type)?.message).not.toMatch(agentsRemedy);
    }
    const never = tell(snapshot({ evidence: blocked(code, silent('weather-0')) }));
    expect(never.says('Verified')).toBe('False FetchFailed');
    expect(never.condition('Verified')?.message).toBe(`The operator cannot. ${blockedRemedies[code]}`);
  });
});

describe('the fleet brake', () => {
  const fleetHeldUntil = now + 30 * minute;
  const silentPod = evidence(silent('weather-0', now));
  const at = now + 11 * minute;

  test('keeps trust beyond the evidence’s time, where the certificate lasts as long', () => {
    const seen = { card: proven, evidence: silentPod, labelledPods };
    expect(tell(snapshot({ ...seen, fleetHeldUntil }), at).says('Verified')).toBe('True EvidenceHeld');
    expect(tell(snapshot(seen), at).says('Verified')).toBe('False EvidenceExpired');
  });

  test('keeps nothing where the certificate’s end is not known', () => {
    const status = { ...proven.status, identityExpiresAt: '2026-03-01T11:59:00Z' };
    const seen = { card: { ...proven, status }, evidence: silentPod, labelledPods, fleetHeldUntil };
    expect(tell(snapshot(seen), at).says('Verified')).toBe('False EvidenceExpired');
    expect(tell(snapshot(seen), now + 9 * minute).says('Verified')).toBe('True EvidenceHeld');
  });
});
