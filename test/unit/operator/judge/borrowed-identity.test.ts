import { describe, expect, test } from 'vitest';
import type { CardEvidence, PodEvidence } from '../../../../src/operator/inquiry/evidence.ts';
import type { Settings } from '../../../../src/operator/settings/settings.ts';
import { answered, card, evidence, expectedId, now, snapshot, settings as usual } from '../kit/builders.ts';
import { decide } from '../kit/tell.ts';

type Source = 'mtls' | 'http' | 'configmap';

/** A pod of another account of the namespace that shows what the agent proved. */
function shown(name: string, source: Source, { account = 'weather', id = expectedId } = {}): [string, PodEvidence] {
  const [uid, pod] = answered(name, { id, transport: source === 'mtls' ? 'mtls' : 'http' });
  if (pod.answer?.kind !== 'card') throw new Error('the pod shows no card');
  const signature = {
    ...{ outcome: 'valid' as const, message: 'one signature is good', signer: id, keyId: 'k', form: 'raw-jcs' },
    ...{ notAfter: undefined, seen: undefined, unread: false, signed: undefined },
  };
  const received = { ...pod.answer.card, source, ...(source === 'mtls' ? {} : { signature }) };
  const facts = { ...pod.facts, serviceAccount: account };
  return [uid, { ...pod, facts, answer: { ...pod.answer, card: received } }];
}

function told(source: Source, seen: CardEvidence, over: { spec?: object } = {}) {
  const settings: Partial<Settings> = source === 'mtls' ? {} : { mtls: false, signature: true };
  const spec = { ...card().spec, ...over.spec };
  const pods = [...seen.pods.values()].map(({ facts }) => facts.name);
  const world = snapshot({ pods, evidence: { ...seen, complete: true }, card: card({ spec }) });
  return decide(world, { ...usual, ...settings }, now);
}

describe.each<Source>(['mtls', 'http', 'configmap'])('what a pod shows by source %s', (source) => {
  test('proves nothing where its own service account does not yield the identity: it is a relay', () => {
    const relay = told(source, evidence(shown('weather-0', source, { account: 'thief' })));
    expect(relay.says('Verified')).toBe('False NotVerified');
    expect(relay.says('Bound')).toBe('False NoIdentity');
    expect(relay.marks).toEqual([]);
    expect(relay.fields?.replicas?.attested).toBe(0);
  });

  test('and neither helps nor harms the honest pod beside it', () => {
    const both = told(source, evidence(shown('weather-0', source), shown('weather-1', source, { account: 'thief' })));
    expect(both.condition('Verified')?.status).toBe('True');
    expect(both.plan.marks.map(({ podName, proven }) => [podName, proven?.identity])).toEqual([
      ['weather-0', expectedId],
    ]);
  });
});

describe('an identity that no account of the workload yields', () => {
  const id = 'spiffe://example.org/gateway';

  test.each([
    ['allowed by name', { identityBinding: { allowedSpiffeIDs: [id] } }],
    ['tolerated', { identityBinding: { strict: false } }],
  ])('is taken of any pod of the workload where it is %s', (_, spec) => {
    const one = told('mtls', evidence(shown('weather-0', 'mtls', { id, account: 'any' })), { spec });
    expect(one.condition('Verified')?.status).toBe('True');
  });
});
