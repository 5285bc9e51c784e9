import { describe, expect, test } from 'vitest';
import { expectedId, impostor, plainService } from '../kit/builders.ts';
import type { Given, PodGiven } from '../kit/given.ts';
import { tell } from '../kit/tell.ts';

const one = (shows: PodGiven): Pick<Given, 'pods'> => ({ pods: { 'weather-0': shows } });

describe('first sight', () => {
  test('an agent that was never asked is asked at once and nothing is written', () => {
    const told = tell({ ...one({}), complete: false });
    expect(told.plan.status).toBeUndefined();
    expect(told.asks).toEqual(['weather-0 mtls']);
    expect(told.plan.policy.operations).toEqual([]);
  });

  test('an agent that proves the expected identity is Verified, Bound and Ready, and its pod gets the label', () => {
    const told = tell(one({ answers: {} }));
    expect(told.says('Verified')).toBe('True mTLSVerified');
    expect(told.says('Bound')).toBe('True Bound');
    expect(told.says('Ready')).toBe('True ReadyToServe');
    expect(told.fields?.attestedAgentSpiffeId).toBe(expectedId);
    expect(told.marks).toEqual(['on weather-0']);
    expect(told.plan.policy.operations.map(({ kind }) => kind)).toEqual(['create']);
  });

  test('an impostor of the same trust domain is named with the identity it has, and its card is not published', () => {
    const told = tell(one({ answers: { id: impostor } }));
    expect(told.says('Synced')).toBe('True SyncSucceeded');
    expect(told.says('Verified')).toBe('False IdentityMismatch');
    expect(told.says('Bound')).toBe('False SpiffeIDMismatch');
    expect(told.says('Ready')).toBe('False IdentityMismatch');
    expect(told.condition('Bound')?.message).toContain(impostor);
    expect(told.condition('Bound')?.message).toContain(expectedId);
    expect(told.fields?.attestedAgentSpiffeId).toBe(impostor);
    expect(told.fields?.expectedSpiffeID).toBe(expectedId);
    expect(told.plan.status?.card).toEqual({ kind: 'none' });
    expect(told.marks).toEqual([]);
  });

  test('where binding is not strict a mismatch is recorded and nothing more', () => {
    const other: Given = {
      card: { spec: { identityBinding: { strict: false } } },
      ...one({ answers: { id: 'spiffe://example.org/ns/team/sa/other' } }),
    };
    const told = tell(other);
    expect(told.says('Verified')).toBe('True mTLSVerified');
    expect(told.says('Bound')).toBe('False SpiffeIDMismatch');
    expect(told.says('Ready')).toBe('True ReadyToServe');
    const floor = tell({ ...other, settings: { strictBinding: 'floor' } });
    expect(floor.says('Verified')).toBe('False IdentityMismatch');
  });

  test('a foreign trust domain is guilt: it is only claimed, never attested', () => {
    const claims = 'spiffe://evil.org/ns/team/sa/weather';
    const told = tell(one({ refuses: { code: 'TrustDomainMismatch', claims } }));
    expect(told.says('Verified')).toBe('False IdentityMismatch');
    expect(told.says('Bound')).toBe('False TrustDomainMismatch');
    expect(told.fields?.attestedAgentSpiffeId).toBeUndefined();
    expect(told.check('server-identity')?.observed).toBe('claims spiffe://evil.org/ns/team/sa/weather');
  });

  test('without port agent-tls a card is read over HTTP and proves nothing', () => {
    const told = tell({ services: [plainService], ...one({ answers: { source: 'http' } }) });
    expect(told.says('Synced')).toBe('True SyncSucceeded');
    expect(told.says('Verified')).toBe('False NotVerified');
    expect(told.says('Bound')).toBe('False NoIdentity');
    expect(told.says('Ready')).toBe('False NotVerified');
    expect(told.fields?.source).toBe('http');
  });

  test('with every mechanism off a card says nothing about trust', () => {
    const told = tell({ ...one({ answers: { source: 'http' } }), settings: { mtls: false, enforcement: 'off' } });
    expect(told.says('Verified')).toBeUndefined();
    expect(told.says('Bound')).toBeUndefined();
    expect(told.says('Ready')).toBe('True ReadyUnverified');
    expect(told.condition('Ready')?.message).toContain('is not checked');
  });
});

test('a quarantine cuts off at once, asked or not, in every mode', () => {
  const told = tell({
    card: { spec: { quarantine: { reason: 'incident 7' } } },
    ...one({}),
    complete: false,
    labelled: { 'weather-0': 'fits' },
    settings: { enforcement: 'off' },
  });
  expect(told.says('Ready')).toBe('False Quarantined');
  expect(told.says('Verified')).toBe('False Quarantined');
  expect(told.says('Enforced')).toBe('True PolicyApplied');
  expect(told.marks).toEqual(['off weather-0']);
  const [operation] = told.plan.policy.operations;
  expect(operation?.kind === 'create' && operation.policy.spec.egress).toBeUndefined();
  expect(operation?.kind === 'create' && operation.policy.spec.policyTypes).toEqual(['Ingress', 'Egress']);
});
