import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import type { JsonObject } from '../../../../src/agentcard/document/json.ts';
import { parseCardDocument } from '../../../../src/agentcard/document/parse.ts';
import { defaultForms } from '../../../../src/agentcard/forms/forms.ts';
import { signCard } from '../../../../src/agentcard/signature/sign.ts';
import { verifyCard } from '../../../../src/agentcard/signature/verify.ts';
import { basicConstraints, bundle, hour, intermediate, type Minted, root, svid } from '../../../pki/mint.ts';

const id = 'spiffe://a.test/ns/team/sa/agent';
const now = new Date();
const [above, other] = [root('a.test'), root('a.test')];
const between = intermediate(above, 'a.test');
const past = { from: now.getTime() - 2 * hour, to: now.getTime() - hour };
const future = { from: now.getTime() + hour, to: now.getTime() + 2 * hour };
const noAuthority = intermediate(above, 'a.test', { extensions: [basicConstraints(false)] });
const weak = intermediate(above, 'a.test', { key: 'rsa1024' });
const ended = intermediate(above, 'a.test', past);
const small: JsonObject = { name: 'x', version: '1', url: 'https://x.example' };
const good = svid(above, id);

async function signing(
  card: JsonObject,
  [leaf = good, ...issuers]: readonly Minted[],
): Promise<{ code: string; text: string }> {
  const chain = [leaf.der, ...issuers.map(({ der }) => der)] as const;
  const signed = await signCard(card, { key: leaf.privateKey, chain }, now);
  return signed.ok
    ? { code: 'ok', text: `${JSON.stringify(signed.value, null, 2)}\n` }
    : { code: signed.error.code, text: '' };
}

async function verified(text: string): Promise<boolean> {
  const card = parseCardDocument(Buffer.from(text));
  const bundles = new Map([['a.test', bundle('a.test', above)]]) as never;
  return card.ok && (await verifyCard({ card: card.value.raw, bundles, now, forms: defaultForms })).outcome === 'valid';
}

test.each<[string, readonly Minted[]]>([
  ['a leaf alone', [good]],
  ['a leaf with its intermediate', [svid(between, id), between]],
  ['a leaf with its root', [good, above]],
])('what is signed with %s verifies', async (_, chain) => {
  expect(await verified((await signing(small, chain)).text)).toBe(true);
});

test.each<[string, readonly Minted[], string]>([
  ['has ended', [svid(above, id, past)], 'CertificateExpired'],
  ['has not begun', [svid(above, id, future)], 'CertificateNotYetValid'],
  ['is signed by a weak hash', [svid(above, id, { hash: 'sha1' })], 'CertificateWeak'],
  ['has an issuer that has ended', [svid(ended, id), ended], 'CertificateExpired'],
  ['has an issuer that is no authority', [svid(noAuthority, id), noAuthority], 'PathInvalid'],
  ['has an issuer with a weak key', [svid(weak, id), weak], 'CertificateWeak'],
  ['stands before another issuer', [good, other], 'PathNotFound'],
  ['stands before its issuers in the wrong order', [svid(between, id), above, between], 'UnrelatedCertificate'],
])('a certificate that %s signs nothing, as nothing that it signed would verify', async (_, chain, code) => {
  expect((await signing(small, chain)).code).toBe(code);
});

test.each<[string, JsonObject, string]>([
  ['that is none', { name: 'x' }, 'CardInvalid'],
  ['that is too large once it is written', { ...small, extra: randomBytes(524_200).toString('hex') }, 'TooLarge'],
  ['that fills what is allowed before it is signed', { ...small, extra: Array(16_380).fill(1) }, 'TooManyValues'],
])('a card %s is not signed', async (_, card, code) => {
  expect((await signing(card, [good])).code).toBe(code);
});

test('a header that is too long for a verifier is not made', async () => {
  const long = svid(above, id, { keyId: randomBytes(30_000) });
  expect((await signing(small, [long])).code).toBe('HeaderMalformed');
});
