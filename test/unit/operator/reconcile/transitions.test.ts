import { describe, expect, test } from 'vitest';
import type { Condition } from '../../../../src/kube/objects.ts';
import type { StatusFields } from '../../../../src/operator/reconcile/status.ts';
import { transitions } from '../../../../src/operator/reconcile/transitions.ts';
import { card } from '../kit/builders.ts';

const { spec } = card();

/** Conditions in short: { Synced: 'True SyncSucceeded' }. */
function status(conditions: Readonly<Record<string, string>>, over: StatusFields = {}): StatusFields {
  const full = Object.entries(conditions).map(([type, text]): Condition => {
    const [is = '', reason = ''] = text.split(' ');
    return { type, status: is === 'True' ? 'True' : 'False', reason, message: `${reason}.`, lastTransitionTime: '' };
  });
  return { conditions: full, ...over };
}

const told = (before: StatusFields, after: StatusFields) =>
  transitions(before, after, spec).map(({ type, reason }) => `${type} ${reason}`);

const absent = {
  Synced: 'False WorkloadNotReady',
  Verified: 'False NotVerified',
  Bound: 'False WorkloadUnresolved',
  Enforced: 'True PolicyApplied',
};
const good = {
  Synced: 'True SyncSucceeded',
  Verified: 'True mTLSVerified',
  Bound: 'True Bound',
  Enforced: 'True PolicyApplied',
};

describe('conditions', () => {
  test('a state is never told twice', () => {
    expect(told(status(good), status(good))).toEqual([]);
  });

  test('an agent that is not there yet is told once, by Synced', () => {
    expect(told({}, status({ ...absent, Enforced: 'False Off' }))).toEqual(['Warning WorkloadNotReady']);
  });

  test('a first proof is told', () => {
    expect(told(status(absent), status(good))).toEqual(['Normal SyncSucceeded', 'Normal mTLSVerified', 'Normal Bound']);
  });

  test('an agent that falls silent is told with its hold, its return without alarm', () => {
    const held = { ...good, Synced: 'False FetchFailed', Verified: 'True EvidenceHeld' };
    expect(told(status(good), status(held))).toEqual(['Warning FetchFailed', 'Warning EvidenceHeld']);
    expect(told(status(held), status(good))).toEqual(['Normal SyncSucceeded', 'Normal mTLSVerified']);
  });

  test('guilt is told whatever was before', () => {
    const guilty = { ...good, Verified: 'False IdentityMismatch', Bound: 'False SpiffeIDMismatch' };
    expect(told({}, status(guilty))).toEqual(
      expect.arrayContaining(['Warning IdentityMismatch', 'Warning SpiffeIDMismatch']),
    );
  });

  test('losing trust is told', () => {
    const plain = { ...good, Verified: 'False NotVerified', Bound: 'False NoIdentity' };
    expect(told(status(good), status(plain))).toEqual(['Warning NotVerified', 'Warning NoIdentity']);
  });
});

describe('besides conditions', () => {
  test("an agent's text is told as it is", () => {
    const text = 'Pod w: 100% %s %d %n {0}.';
    const failed = status({ ...good, Synced: 'False FetchFailed' });
    const conditions = (failed.conditions ?? []).map((one) =>
      one.type === 'Synced' ? { ...one, message: text } : one,
    );
    expect(transitions(status(good), { ...failed, conditions }, spec).map(({ note }) => note)).toEqual([text]);
  });

  test('a quarantine is told where no mechanism is on, once', () => {
    const off = { Ready: 'True ReadyToServe', Synced: 'True SyncSucceeded' };
    const cut = { ...off, Ready: 'False Quarantined' };
    expect(told(status(off), status(cut))).toEqual(['Warning Quarantined']);
    expect(told(status(cut), status(cut))).toEqual([]);
    expect(told(status(good), status({ ...good, Verified: 'False Quarantined', Ready: 'False Quarantined' }))).toEqual([
      'Warning Quarantined',
    ]);
  });

  test('a changed card is told with both ids', () => {
    const [note] = transitions(status(good, { cardId: 'a' }), status(good, { cardId: 'b' }), spec);
    expect(note).toMatchObject({ reason: 'CardContentChanged', note: 'The card changed from a to b.' });
  });

  describe('a Service without a port for mutual TLS is told once', () => {
    const transport = (result: 'pass' | 'fail' | 'unknown' | 'skipped', observed: string) => {
      return { name: 'transport', result, expected: 'SPIFFE mutual TLS on Service port agent-tls', observed };
    };
    const tls = status(good, { source: 'mtls', checks: [transport('pass', 'mutual TLS')] });
    const plain = { checks: [transport('fail', 'plain HTTP')] };

    test.each([
      ['where HTTP answers', { ...plain, source: 'http' as const }],
      ['where a ConfigMap does', { ...plain, source: 'configmap' as const }],
      ['where nothing answers', plain],
    ])('%s', (_, now) => {
      expect(told(tls, status(good, now))).toEqual(['Warning FallbackToHTTP']);
      expect(told(status({}), status({}, now))).toEqual(['Warning FallbackToHTTP']);
      expect(told(status(good, now), status(good, now))).toEqual([]);
    });

    test.each([
      ['a peer that proves nothing', [transport('fail', 'The certificate has expired.')]],
      ['an agent that is away', [transport('unknown', 'plain HTTP')]],
      ['signatures alone', [{ name: 'transport', result: 'skipped' as const }]],
    ])('and %s is not taken for one', (_, checks) => {
      expect(told(tls, status(good, { source: 'http', checks }))).toEqual([]);
    });
  });

  test('a mesh is told once, and again when what mends it is another thing', () => {
    const hinted = (hint?: string) =>
      status(good, { checks: [{ name: 'transport', result: 'pass', observed: 'mutual TLS', ...(hint && { hint }) }] });
    const [istio, linkerd] = ['Service mesh: Istio.', 'Service mesh: Linkerd.'];
    expect(told(hinted(), hinted(istio))).toEqual(['Warning ServiceMesh']);
    expect(told(hinted(istio), hinted(istio))).toEqual([]);
    expect(told(hinted(istio), hinted(`Something else besides. ${istio}`))).toEqual([]);
    expect(told(hinted(istio), hinted(linkerd))).toEqual(['Warning ServiceMesh']);
    expect(told(hinted(istio), hinted())).toEqual([]);
  });

  test('a pod of something else is told once', () => {
    const foreign = status(good, {
      checks: [{ name: 'endpoint', result: 'pass', expected: 'ours', observed: 'Service s also leads to pod x' }],
    });
    expect(told(status(good), foreign)).toEqual(['Warning ForeignPod']);
    expect(told(foreign, foreign)).toEqual([]);
  });

  test('sigstoreVerification is told once per generation', () => {
    const wanted = { ...spec, sigstoreVerification: { certificateIdentity: 'x' } };
    const at = (observedGeneration: number) => status(good, { observedGeneration });
    expect(transitions(at(1), at(2), wanted).map(({ reason }) => reason)).toEqual(['SigstoreNotSupported']);
    expect(transitions(at(2), at(2), wanted)).toEqual([]);
  });
});
