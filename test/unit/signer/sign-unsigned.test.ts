import { createPrivateKey, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonValue } from '../../../src/agentcard/document/json.ts';
import { parseCardDocument } from '../../../src/agentcard/document/parse.ts';
import { confirmSigned, type SignedCard, signUnsigned } from '../../../src/signer/sign-unsigned.ts';
import type { Result } from '../../../src/spiffe/result.ts';
import type { X509Svid } from '../../../src/spiffe/x509/svid.ts';
import { x509Svid } from '../../pki/identity.ts';
import { hour, type Minted, name, svid } from '../../pki/mint.ts';
import {
  bytesOf,
  cardOf,
  manifest,
  bundles as vectorBundles,
  now as vectorNow,
} from '../agentcard/signature/vectors.ts';
import { agentId, authority, newLeaf, trust, weather } from './world.ts';

const now = new Date();
const ours = x509Svid([newLeaf()]);
const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));

function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

const signed = async (card: unknown, identity: X509Svid = ours): Promise<SignedCard> =>
  must(await signUnsigned(bytes(card), identity));
const parsed = (card: SignedCard) => JSON.parse(card.text);
const confirm = (text: string | Uint8Array, of: SignedCard, at = now) =>
  confirmSigned(Buffer.from(text), of, trust, at);

test('a signed card is the card as it was, with a signature that verifies', async () => {
  const card = await signed(weather);
  const { signatures, ...rest } = parsed(card);
  expect(rest).toEqual(weather);
  expect(signatures).toHaveLength(1);
  expect(must(await confirm(card.text, card))).toMatchObject({
    signer: { uri: agentId },
    form: 'raw-jcs',
    algorithm: 'ES256',
  });
});

test('no member is lost, whatever the card holds', async () => {
  const anything = fc.dictionary(fc.string(), fc.jsonValue()).filter((extra) => !('signatures' in extra));
  await fc.assert(
    fc.asyncProperty(anything, async (extra) => {
      const input = bytes({ ...extra, ...weather });
      const card = must(await signUnsigned(input, ours));
      const before = must(parseCardDocument(input)).raw;
      const { signatures: _, ...after } = must(parseCardDocument(Buffer.from(card.text))).raw;
      expect({ ...after }).toEqual({ ...before });
      expect((await confirm(card.text, card)).ok).toBe(true);
    }),
  );
});

test.each([
  ['p256', 'ES256'],
  ['p384', 'ES384'],
  ['p521', 'ES512'],
  ['rsa', 'RS256'],
  ['ed', 'EdDSA'],
])('the key %s signs by %s', async (key, algorithm) => {
  const leaf = new X509Certificate(bytesOf(`pki/leaf-${key}.pem`)).raw;
  const identity = {
    ...ours,
    id: { ...ours.id, uri: manifest.spiffeId },
    chain: [leaf],
    keyPem: createPrivateKey(bytesOf(`pki/key-${key}.pem`))
      .export({ type: 'pkcs8', format: 'pem' })
      .toString(),
  };
  const card = await signed(cardOf('sig-none'), identity);
  expect(must(await confirmSigned(Buffer.from(card.text), card, vectorBundles, vectorNow))).toMatchObject({
    algorithm,
  });
});

test('signatures of others stay, and ours is replaced and comes last', async () => {
  const other = x509Svid([svid(authority, 'spiffe://a.test/ns/team1/sa/other')]);
  const [theirs] = parsed(await signed(weather, other)).signatures;
  const vendor = { protected: Buffer.from('{"alg":"ES256","kid":"vendor"}').toString('base64url'), signature: 'AA' };
  const [old] = parsed(await signed(weather, x509Svid([newLeaf({ to: now.getTime() - hour / 2 })]))).signatures;
  const card = await signed({ ...weather, signatures: [old, theirs, vendor] });
  const { signatures } = parsed(card);
  expect(signatures).toHaveLength(3);
  expect(signatures.slice(0, 2)).toEqual([theirs, vendor]);
  expect(signatures).not.toContainEqual(old);
  expect(must(await confirm(card.text, card)).signer.uri).toBe(agentId);
});

test('signing again and again leaves one signature', async () => {
  const again = await signed(parsed(await signed(parsed(await signed(weather)))));
  expect(parsed(again).signatures).toHaveLength(1);
});

test.each([
  ['no JSON', 'x'],
  ['no AgentCard', '{}'],
  ['a card of which no verifier would take the name', '{"name":1,"version":"1","url":"http://x"}'],
  ['a key twice', '{"name":"x","name":"y","version":"1","url":"http://x"}'],
])('%s is refused before anything is signed', async (_what, text) => {
  expect(await signUnsigned(Buffer.from(text), ours)).toMatchObject({ ok: false, error: { code: 'CardInvalid' } });
});

test.each<[string, JsonValue, string]>([
  ['signatures that are no list', 'none', 'CardInvalid'],
  ['as many signatures of others as a verifier takes', Array(8).fill({}), 'TooManySignatures'],
])('%s are refused', async (_what, signatures, code) => {
  expect(await signUnsigned(bytes({ ...weather, signatures }), ours)).toMatchObject({ ok: false, error: { code } });
});

test('what was not signed is not confirmed', async () => {
  const card = await signed(weather);
  const changed = { ...parsed(card), name: 'Other' };
  expect(await confirm(JSON.stringify(changed), card)).toMatchObject({ error: { code: 'CardChanged' } });
  const { signatures, ...unsigned } = parsed(card);
  const [{ signature, ...headers }] = signatures;
  const broken = { ...headers, signature: `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}` };
  for (const bad of [[], [broken], [...signatures, broken]]) {
    const text = JSON.stringify({ ...unsigned, signatures: bad });
    expect(await confirm(text, card)).toMatchObject({ error: { code: 'SignatureUnusable' } });
  }
  expect(await confirm(card.text.slice(0, -3), card)).toMatchObject({ error: { code: 'SignatureUnusable' } });
});

test('a signature that nobody would believe is not confirmed, and the reason is said', async () => {
  const identity = (leaf: Minted) => x509Svid([leaf]);
  const strange = svid(svid(authority, agentId, { subject: name({ CN: 'no authority' }) }), agentId);
  const untrusted = await signed(weather, identity(strange));
  expect(await confirm(untrusted.text, untrusted)).toMatchObject({
    error: { message: expect.stringContaining('PathNotFound') },
  });
  const early = await signed(weather, identity(newLeaf({ from: now.getTime() + hour })));
  expect(await confirm(early.text, early)).toMatchObject({
    error: { message: expect.stringContaining('CertificateNotYetValid') },
  });
});
