import { flattenedVerify } from 'jose/jws/flattened/verify';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { defaultForms } from '../../../../src/agentcard/forms/forms.ts';
import { KnownChains } from '../../../../src/agentcard/signature/known-chains.ts';
import { signCard } from '../../../../src/agentcard/signature/sign.ts';
import type { ReceivedCard } from '../../../../src/operator/inquiry/evidence.ts';
import { receiveKnown } from '../../../../src/operator/inquiry/known-cards.ts';
import type { ReceiveContext } from '../../../../src/operator/inquiry/receive.ts';
import type { TrustDomain } from '../../../../src/spiffe/id.ts';
import { bundle, hour, type Minted, root, svid } from '../../../pki/mint.ts';

vi.mock('jose/jws/flattened/verify', async (original) => {
  const real = await original<{ flattenedVerify: typeof flattenedVerify }>();
  return { flattenedVerify: vi.fn(real.flattenedVerify) };
});
beforeEach(() => {
  vi.mocked(flattenedVerify).mockClear();
});

const card = (version: string, more: object = {}) => ({
  name: 'Weather',
  description: 'Weather',
  version,
  supportedInterfaces: [{ url: 'https://weather.test', protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
  capabilities: {},
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain'],
  skills: [],
  ...more,
});
const body = (version: string, more: object = {}) => Buffer.from(JSON.stringify(card(version, more)));

const unsigned: ReceiveContext = { source: 'mtls', signatures: undefined, seen: undefined, now: 0 };
const rules = { forms: defaultForms, bundles: new Map(), knownChains: new KnownChains(1) };
const verifying: ReceiveContext = { ...unsigned, signatures: rules };
const signed = { signatures: [{ protected: 'e30', signature: 'AA' }] };

async function receive(bytes: Buffer, context: ReceiveContext, before?: ReceivedCard): Promise<ReceivedCard> {
  const result = await receiveKnown(bytes, before, context);
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

test.each<[string, Buffer, ReceiveContext]>([
  ['where signatures do not count', body('1'), unsigned],
  ['of a card that has none', body('1'), verifying],
  ['of a card whose signature proves what it proved', body('1', signed), verifying],
])('the same bytes are the same card: %s', async (_, bytes, context) => {
  const one = await receive(bytes, context);
  expect(await receive(bytes, context, one)).toBe(one);
});

test.each<[string, [Buffer, ReceiveContext], [Buffer, ReceiveContext]]>([
  ['other bytes', [body('1'), unsigned], [body('2'), unsigned]],
  ['another source', [body('1'), unsigned], [body('1'), { ...unsigned, source: 'http' }]],
  ['signatures that begin to count', [body('1'), unsigned], [body('1'), verifying]],
  ['signatures that count no more', [body('1'), verifying], [body('1'), unsigned]],
])('with %s the card is received anew', async (_, first, second) => {
  const one = await receive(...first);
  expect(await receive(...second, one)).not.toBe(one);
});

describe('a signature', async () => {
  const now = Date.now();
  const [ours, foreign] = [root('a.test'), root('a.test')];
  const leaf = svid(ours, 'spiffe://a.test/ns/team/sa/weather', { to: now + hour });
  const result = await signCard(card('1'), { key: leaf.privateKey, chain: [leaf.der] });
  const bytes = Buffer.from(JSON.stringify(result.ok ? result.value : undefined));
  const trusting = (authority: Minted, more: Partial<ReceiveContext> = {}): ReceiveContext => ({
    ...verifying,
    signatures: { ...rules, bundles: new Map([['a.test' as TrustDomain, bundle('a.test', authority)]]) },
    now,
    ...more,
  });

  test('is verified once for the same bytes, and judged anew by the time and by what was seen before', async () => {
    const first = await receive(bytes, trusting(ours));
    const seen = first.signature?.seen;
    const later = await receive(bytes, trusting(ours, { now: now + 2 * hour, seen }), first);
    const unseen = await receive(bytes, trusting(ours, { now: now + 2 * hour }), later);
    const outcomes = [first, later, unseen].map(({ signature }) => signature?.outcome);
    expect(outcomes).toEqual(['valid', 'valid', 'expired']);
    expect(later.signature?.message).toContain('seen before');
    expect(flattenedVerify).toHaveBeenCalledTimes(1);
  });

  test('whose signer nobody vouched for is verified when the same bytes come after its authority has joined', async () => {
    const first = await receive(bytes, trusting(foreign));
    const second = await receive(bytes, trusting(foreign), first);
    expect(second).toBe(first);
    expect(flattenedVerify).not.toHaveBeenCalled();
    const third = await receive(bytes, trusting(ours), second);
    expect([first, third].map(({ signature }) => signature?.outcome)).toEqual(['untrusted', 'valid']);
    expect(flattenedVerify).toHaveBeenCalledTimes(1);
  });
});
