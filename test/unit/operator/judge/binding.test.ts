import { describe, expect, test } from 'vitest';
import type { AgentCardSpec } from '../../../../src/operator/api/agentcard.ts';
import { reasons } from '../../../../src/operator/api/conditions.ts';
import type { Settings } from '../../../../src/operator/settings/settings.ts';
import { expectedId, impostor, plainService } from '../kit/builders.ts';
import type { Given, PodGiven } from '../kit/given.ts';
import { type Told, tell } from '../kit/tell.ts';

/** An agent whose card says who may answer. */
function bound(identityBinding: AgentCardSpec['identityBinding'], given: Given, settings?: Partial<Settings>): Told {
  return tell({ ...given, card: { spec: { identityBinding } }, settings: { ...given.settings, ...settings } });
}

const one = (shows: PodGiven): Pick<Given, 'pods'> => ({ pods: { 'weather-0': shows } });
const unasked = one({});
const proves = (id: string) => one({ answers: { id } });
const claims = (id: string, code = 'TrustDomainMismatch') => one({ refuses: { code, claims: id } });
/** Its card carries a good signature of this signer. */
const signedBy = (signer: string) => one({ answers: { signature: { outcome: 'valid', signer } } });
const overHttp: Given = { services: [plainService], ...one({ answers: { source: 'http' } }) };
const otherApproved: Given = { card: { spec: { approvedCardId: 'c'.repeat(64) } } };

describe('every reason of Bound', () => {
  const reached: readonly [string, Told][] = [
    ['True Bound', bound(undefined, proves(expectedId))],
    ['False SpiffeIDMismatch', bound(undefined, proves(impostor))],
    ['False TrustDomainMismatch', bound(undefined, claims('spiffe://evil.org/x'))],
    ['False NoIdentity', bound(undefined, one({ silent: { minutes: 1 } }))],
    ['False SignerIsNotServer', bound(undefined, signedBy(impostor), { signature: true })],
    ['False WorkloadUnresolved', bound(undefined, { workload: null })],
  ];

  test.each(reached)('is said as %s, and bindingStatus says the same', (said, told) => {
    expect(told.says('Bound')).toBe(said);
    expect(told.fields?.bindingStatus).toMatchObject({ bound: said.startsWith('True'), reason: said.split(' ')[1] });
    expect(told.condition('Bound')?.message).toBe(told.fields?.bindingStatus?.message);
  });

  test('is reached by one of these', () => {
    expect(reached.map(([said]) => said.split(' ')[1]).sort()).toEqual(Object.keys(reasons.Bound).sort());
  });

  test('a certificate that proves nothing leaves NoIdentity, and so does plain HTTP', () => {
    const untrusted = claims(expectedId, 'PeerCertificateInvalid');
    expect(bound(undefined, untrusted).says('Bound')).toBe('False NoIdentity');
    expect(bound(undefined, overHttp).says('Bound')).toBe('False NoIdentity');
  });

  test('a signer is bound whether its card is approved or not', () => {
    const signed = one({ answers: { source: 'http', signature: { outcome: 'valid' } } });
    const settings = { mtls: false, signature: true };
    const told = tell({ ...otherApproved, services: [plainService], ...signed, settings });
    expect(told.says('Verified')).toBe('False CardNotApproved');
    expect(told.says('Bound')).toBe('True Bound');
    expect(told.says('SignatureVerified')).toBe('True SignatureValid');
    expect(told.check('server-identity')?.result).toBe('skipped');
  });

  test('plain HTTP with other bytes than the approved ones is no wrong identity', () => {
    const told = tell({ ...otherApproved, ...overHttp });
    expect(told.says('Verified')).toBe('False CardNotApproved');
    expect(told.says('Bound')).toBe('False NoIdentity');
    expect(told.check('server-identity')).toMatchObject({ result: 'unknown', observed: 'no identity' });
  });

  test('there is no Bound while no mechanism is on', () => {
    const off = bound(undefined, one({ answers: { source: 'http' } }), { mtls: false });
    expect(off.says('Bound')).toBeUndefined();
    expect(off.fields?.bindingStatus).toBeUndefined();
    expect(off.fields?.expectedSpiffeID).toBeUndefined();
  });
});

describe('whom a card lets answer', () => {
  test('the empty service account is default’s', () => {
    const told = bound(undefined, { workload: { serviceAccount: 'default' }, ...proves(expectedId) });
    expect(told.fields?.expectedSpiffeID).toBe('spiffe://example.org/ns/team/sa/default');
    expect(told.says('Bound')).toBe('False SpiffeIDMismatch');
  });

  test('the template of the platform decides where the card is silent', () => {
    const settings = { spiffeIdTemplate: 'spiffe://{{ .TrustDomain }}/{{ .PodSpec.ServiceAccountName }}' };
    expect(bound(undefined, proves('spiffe://example.org/weather'), settings).says('Bound')).toBe('True Bound');
    expect(bound(undefined, proves(expectedId), settings).says('Bound')).toBe('False SpiffeIDMismatch');
  });

  test('an allowed ID is accepted, and the workload’s own is not any more', () => {
    const binding = { allowedSpiffeIDs: [impostor] };
    expect(bound(binding, proves(impostor)).says('Verified')).toBe('True mTLSVerified');
    expect(bound(binding, proves(expectedId)).says('Verified')).toBe('False IdentityMismatch');
  });

  test('an allowed ID is compared whole: neither a beginning nor another case of it fits', () => {
    const binding = { allowedSpiffeIDs: [expectedId] };
    for (const id of [`${expectedId}/x`, expectedId.slice(0, -1), expectedId.replace('weather', 'Weather')]) {
      expect(bound(binding, proves(id)).says('Bound')).toBe('False SpiffeIDMismatch');
    }
  });

  test('several allowed IDs are asked for in all their trust domains, and all are named in the message', () => {
    const allowedSpiffeIDs = ['spiffe://a.example/x', 'spiffe://b.example/x', 'spiffe://b.example/y'];
    const asked = bound({ allowedSpiffeIDs }, unasked);
    expect(asked.plan.agenda[0]?.trustDomains).toEqual(['a.example', 'b.example']);
    expect(bound({ allowedSpiffeIDs }, proves('spiffe://b.example/y')).says('Bound')).toBe('True Bound');
    const told = bound({ allowedSpiffeIDs }, proves('spiffe://b.example/z'));
    for (const id of allowedSpiffeIDs) expect(told.condition('Bound')?.message).toContain(id);
  });

  test('the trust domain of the card is asked for, and no other', () => {
    const asked = bound({ trustDomain: 'partner.example' }, unasked);
    expect(asked.plan.agenda[0]?.trustDomains).toEqual(['partner.example']);
    expect(bound({ trustDomain: 'partner.example' }, proves(expectedId)).says('Bound')).toBe('False SpiffeIDMismatch');
  });

  test('a signer is held against the same set as the server', () => {
    const binding = { allowedSpiffeIDs: [expectedId, 'spiffe://example.org/signer'] };
    const signed = signedBy('spiffe://example.org/signer');
    expect(bound(binding, signed, { signature: true }).says('Bound')).toBe('True Bound');
    expect(bound(undefined, signed, { signature: true }).says('Verified')).toBe('False SignatureInvalid');
  });
});

describe('how strictly', () => {
  const verdict = (strict: boolean | undefined, strictBinding: Settings['strictBinding']) => {
    const binding = strict === undefined ? undefined : { strict };
    return bound(binding, proves(impostor), { strictBinding });
  };

  test.each([
    [undefined, 'true', 'False IdentityMismatch'],
    [undefined, 'false', 'True mTLSVerified'],
    [undefined, 'floor', 'False IdentityMismatch'],
    [true, 'true', 'False IdentityMismatch'],
    [true, 'false', 'False IdentityMismatch'],
    [true, 'floor', 'False IdentityMismatch'],
    [false, 'true', 'True mTLSVerified'],
    [false, 'false', 'True mTLSVerified'],
    [false, 'floor', 'False IdentityMismatch'],
  ] as const)(
    'where strict is %s under --strict-binding=%s another identity is Verified %s',
    (strict, flag, verified) => {
      const told = verdict(strict, flag);
      expect(told.says('Verified')).toBe(verified);
      expect(told.says('Bound')).toBe('False SpiffeIDMismatch');
      expect(told.fields?.attestedAgentSpiffeId).toBe(impostor);
      expect(told.plan.status?.card.kind).toBe(verified.startsWith('True') ? 'received' : 'none');
    },
  );

  test('under floor no card says who may answer: only the workload’s own identity does', () => {
    const floor = { strictBinding: 'floor' } as const;
    const partner = 'spiffe://partner.example/ns/team/sa/weather';
    const bindings: readonly [AgentCardSpec['identityBinding'], string][] = [
      [{ allowedSpiffeIDs: [impostor] }, impostor],
      [{ trustDomain: 'partner.example' }, partner],
      [{ trustDomain: 'partner.example', allowedSpiffeIDs: [partner], strict: false }, partner],
    ];
    for (const [binding, proven] of bindings) {
      const told = bound(binding, proves(proven), floor);
      expect(told.says('Verified')).toBe('False IdentityMismatch');
      expect(told.says('Bound')).toBe('False SpiffeIDMismatch');
      expect(told.fields?.expectedSpiffeID).toBe(expectedId);
      const ignored = '--strict-binding=floor ignores spec.identityBinding.allowedSpiffeIDs';
      expect(told.condition('Bound')?.message).toContain(ignored);
      expect(told.check('server-identity')?.hint).toContain(ignored);
      expect(bound(binding, proves(expectedId), floor).says('Ready')).toBe('True ReadyToServe');
      expect(bound(binding, unasked, floor).plan.agenda[0]?.trustDomains).toEqual(['example.org']);
    }
    const told = bound({ trustDomain: 'partner.example' }, claims(partner), floor);
    expect(told.condition('Bound')?.message).toContain('floor ignores spec.identityBinding.trustDomain');
    expect(told.check('transport')?.hint).toContain('floor ignores spec.identityBinding.trustDomain');
  });

  test('a foreign trust domain is refused however loose the card is: nothing there can be proven', () => {
    const evil = claims('spiffe://evil.org/ns/team/sa/weather');
    const told = bound({ strict: false }, evil, { strictBinding: 'false' });
    expect(told.says('Verified')).toBe('False IdentityMismatch');
    expect(told.says('Bound')).toBe('False TrustDomainMismatch');
    expect(told.check('server-identity')?.observed).toBe('claims spiffe://evil.org/ns/team/sa/weather');
    expect(told.fields?.attestedAgentSpiffeId).toBeUndefined();
  });

  test('an identity without a card is guilt where binding is strict, and absence where it is not', () => {
    const seen = one({ silent: { minutes: 1, peer: impostor } });
    expect(bound(undefined, seen).says('Verified')).toBe('False IdentityMismatch');
    expect(bound({ strict: false }, seen).says('Verified')).toBe('False FetchFailed');
  });
});
