import * as agentcard from '@agentcard-operator/agentcard';
import { expect, test, vi } from 'vitest';
import type { JsonObject } from '../../../../src/agentcard/document/json.ts';
import { canonicalForms } from '../../../../src/agentcard/forms/forms.ts';
import { KnownChains } from '../../../../src/agentcard/signature/known-chains.ts';
import { signCard } from '../../../../src/agentcard/signature/sign.ts';
import { type ReceiveContext, receiveCard } from '../../../../src/operator/inquiry/receive.ts';
import type { TrustDomain } from '../../../../src/spiffe/id.ts';
import { bundle, type Minted, root, svid } from '../../../pki/mint.ts';

vi.mock('@agentcard-operator/agentcard', async (original) => {
  const door = await original<typeof agentcard>();
  return { ...door, parseCardDocument: vi.fn(door.parseCardDocument) };
});

const now = Date.now();
const [ours, foreign] = [root('a.test'), root('a.test')];
const leaf = svid(ours, 'spiffe://a.test/ns/team/sa/weather');

const plain: JsonObject = {
  name: 'Weather',
  version: '1',
  supportedInterfaces: [{ url: 'https://weather.test', protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
};

const context = (...authorities: readonly Minted[]): ReceiveContext => ({
  source: 'mtls',
  signatures: {
    forms: canonicalForms,
    bundles: new Map([['a.test' as TrustDomain, bundle('a.test', ...authorities)]]),
    knownChains: new KnownChains(8),
  },
  seen: undefined,
  now,
});

/** The card with one more member than what its signature is over. */
async function signed(card: JsonObject, unsigned: JsonObject = {}): Promise<Buffer> {
  const result = await signCard(card, { key: leaf.privateKey, chain: [leaf.der] });
  if (!result.ok) throw new Error(result.error.message);
  return Buffer.from(JSON.stringify({ ...result.value, ...unsigned }));
}

async function received(body: Buffer, by: ReceiveContext) {
  vi.mocked(agentcard.parseCardDocument).mockClear();
  const result = await receiveCard(body, by);
  if (!result.ok) throw new Error(result.error.message);
  const { signature, ...card } = result.value;
  return { ...card, signature, readings: vi.mocked(agentcard.parseCardDocument).mock.calls.length };
}

test('a card is read once, and what was signed is published', async () => {
  const card = await received(await signed(plain), context(ours));
  expect(card).toMatchObject({ readings: 1, url: 'https://weather.test', cardId: agentcard.cardId(plain) });
  expect(JSON.parse(card.published.text ?? '')).toEqual(plain);
  expect(card.signature).toMatchObject({ outcome: 'valid', form: 'raw-jcs', signed: { payloads: new Map() } });
});

test('what was signed in another form is a document of its own, which is read once too, and the rest is not published', async () => {
  const card = await received(await signed(plain, { vendor: 'x' }), context(ours));
  expect(card).toMatchObject({ readings: 2, url: 'https://weather.test', cardId: agentcard.cardId(plain) });
  expect(JSON.parse(card.published.text ?? '')).toEqual(plain);
  expect(card.signature).toMatchObject({ outcome: 'valid', form: 'spec-8.4.1-known' });
});

test('the name that a table shows is the one that was signed, on one line', async () => {
  const named: JsonObject = { ...plain, name: 'Weather\t\u202eTrue' };
  expect((await received(await signed(named, { vendor: 'x' }), context(ours))).agentName).toBe('Weather True');
  const { supportedInterfaces: _, ...covered } = named;
  expect((await received(await signed(covered, plain), context(ours))).agentName).toBe('Weather');
});

test('a signed form that is no AgentCard any more is published all the same, without an address', async () => {
  const { supportedInterfaces: _, ...covered } = plain;
  const elsewhere = [{ url: 'https://elsewhere.test', protocolBinding: 'JSONRPC', protocolVersion: '1.0' }];
  const card = await received(await signed(covered, { supportedInterfaces: elsewhere }), context(ours));
  expect(card).toMatchObject({ url: undefined, signature: { outcome: 'valid', form: 'kagenti' } });
  expect(JSON.parse(card.published.text ?? '')).toEqual(covered);
});

test('of a card whose signer nobody vouches for, chain and digests are kept and no payload', async () => {
  const body = await signed(plain, { vendor: 'x' });
  const { signature, digest, published } = await received(body, context(foreign));
  expect(signature).toMatchObject({ outcome: 'untrusted', unread: false });
  expect(digest).toBe(agentcard.sha256(body));
  expect(signature?.signed?.payloads.size).toBe(0);
  expect(signature?.signed?.facts).toEqual([
    expect.objectContaining({ kind: 'unverified', chain: [new Uint8Array(leaf.der)] }),
  ]);
  // The one text that is kept is what is published of the card as it came.
  expect(signature?.signed?.served.published).toBe(published);
});

test('a card whose signatures do not count is read for no signature', async () => {
  const body = await signed(plain);
  expect(await received(body, { ...context(ours), signatures: undefined })).toMatchObject({
    readings: 1,
    signature: undefined,
  });
});

test.each(['http', 'configmap'] as const)(
  'a card from %s whose signer’s certificate begins within minutes is no answer, so that what was known stands',
  async (source) => {
    const soon = svid(ours, 'spiffe://a.test/ns/team/sa/weather', { from: Date.now() + 120_000 });
    const result = await signCard(plain, { key: soon.privateKey, chain: [soon.der] });
    const body = Buffer.from(JSON.stringify(result.ok && result.value));
    const saying = { code: 'ClockSkew', message: expect.stringContaining('compare the clocks') };
    expect(await receiveCard(body, { ...context(ours), source })).toEqual({ ok: false, error: saying });
    expect(await receiveCard(body, { ...context(foreign), source })).toMatchObject({ ok: true });
    // Over mutual TLS the server has proven itself, whatever the signature is worth.
    const proven = await receiveCard(body, context(ours));
    expect(proven).toMatchObject({ ok: true, value: { signature: { outcome: 'untrusted' } } });
  },
);

/** Texts and bytes, wherever they stand. */
function bytesIn(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (value instanceof Uint8Array) return value.buffer.byteLength;
  if (typeof value !== 'object' || value === null) return 0;
  const members = value instanceof Map ? [...value].flat() : Object.values(value);
  return members.reduce((sum: number, member) => sum + bytesIn(member), 0);
}

test('of a megabyte whose signers nobody vouches for less than a quarter is kept', async () => {
  const [leaf1, x5c] = [svid(foreign, 'spiffe://a.test/x'), Array(5).fill(Buffer.alloc(3_000, 1).toString('base64'))];
  const header = { alg: 'ES256', kid: 'k'.repeat(200), x5c: [leaf1.der.toString('base64'), ...x5c] };
  const entry = { protected: Buffer.from(JSON.stringify(header)).toString('base64url'), signature: 'A'.repeat(90_000) };
  const skills = Array.from({ length: 40 }, (_, index) => ({
    id: `${index}`,
    name: 'n',
    description: 'd'.repeat(2_000),
    tags: ['t'],
  }));
  const body = Buffer.from(JSON.stringify({ ...plain, skills, signatures: Array(8).fill(entry) }));
  expect(body.length).toBeGreaterThan(900_000);
  const received = await receiveCard(body, context(ours));
  expect(received).toMatchObject({ ok: true, value: { signature: { outcome: 'untrusted' } } });
  expect(bytesIn(received)).toBeLessThan(250_000);
});
