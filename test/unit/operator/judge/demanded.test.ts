import { describe, expect, test } from 'vitest';
import type { AgentCardSpec } from '../../../../src/operator/api/agentcard.ts';
import type { Settings } from '../../../../src/operator/settings/settings.ts';
import type { CachedCard } from '../../../../src/operator/watch/cached.ts';
import { answered, card, cardId, evidence, expectedId, now, pod, settings, snapshot } from '../kit/builders.ts';
import { decide } from '../kit/tell.ts';

const [other, third] = ['spiffe://example.org/other', 'spiffe://partner.example/third'];
const approved = (id: string) => ({ approvedCardId: id.repeat(64) });
const allowing = (...allowedSpiffeIDs: string[]) => ({ identityBinding: { allowedSpiffeIDs } });
const inDomain = (trustDomain: string) => ({ identityBinding: { trustDomain } });

function cardThat(name: string, spec: Partial<AgentCardSpec>, labels = {}): CachedCard {
  const base = card();
  const metadata = { ...base.metadata, name, uid: `${name}-uid`, creationTimestamp: '2026-03-02T00:00:00Z', labels };
  return { ...base, metadata, spec: { ...base.spec, ...spec } };
}

/** The hand-written card weather, beside others that came later; its pod proves the workload's own identity. */
function beside(siblings: readonly CachedCard[], own: Partial<AgentCardSpec> = {}, over: Partial<Settings> = {}) {
  const base = card();
  const seen = { evidence: evidence(answered('weather-0')), labelledPods: [pod('weather-0', { labelled: true })] };
  const sight = snapshot({ card: { ...base, spec: { ...base.spec, ...own } }, siblings, ...seen });
  return decide(sight, { ...settings, ...over }, now);
}

const created = { 'app.kubernetes.io/managed-by': 'agentcard-operator' };

describe('the card that stands for a workload is judged by what its other cards demand too', () => {
  test('an approval of the created card holds against the hand-written one beside it, which says whose it is', () => {
    const told = beside([cardThat('auto', approved('b'), created)]);
    expect(told.says('Ready')).toBe('False CardNotApproved');
    expect(told.condition('Verified')?.message).toContain(`approved is ${'b'.repeat(64)} (demanded by AgentCard auto)`);
    expect(told.marks).toEqual(['off weather-0']);
    expect(beside([cardThat('auto', { approvedCardId: cardId }, created)]).says('Ready')).toBe('True ReadyToServe');
  });

  test('where two approve different cards nothing passes, and both are named', () => {
    const told = beside([cardThat('second', { approvedCardId: cardId })], approved('b'));
    expect(told.says('Ready')).toBe('False CardNotApproved');
    expect(told.condition('Verified')?.message).toContain('AgentCards weather and second approve different ones');
  });

  test('strictness of one is strictness of the workload', () => {
    const loose = { identityBinding: { strict: false, allowedSpiffeIDs: [other] } };
    expect(beside([], loose).says('Ready')).toBe('True ReadyToServe');
    const told = beside([cardThat('second', { identityBinding: { strict: true } })], loose);
    expect(told.says('Ready')).toBe('False IdentityMismatch');
    expect(told.condition('Bound')?.message).toContain(`expected ${other} (demanded by AgentCard second)`);
  });

  test('of allowed SPIFFE IDs those are expected that every list holds', () => {
    const told = beside([cardThat('second', allowing(expectedId, third))], allowing(expectedId, other));
    expect(told.fields?.expectedSpiffeID).toBe(expectedId);
    expect(told.says('Ready')).toBe('True ReadyToServe');
    const narrowed = beside([cardThat('second', allowing(other))], allowing(expectedId, other));
    expect(narrowed.says('Ready')).toBe('False IdentityMismatch');
    expect(narrowed.check('server-identity')?.expected).toBe(`${other} (demanded by AgentCard second)`);
  });

  test('a quarantine of one is the workload’s, and the first by name is told', () => {
    const told = beside([
      cardThat('z', { quarantine: { reason: 'late' } }),
      cardThat('a', { quarantine: { reason: 'soon' } }),
    ]);
    expect(told.fields?.quarantine).toEqual({ by: 'sibling', subject: 'a', reason: 'soon' });
  });

  test.each([
    ['demand different trust domains', inDomain('example.org'), inDomain('partner.example')],
    ['allow no SPIFFE ID in common', allowing(expectedId), allowing(other)],
  ])('cards that %s are a Conflict that names them: trust goes, and nothing opens', (words, own, theirs) => {
    const told = beside([cardThat('second', theirs)], own);
    expect(told.says('Synced')).toBe('False Conflict');
    expect(told.condition('Synced')?.message).toContain(`AgentCards weather and second ${words}.`);
    expect(told.says('Verified')).toBe('False NotVerified');
    expect(told.marks).toEqual(['off weather-0']);
    expect(told.condition('Enforced')?.message).toContain('only the operator may call this agent');
    expect(told.plan.policy.operations).toMatchObject([{ kind: 'create' }]);
  });

  test('trust domains that differ in case alone are one', () => {
    const told = beside([cardThat('second', inDomain('EXAMPLE.org'))], inDomain('example.org'));
    expect(told.says('Ready')).toBe('True ReadyToServe');
  });
});

describe('under --strict-binding=floor', () => {
  const floor = (...floorAllowedIds: string[]) => ({ strictBinding: 'floor', floorAllowedIds }) as const;

  test('a card may allow what the platform lists, and what else it allows is ignored and said so', () => {
    const told = beside([], allowing(other, third), floor(other));
    expect(told.fields?.expectedSpiffeID).toBe(other);
    const [check] = [told.check('server-identity')?.expected];
    expect(check).toBe(`${other}, while --strict-binding=floor ignores ${third}`);
    expect(beside([], allowing(other), floor()).fields?.expectedSpiffeID).toBe(expectedId);
  });

  test('a trust domain counts where the ID that follows from it is listed', () => {
    const partner = 'spiffe://partner.example/ns/team/sa/weather';
    expect(beside([], inDomain('partner.example'), floor(partner)).fields?.expectedSpiffeID).toBe(partner);
    expect(beside([], inDomain('partner.example'), floor(other)).fields?.expectedSpiffeID).toBe(expectedId);
  });

  test('the workload’s own ID needs no listing, and what is ignored conflicts with nothing', () => {
    expect(beside([], allowing(expectedId), floor(other)).fields?.expectedSpiffeID).toBe(expectedId);
    const told = beside([cardThat('second', allowing(third))], allowing(expectedId), floor(other));
    expect(told.says('Ready')).toBe('True ReadyToServe');
  });
});
