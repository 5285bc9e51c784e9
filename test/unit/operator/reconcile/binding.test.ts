import { describe, expect, test } from 'vitest';
import type { AgentCardSpec } from '../../../../src/operator/api/agentcard.ts';
import { reasons } from '../../../../src/operator/api/conditions.ts';
import type { PodEvidence, SignatureFinding } from '../../../../src/operator/inquiry/evidence.ts';
import type { Snapshot } from '../../../../src/operator/judge/snapshot.ts';
import type { Settings } from '../../../../src/operator/settings/settings.ts';
import { trustDomainOf } from '../../../../src/spiffe/id.ts';
import { answered, card, evidence, expectedId, now, refused, silent, snapshot, workload } from './builders.ts';
import { tell } from './tell.ts';

const impostor = 'spiffe://example.org/ns/team/sa/impostor';

function bound(
  identityBinding: AgentCardSpec['identityBinding'],
  over: Partial<Snapshot>,
  settings?: Partial<Settings>,
) {
  const base = card();
  const bindingCard = { ...base, spec: { ...base.spec, identityBinding } };
  return tell(snapshot({ card: bindingCard, ...over }), now, settings);
}

const proves = (id: string): Partial<Snapshot> => ({ evidence: evidence(answered('weather-0', { id })) });

/** A pod whose card carries a good signature of this signer. */
function signed(signer: string, [uid, pod]: [string, PodEvidence] = answered('weather-0')): [string, PodEvidence] {
  if (pod.answer?.kind !== 'card') throw new Error('the pod answered with no card');
  const signature: SignatureFinding = {
    outcome: 'valid',
    message: 'The signature is good.',
    signer,
    keyId: undefined,
    form: 'raw-jcs',
    notAfter: undefined,
    seen: undefined,
    unread: false,
    signed: undefined,
  };
  return [uid, { ...pod, answer: { ...pod.answer, card: { ...pod.answer.card, signature } } }];
}

describe('every reason of Bound', () => {
  const plain = { metadata: { name: 'weather', namespace: 'team' }, spec: { ports: [{ name: 'http', port: 8080 }] } };
  const reached: readonly [string, ReturnType<typeof tell>][] = [
    ['True Bound', bound(undefined, proves(expectedId))],
    ['False SpiffeIDMismatch', bound(undefined, proves(impostor))],
    [
      'False TrustDomainMismatch',
      bound(undefined, { evidence: evidence(refused('weather-0', 'TrustDomainMismatch', 'spiffe://evil.org/x')) }),
    ],
    ['False NoIdentity', bound(undefined, { evidence: evidence(silent('weather-0')) })],
    ['False SignerIsNotServer', bound(undefined, { evidence: evidence(signed(impostor)) }, { signature: true })],
    ['False WorkloadUnresolved', bound(undefined, { workload: undefined })],
  ];

  test.each(reached)('%s', (said, told) => {
    expect(told.says('Bound')).toBe(said);
    expect(told.fields?.bindingStatus).toMatchObject({ bound: said.startsWith('True'), reason: said.split(' ')[1] });
    expect(told.condition('Bound')?.message).toBe(told.fields?.bindingStatus?.message);
  });

  test('is reached by one of these', () => {
    expect(reached.map(([said]) => said.split(' ')[1]).sort()).toEqual(Object.keys(reasons.Bound).sort());
  });

  test('a certificate that proves nothing leaves NoIdentity, and so does plain HTTP', () => {
    const untrusted = evidence(refused('weather-0', 'PeerCertificateInvalid', expectedId));
    expect(bound(undefined, { evidence: untrusted }).says('Bound')).toBe('False NoIdentity');
    const http = { services: [plain], evidence: evidence(answered('weather-0', { transport: 'http' })) };
    expect(bound(undefined, http).says('Bound')).toBe('False NoIdentity');
  });

  test('a signer is bound whether its card is approved or not', () => {
    const signer = signed(expectedId, answered('weather-0', { transport: 'http' }));
    const approving = { ...card(), spec: { ...card().spec, approvedCardId: 'c'.repeat(64) } };
    const seen = snapshot({ services: [plain], evidence: evidence(signer), card: approving });
    const told = tell(seen, now, { mtls: false, signature: true });
    expect(told.says('Verified')).toBe('False CardNotApproved');
    expect(told.says('Bound')).toBe('True Bound');
    expect(told.says('SignatureVerified')).toBe('True SignatureValid');
    expect(told.check('server-identity')?.result).toBe('skipped');
  });

  test('plain HTTP with other bytes than the approved ones is no wrong identity', () => {
    const http = { services: [plain], evidence: evidence(answered('weather-0', { transport: 'http' })) };
    const approving = { ...card(), spec: { ...card().spec, approvedCardId: 'c'.repeat(64) } };
    const told = tell(snapshot({ ...http, card: approving }));
    expect(told.says('Verified')).toBe('False CardNotApproved');
    expect(told.says('Bound')).toBe('False NoIdentity');
    expect(told.check('server-identity')).toMatchObject({ result: 'unknown', observed: 'no identity' });
  });

  test('there is no Bound while no mechanism is on', () => {
    const off = bound(undefined, { evidence: evidence(answered('weather-0', { transport: 'http' })) }, { mtls: false });
    expect(off.says('Bound')).toBeUndefined();
    expect(off.fields?.bindingStatus).toBeUndefined();
    expect(off.fields?.expectedSpiffeID).toBeUndefined();
  });
});

describe('whom a card lets answer', () => {
  test('the empty service account is default’s', () => {
    const told = bound(undefined, { workload: { ...workload, serviceAccount: 'default' }, ...proves(expectedId) });
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
    const asked = bound({ allowedSpiffeIDs }, {});
    expect(asked.agenda[0]?.trustDomains).toEqual(['a.example', 'b.example']);
    expect(bound({ allowedSpiffeIDs }, proves('spiffe://b.example/y')).says('Bound')).toBe('True Bound');
    const told = bound({ allowedSpiffeIDs }, proves('spiffe://b.example/z'));
    for (const id of allowedSpiffeIDs) expect(told.condition('Bound')?.message).toContain(id);
  });

  test('the trust domain of the card is asked for, and no other', () => {
    const asked = bound({ trustDomain: 'partner.example' }, {});
    expect(asked.agenda[0]?.trustDomains).toEqual(['partner.example']);
    expect(bound({ trustDomain: 'partner.example' }, proves(expectedId)).says('Bound')).toBe('False SpiffeIDMismatch');
  });

  test('a signer is held against the same set as the server', () => {
    const binding = { allowedSpiffeIDs: [expectedId, 'spiffe://example.org/signer'] };
    const signer = evidence(signed('spiffe://example.org/signer'));
    expect(bound(binding, { evidence: signer }, { signature: true }).says('Bound')).toBe('True Bound');
    expect(bound(undefined, { evidence: signer }, { signature: true }).says('Verified')).toBe('False SignatureInvalid');
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
  ] as const)('strict %s under --strict-binding=%s: Verified %s', (strict, flag, verified) => {
    const told = verdict(strict, flag);
    expect(told.says('Verified')).toBe(verified);
    expect(told.says('Bound')).toBe('False SpiffeIDMismatch');
    expect(told.fields?.attestedAgentSpiffeId).toBe(impostor);
    expect(told.status?.card.kind).toBe(verified.startsWith('True') ? 'set' : 'remove');
  });

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
      expect(bound(binding, {}, floor).agenda[0]?.trustDomains).toEqual(['example.org']);
    }
    const claims = evidence(refused('weather-0', 'TrustDomainMismatch', partner));
    const told = bound({ trustDomain: 'partner.example' }, { evidence: claims }, floor);
    expect(told.condition('Bound')?.message).toContain('floor ignores spec.identityBinding.trustDomain');
    expect(told.check('transport')?.hint).toContain('floor ignores spec.identityBinding.trustDomain');
  });

  test('a foreign trust domain is refused however loose the card is: nothing there can be proven', () => {
    const claims = evidence(refused('weather-0', 'TrustDomainMismatch', 'spiffe://evil.org/ns/team/sa/weather'));
    const told = bound({ strict: false }, { evidence: claims }, { strictBinding: 'false' });
    expect(told.says('Verified')).toBe('False IdentityMismatch');
    expect(told.says('Bound')).toBe('False TrustDomainMismatch');
    expect(told.check('server-identity')?.observed).toBe('claims spiffe://evil.org/ns/team/sa/weather');
    expect(told.fields?.attestedAgentSpiffeId).toBeUndefined();
  });

  test('an identity without a card is guilt where binding is strict, and absence where it is not', () => {
    const [uid, pod] = silent('weather-0');
    const peer = { uri: impostor, trustDomain: trustDomainOf(impostor), notBefore: 0, notAfter: now * 2, chain: [] };
    const silence = pod.silence && { ...pod.silence, peer };
    const seen = { evidence: evidence([uid, { ...pod, silence }]) };
    expect(bound(undefined, seen).says('Verified')).toBe('False IdentityMismatch');
    expect(bound({ strict: false }, seen).says('Verified')).toBe('False FetchFailed');
  });
});
