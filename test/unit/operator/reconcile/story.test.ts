import { describe, expect, test } from 'vitest';
import {
  answered,
  card,
  evidence,
  expectedId,
  minute,
  now,
  pod,
  refused,
  silent,
  snapshot,
  workload,
} from './builders.ts';
import { settled, tell } from './tell.ts';

describe('first sight', () => {
  test('an agent that was never asked is asked at once and nothing is written', () => {
    const told = tell(snapshot());
    expect(told.status).toBeUndefined();
    expect(told.agenda.map(({ endpoint, transport }) => [endpoint.podName, transport])).toEqual([
      ['weather-0', 'mtls'],
    ]);
    expect(told.policy.operations).toEqual([]);
  });

  test('an agent that proves the expected identity is Verified, Bound and Ready, and its pod gets the label', () => {
    const told = tell(snapshot({ evidence: evidence(answered('weather-0')) }));
    expect(told.says('Verified')).toBe('True mTLSVerified');
    expect(told.says('Bound')).toBe('True Bound');
    expect(told.says('Ready')).toBe('True ReadyToServe');
    expect(told.fields?.attestedAgentSpiffeId).toBe(expectedId);
    expect(told.marks.map(({ podName, attested }) => [podName, attested !== undefined])).toEqual([['weather-0', true]]);
    expect(told.policy.operations.map(({ kind }) => kind)).toEqual(['create']);
  });

  test('an impostor of the same trust domain is named with the identity it has, and its card is not published', () => {
    const impostor = 'spiffe://example.org/ns/team/sa/impostor';
    const told = tell(snapshot({ evidence: evidence(answered('weather-0', { id: impostor })) }));
    expect(told.says('Synced')).toBe('True SyncSucceeded');
    expect(told.says('Verified')).toBe('False IdentityMismatch');
    expect(told.says('Bound')).toBe('False SpiffeIDMismatch');
    expect(told.says('Ready')).toBe('False IdentityMismatch');
    expect(told.condition('Bound')?.message).toContain(impostor);
    expect(told.condition('Bound')?.message).toContain(expectedId);
    expect(told.fields?.attestedAgentSpiffeId).toBe(impostor);
    expect(told.fields?.expectedSpiffeID).toBe(expectedId);
    expect(told.status?.card).toEqual({ kind: 'remove' });
    expect(told.marks).toEqual([]);
  });

  test('where binding is not strict a mismatch is recorded and nothing more', () => {
    const base = card();
    const loose = { ...base, spec: { ...base.spec, identityBinding: { strict: false } } };
    const other = evidence(answered('weather-0', { id: 'spiffe://example.org/ns/team/sa/other' }));
    const told = tell(snapshot({ card: loose, evidence: other }));
    expect(told.says('Verified')).toBe('True mTLSVerified');
    expect(told.says('Bound')).toBe('False SpiffeIDMismatch');
    expect(told.says('Ready')).toBe('True ReadyToServe');
    const floor = tell(snapshot({ card: loose, evidence: other }), now, { strictBinding: 'floor' });
    expect(floor.says('Verified')).toBe('False IdentityMismatch');
  });

  test('a foreign trust domain is guilt: it is only claimed, never attested', () => {
    const pods = evidence(refused('weather-0', 'TrustDomainMismatch', 'spiffe://evil.org/ns/team/sa/weather'));
    const told = tell(snapshot({ evidence: pods }));
    expect(told.says('Verified')).toBe('False IdentityMismatch');
    expect(told.says('Bound')).toBe('False TrustDomainMismatch');
    expect(told.fields?.attestedAgentSpiffeId).toBeUndefined();
    const check = told.fields?.checks?.find(({ name }) => name === 'server-identity');
    expect(check?.observed).toBe('claims spiffe://evil.org/ns/team/sa/weather');
  });

  test('without port agent-tls a card is read over HTTP and proves nothing', () => {
    const service = {
      metadata: { name: 'weather', namespace: 'team' },
      spec: { ports: [{ name: 'http', port: 8080 }] },
    };
    const pods = evidence(answered('weather-0', { transport: 'http' }));
    const told = tell(snapshot({ services: [service], evidence: pods }));
    expect(told.says('Synced')).toBe('True SyncSucceeded');
    expect(told.says('Verified')).toBe('False NotVerified');
    expect(told.says('Bound')).toBe('False NoIdentity');
    expect(told.says('Ready')).toBe('False NotVerified');
    expect(told.fields?.source).toBe('http');
  });

  test('with every mechanism off a card says nothing about trust', () => {
    const pods = evidence(answered('weather-0', { transport: 'http' }));
    const told = tell(snapshot({ evidence: pods }), now, { mtls: false, enforcement: 'off' });
    expect(told.says('Verified')).toBeUndefined();
    expect(told.says('Bound')).toBeUndefined();
    expect(told.says('Ready')).toBe('True ReadyUnverified');
    expect(told.condition('Ready')?.message).toContain('is not checked');
  });
});

describe('absence is not guilt', () => {
  const first = tell(snapshot({ evidence: evidence(answered('weather-0', { at: now })) }));
  const labelledPods = [pod('weather-0', { labelled: true })];

  test('a silent agent is not Ready at once, but its verdict is held and its label stays', () => {
    const pods = evidence(answered('weather-0', { silentSince: now + minute }));
    const told = tell(snapshot({ card: settled(first), evidence: pods, labelledPods }), now + 2 * minute);
    expect(told.says('Synced')).toBe('False FetchFailed');
    expect(told.says('Ready')).toBe('False FetchFailed');
    expect(told.says('Verified')).toBe('True EvidenceHeld');
    expect(told.fields?.heldSince).toBe('2026-03-01T12:01:00Z');
    expect(told.marks).toEqual([]);
    expect(told.status?.card).toEqual({ kind: 'keep' });
  });

  test('a hold ends after the evidence time, and then the label goes', () => {
    const pods = evidence(answered('weather-0', { silentSince: now + minute }));
    const told = tell(snapshot({ card: settled(first), evidence: pods, labelledPods }), now + 11 * minute);
    expect(told.says('Verified')).toBe('False EvidenceExpired');
    expect(told.marks).toEqual([{ podName: 'weather-0', podUid: 'weather-0-uid', attested: undefined }]);
  });

  test('a hold never outlives the certificate', () => {
    const pods = evidence(answered('weather-0', { silentSince: now + minute, notAfter: now + 3 * minute }));
    const told = tell(snapshot({ card: settled(first), evidence: pods, labelledPods }), now + 4 * minute);
    expect(told.says('Verified')).toBe('False EvidenceExpired');
  });

  test('after a restart nothing is written or removed until the first answer or unanswered attempt', () => {
    const told = tell(snapshot({ card: settled(first), labelledPods }), now + minute);
    expect(told.status).toBeUndefined();
    expect(told.marks).toEqual([]);
    expect(told.agenda).toHaveLength(1);
  });

  test('after a restart the first unanswered attempt begins the hold, and another restart does not extend it', () => {
    const pods = evidence(silent('weather-0', now + minute));
    const told = tell(snapshot({ card: settled(first), labelledPods, evidence: pods }), now + 2 * minute);
    expect(told.says('Verified')).toBe('True EvidenceHeld');
    expect(told.fields?.heldSince).toBe('2026-03-01T12:01:00Z');
    const again = evidence(silent('weather-0', now + 5 * minute));
    const later = tell(snapshot({ card: settled(told), labelledPods, evidence: again }), now + 6 * minute);
    expect(later.fields?.heldSince).toBe('2026-03-01T12:01:00Z');
    const end = tell(snapshot({ card: settled(told), labelledPods, evidence: again }), now + 11 * minute);
    expect(end.says('Verified')).toBe('False EvidenceExpired');
  });

  test('a labelled pod whose containers were replaced loses the label before it is asked', () => {
    const replaced = [pod('weather-0', { labelled: true, attested: 'another', container: 'c2' })];
    const told = tell(snapshot({ card: settled(first), labelledPods: replaced }), now + minute);
    expect(told.marks).toEqual([{ podName: 'weather-0', podUid: 'weather-0-uid', attested: undefined }]);
    expect(told.agenda).toHaveLength(1);
  });

  test('guilt flips a held verdict at once', () => {
    const pods = evidence(answered('weather-0', { id: 'spiffe://example.org/ns/team/sa/impostor' }));
    const told = tell(snapshot({ card: settled(first), evidence: pods, labelledPods }), now + minute);
    expect(told.says('Verified')).toBe('False IdentityMismatch');
    expect(told.marks.map(({ attested }) => attested)).toEqual([undefined]);
  });

  test('losing port agent-tls is guilt, not absence', () => {
    const service = {
      metadata: { name: 'weather', namespace: 'team' },
      spec: { ports: [{ name: 'http', port: 8080 }] },
    };
    const pods = evidence(answered('weather-0', { transport: 'http' }));
    const told = tell(snapshot({ card: settled(first), services: [service], evidence: pods, labelledPods }));
    expect(told.says('Verified')).toBe('False NotVerified');
    expect(told.marks.map(({ attested }) => attested)).toEqual([undefined]);
  });

  test('a Service that vanished holds the verdict and names itself in Synced', () => {
    const told = tell(snapshot({ card: settled(first), services: [], labelledPods }), now + minute);
    expect(told.says('Synced')).toBe('False ServiceNotFound');
    expect(told.says('Verified')).toBe('True EvidenceHeld');
    expect(told.says('Bound')).toBe('False WorkloadUnresolved');
  });

  test('a workload that is gone takes its card and its trust along', () => {
    const told = tell(snapshot({ card: settled(first), workload: undefined }), now + minute);
    expect(told.says('Synced')).toBe('False WorkloadNotFound');
    expect(told.says('Verified')).toBe('False NotVerified');
    expect(told.fields?.attestedAgentSpiffeId).toBeUndefined();
    expect(told.fields?.cardId).toBeUndefined();
    expect(told.status?.card).toEqual({ kind: 'remove' });
  });
});

describe('several pods', () => {
  const pods = ['weather-0', 'weather-1', 'weather-2'];

  test('one proven pod is enough; a silent one only stays unlabelled', () => {
    const told = tell(snapshot({ pods, evidence: evidence(answered('weather-0'), silent('weather-1')) }));
    expect(told.says('Synced')).toBe('True SyncSucceeded');
    expect(told.says('Verified')).toBe('True mTLSVerified');
    expect(told.marks.map(({ podName }) => podName)).toEqual(['weather-0']);
    expect(told.fields?.replicas).toEqual({ ready: 3, attested: 1 });
  });

  test('one guilty pod fails the card', () => {
    const guilty = answered('weather-1', { id: 'spiffe://example.org/ns/team/sa/impostor' });
    const told = tell(snapshot({ pods, evidence: evidence(answered('weather-0'), guilty) }));
    expect(told.says('Verified')).toBe('False IdentityMismatch');
    expect(told.marks).toEqual([]);
  });

  test('pods of one revision that serve different cards disagree; trust is untouched', () => {
    const other = answered('weather-1', { cardId: 'b'.repeat(64) });
    const told = tell(snapshot({ pods, evidence: evidence(answered('weather-0'), other) }));
    expect(told.says('Synced')).toBe('False ReplicasDisagree');
    expect(told.says('Verified')).toBe('True mTLSVerified');
  });

  test('pods of different revisions may serve different cards', () => {
    const other = answered('weather-1', { cardId: 'b'.repeat(64), revision: 'r2' });
    const told = tell(snapshot({ pods, evidence: evidence(answered('weather-0'), other) }));
    expect(told.says('Synced')).toBe('True SyncSucceeded');
  });

  test('a pod of something else is no evidence: it is named, not asked and not labelled', () => {
    const strangers = new Map([
      [
        'weather-1-uid',
        {
          at: now,
          podName: 'weather-1',
          owner: 'ReplicaSet evil',
          endpointVersion: '198.19.0.2 8443 true',
          attempts: 1,
        },
      ],
    ]);
    const seen = { ...evidence(answered('weather-0')), strangers };
    const told = tell(snapshot({ pods: ['weather-0', 'weather-1'], evidence: seen }));
    expect(told.says('Verified')).toBe('True mTLSVerified');
    expect(told.agenda).toEqual([]);
    const check = told.fields?.checks?.find(({ name }) => name === 'endpoint');
    expect(check?.observed).toContain('weather-1 of ReplicaSet evil');
    expect(told.fields?.replicas?.attested).toBe(1);
  });
});

describe('standing orders', () => {
  test('a quarantine cuts off at once, asked or not, in every mode', () => {
    const base = card();
    const quarantined = { ...base, spec: { ...base.spec, quarantine: { reason: 'incident 7' } } };
    const labelledPods = [pod('weather-0', { labelled: true })];
    const told = tell(snapshot({ card: quarantined, labelledPods }), now, { enforcement: 'off' });
    expect(told.says('Ready')).toBe('False Quarantined');
    expect(told.says('Verified')).toBe('False Quarantined');
    expect(told.says('Enforced')).toBe('True PolicyApplied');
    expect(told.marks.map(({ attested }) => attested)).toEqual([undefined]);
    const [operation] = told.policy.operations;
    expect(operation?.kind === 'create' && operation.policy.spec.egress).toBeUndefined();
    expect(operation?.kind === 'create' && operation.policy.spec.policyTypes).toEqual(['Ingress', 'Egress']);
  });

  test('a card that is not the approved one is not trusted', () => {
    const base = card();
    const approved = { ...base, spec: { ...base.spec, approvedCardId: 'c'.repeat(64) } };
    const told = tell(snapshot({ card: approved, evidence: evidence(answered('weather-0')) }));
    expect(told.says('Verified')).toBe('False CardNotApproved');
    expect(told.says('Ready')).toBe('False CardNotApproved');
  });

  describe('an approval, pod by pod', () => {
    const [approvedId, otherId] = ['a'.repeat(64), 'b'.repeat(64)];
    const approving = (id: string, base = card()) => ({ ...base, spec: { ...base.spec, approvedCardId: id } });
    const both = ['weather-0', 'weather-1'];
    const labelledPods = both.map((name) => pod(name, { labelled: true }));

    test.each([
      ['the first', otherId, approvedId],
      ['the second', approvedId, otherId],
    ])('%s of two pods that serves other bytes is named, and no pod keeps its label', (_, first, second) => {
      const seen = evidence(answered('weather-0', { cardId: first }), answered('weather-1', { cardId: second }));
      const told = tell(snapshot({ pods: both, card: approving(approvedId), evidence: seen, labelledPods }));
      const guilty = first === otherId ? 'weather-0' : 'weather-1';
      expect(told.says('Ready')).toBe('False CardNotApproved');
      expect(told.says('Verified')).toBe('False CardNotApproved');
      expect(told.says('Bound')).toBe('True Bound');
      expect(told.condition('Verified')?.message).toContain(`Pod ${guilty}: The card is ${otherId}`);
      expect(told.check('approval')).toMatchObject({ result: 'fail', expected: approvedId, observed: otherId });
      expect(told.marks.map(({ attested }) => attested)).toEqual([undefined, undefined]);
      expect(told.fields?.replicas).toEqual({ ready: 2, attested: 1 });
      // Of one revision the approved card is shown, of two the newest: that is what a person has to review.
      expect(told.fields?.cardId).toBe(approvedId);
    });

    test('bytes that nobody approved are published, so that somebody can', () => {
      const newer = answered('weather-1', { cardId: otherId });
      const facts = { ...newer[1].facts, revision: 'r2', revisionNumber: 2 };
      const seen = evidence(answered('weather-0'), [newer[0], { ...newer[1], facts }]);
      const told = tell(snapshot({ pods: both, card: approving(approvedId), evidence: seen }));
      expect(told.says('Verified')).toBe('False CardNotApproved');
      expect(told.fields?.cardId).toBe(otherId);
      expect(told.status?.card.kind).toBe('set');
    });

    test('another identity is graver than other bytes', () => {
      const impostor = answered('weather-1', { id: 'spiffe://example.org/ns/team/sa/impostor' });
      const seen = evidence(answered('weather-0', { cardId: otherId }), impostor);
      const told = tell(snapshot({ pods: both, card: approving(approvedId), evidence: seen }));
      expect(told.says('Verified')).toBe('False IdentityMismatch');
      expect(told.condition('Verified')?.message).toContain('Pod weather-1 (and 1 more)');
      expect(told.says('Bound')).toBe('False SpiffeIDMismatch');
    });

    test('other bytes stay guilt while their pod is silent, and the card stays', () => {
      const seen = evidence(answered('weather-0', { cardId: otherId, silentSince: now }));
      const shown = settled(tell(snapshot({ evidence: evidence(answered('weather-0', { cardId: otherId })) })));
      const told = tell(snapshot({ card: approving(approvedId, shown), evidence: seen }), now + minute);
      expect(told.says('Verified')).toBe('False CardNotApproved');
      expect(told.status?.card.kind).toBe('keep');
    });

    test('after a restart the card that is stored is what its silent pods served', () => {
      const shown = settled(tell(snapshot({ evidence: evidence(answered('weather-0')) })));
      const seen = { evidence: evidence(silent('weather-0', now)), labelledPods: labelledPods.slice(0, 1) };
      const approved = tell(snapshot({ card: approving(approvedId, shown), ...seen }), now + minute);
      expect(approved.says('Verified')).toBe('True EvidenceHeld');
      const told = tell(snapshot({ card: approving(otherId, shown), ...seen }), now + minute);
      expect(told.says('Verified')).toBe('False CardNotApproved');
      expect(told.check('approval')).toMatchObject({ result: 'fail', observed: approvedId });
      expect(told.marks.map(({ attested }) => attested)).toEqual([undefined]);
      // One that answers with the approved bytes is trusted; the silent one does not share in it.
      const other = evidence(answered('weather-1', { cardId: otherId }), silent('weather-0', now));
      const joined = { ...seen, pods: both, evidence: other };
      const mixed = tell(snapshot({ card: approving(otherId, shown), ...joined }), now + minute);
      expect(mixed.says('Verified')).toBe('True mTLSVerified');
      expect(mixed.marks.map(({ podName, attested }) => [podName, attested !== undefined])).toEqual([
        ['weather-0', false],
        ['weather-1', true],
      ]);
    });
  });

  test('of two cards on one workload the older wins, and the loser touches nothing', () => {
    const older = card({
      metadata: { name: 'older', namespace: 'team', uid: 'o', creationTimestamp: '2025-01-01T00:00:00Z' },
    });
    const told = tell(snapshot({ siblings: [older], labelledPods: [pod('weather-0', { labelled: true })] }));
    expect(told.says('Synced')).toBe('False Conflict');
    expect(told.condition('Synced')?.message).toContain('older');
    expect(told.marks).toEqual([]);
    expect(told.policy.operations).toEqual([]);
  });

  test('a hand-written card beats an auto-created one, however young', () => {
    const auto = card({
      metadata: {
        name: 'auto',
        namespace: 'team',
        uid: 'a',
        creationTimestamp: '2025-01-01T00:00:00Z',
        labels: { 'app.kubernetes.io/managed-by': 'agentcard-operator' },
      },
    });
    const told = tell(snapshot({ siblings: [auto], evidence: evidence(answered('weather-0')) }));
    expect(told.says('Synced')).toBe('True SyncSucceeded');
  });

  test.each([
    ['NotAgentWorkload', { labels: {} }],
    ['NoProtocol', { labels: { 'kagenti.io/type': 'agent' } }],
  ])('a workload that lacks its label is told so: %s', (reason, over) => {
    expect(tell(snapshot({ workload: { ...workload, ...over } })).says('Synced')).toBe(`False ${reason}`);
  });

  test('messages do not change while nothing happens', () => {
    const pods = evidence(answered('weather-0', { silentSince: now }));
    const seen = snapshot({
      card: settled(tell(snapshot({ evidence: evidence(answered('weather-0')) }))),
      evidence: pods,
    });
    const early = tell(seen, now + minute).fields;
    const late = tell({ ...seen, card: settled(tell(seen, now + minute)) }, now + 5 * minute).fields;
    expect(late).toEqual(early);
  });
});
