import { createPrivateKey, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../../../../src/agentcard/document/json.ts';
import { parseStrictObject } from '../../../../src/agentcard/document/strict-json.ts';
import { canonicalize } from '../../../../src/agentcard/forms/canonical.ts';
import { canonicalForms, defaultForms } from '../../../../src/agentcard/forms/forms.ts';
import type { SeenSignature } from '../../../../src/agentcard/signature/judge.ts';
import { type SigningIdentity, signCard } from '../../../../src/agentcard/signature/sign.ts';
import { type VerifiedCard, verifyCard } from '../../../../src/agentcard/signature/verify.ts';
import { readChain, signerOf } from '../../../../src/agentcard/signature/x5c.ts';
import type { BundleSet } from '../../../../src/spiffe/x509/bundle.ts';
import { root as mintedRoot } from '../../../pki/mint.ts';
import { bundles, bytesOf, cardOf, now } from './vectors.ts';

/** The authority and the leaves of the vectors end on 2046-01-01. */
const afterTheEnd = new Date('2047-01-01T00:00:00Z');

function identity(name: string): SigningIdentity {
  const leaf = new X509Certificate(bytesOf(`pki/leaf-${name}.pem`)).raw;
  return { key: createPrivateKey(bytesOf(`pki/key-${name}.pem`)), chain: [leaf] };
}

async function sign(card: JsonObject, name = 'p256'): Promise<JsonObject> {
  const signed = await signCard(card, identity(name));
  if (!signed.ok) throw new Error(signed.error.message);
  return signed.value;
}

interface Circumstances {
  readonly bundles?: BundleSet;
  readonly now?: Date;
  readonly seen?: SeenSignature;
}

function verify(card: JsonObject, circumstances: Circumstances = {}): Promise<VerifiedCard> {
  return verifyCard({ card, bundles, now, forms: canonicalForms, ...circumstances });
}

function entries(card: JsonObject): readonly { readonly protected: string; readonly signature: string }[] {
  return card.signatures as never;
}

const card: JsonObject = {
  name: 'Weather',
  version: '1',
  supportedInterfaces: [{ url: 'https://weather', protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
  skills: [{ id: 'now', tags: ['a', 'b'], examples: [] }],
  extra: { deep: [1, 2.5, true, null, ''] },
};
const signed = await sign(card);
const [entry] = entries(signed);
const protectedText = entry?.protected ?? '';
const signature = entry?.signature ?? '';
const withEntry = (change: JsonValue): JsonObject => ({ ...card, signatures: [change] });

test.each(['p256', 'p384', 'p521', 'rsa', 'ed'])(
  'what is signed with the key %s verifies, and nothing is lost',
  async (name) => {
    const { good, outcome, payloads } = await verify(await sign(card, name));
    expect(outcome).toBe('valid');
    expect(good?.form).toBe('raw-jcs');
    expect(JSON.parse(payloads.get(good?.payloadSha256 ?? '') ?? '')).toEqual(card);
  },
);

test('any change to the card is refused', async () => {
  const text = canonicalize(signed);
  const bytes = Buffer.from(text);
  const position = fc.nat({ max: bytes.length - 1 });
  await fc.assert(
    fc.asyncProperty(position, fc.integer({ min: 1, max: 255 }), async (index, difference) => {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ difference;
      const parsed = parseStrictObject(changed);
      if (!parsed.ok || canonicalize(parsed.value) === text) return;
      const { outcome } = await verifyCard({ card: parsed.value, bundles, now, forms: defaultForms });
      expect(outcome).not.toBe('valid');
    }),
    { numRuns: 1500 },
  );
});

const outcomeWith = async (change: JsonValue) => (await verify(withEntry(change))).outcome;

function changedAt(text: string, index: number, character: string): string {
  return text.slice(0, index) + character + text.slice(index + 1);
}

test.each([
  ['protected header', protectedText, (text: string) => ({ protected: text, signature })],
  ['signature', signature, (text: string) => ({ protected: protectedText, signature: text })],
])('any other character in the %s is refused, stray bits included', async (_, text, entryWith) => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ \n';
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: text.length - 1 }), fc.constantFrom(...alphabet), async (index, character) => {
      fc.pre(text[index] !== character);
      for (const change of [character, character + (text[index] ?? '')]) {
        expect(await outcomeWith(entryWith(changedAt(text, index, change)))).not.toBe('valid');
      }
    }),
    { numRuns: 500 },
  );
  for (const character of alphabet) {
    const last = text.length - 1;
    if (character !== text[last])
      expect(await outcomeWith(entryWith(changedAt(text, last, character)))).not.toBe('valid');
  }
});

test('any changed byte of the leaf is refused, whoever signed the rest', async () => {
  const { chain } = identity('p256');
  const original = Buffer.from(chain[0]);
  expect(signerOf([original], { bundles, now }).ok).toBe(true);
  for (let index = 0; index < original.length; index += 1) {
    const changed = Buffer.from(original);
    changed[index] = (changed[index] ?? 0) ^ (1 << (index % 8));
    expect(signerOf([changed], { bundles, now }).ok, `byte ${index}`).toBe(false);
  }
});

test('only the bundle of the trust domain that the leaf names can vouch for it', async () => {
  const [bundle] = bundles.values();
  const other = new Map([['other.example', bundle]]) as unknown as BundleSet;
  expect(await verify(signed, { bundles: other })).toMatchObject({
    outcome: 'untrusted',
    signatures: [{ code: 'TrustDomainUnknown' }],
  });
  expect((await verify(signed, { bundles: new Map() })).outcome).toBe('untrusted');
});

test('a chain is the leaf and its issuers in their order, of which the last may be a root, and nothing else', async () => {
  const leaf = new X509Certificate(bytesOf('pki/leaf-p256.pem')).raw.toString('base64');
  const root = new X509Certificate(bytesOf('pki/root.pem')).raw.toString('base64');
  const stranger = new X509Certificate(bytesOf('pki/leaf-rsa.pem')).raw.toString('base64');
  const strangeCa = mintedRoot('example.org').der.toString('base64');
  const codeOf = (...x5c: string[]) => {
    const chain = readChain(x5c);
    const signer = chain.ok ? signerOf(chain.value, { bundles, now }) : chain;
    return signer.ok ? 'ok' : signer.error.code;
  };
  expect(codeOf(leaf, root)).toBe('ok');
  expect(codeOf(leaf, stranger)).toBe('PathInvalid');
  expect(codeOf(leaf, stranger, root)).toBe('PathInvalid');
  expect(codeOf(leaf, leaf)).toBe('PathInvalid');
  expect(codeOf(leaf, strangeCa)).toBe('UnrelatedCertificate');
  expect(codeOf(leaf, root, strangeCa)).toBe('UnrelatedCertificate');
  expect(codeOf(leaf, ...Array<string>(7).fill(root))).toBe('ok');
  expect(codeOf(leaf, ...Array<string>(8).fill(root))).toBe('ChainTooLong');
  expect(codeOf(`${leaf} `)).toBe('CertificateMalformed');
  expect(codeOf(`\n${leaf}`)).toBe('CertificateMalformed');
});

const seen = async (): Promise<SeenSignature> => {
  const { good } = await verify(signed);
  if (good === undefined) throw new Error('the card does not verify');
  const { payloadSha256, protectedSha256, issuerSha256 } = good;
  return { payloadSha256, protectedSha256, issuerSha256 };
};

test('an ended certificate proves nothing unless this very signature was seen before', async () => {
  expect(await verify(signed, { now: afterTheEnd })).toMatchObject({
    outcome: 'expired',
    signatures: [{ code: 'CertificateExpired' }],
  });
  const evidence = await verify(signed, { now: afterTheEnd, seen: await seen() });
  expect(evidence).toMatchObject({ outcome: 'valid', good: { code: 'SeenWhileValid', ...(await seen()) } });
});

test('what a status remembers besides the hashes changes nothing of the signature', async () => {
  const stored = { ...(await seen()), notAfter: '2026-01-01T00:00:00Z' };
  const { good } = await verify(signed, { now: afterTheEnd, seen: stored });
  expect(good?.notAfter).toEqual((await verify(signed)).good?.notAfter);
});

test('what was seen does not carry over to another payload, header or authority', async () => {
  for (const key of ['payloadSha256', 'protectedSha256', 'issuerSha256'] as const) {
    expect(
      (await verify(signed, { now: afterTheEnd, seen: { ...(await seen()), [key]: '0'.repeat(64) } })).outcome,
    ).toBe('expired');
  }
  const changed = await sign({ ...card, name: 'Other' });
  expect((await verify(changed, { now: afterTheEnd, seen: await seen() })).outcome).toBe('expired');
});

test('a certificate that has not begun proves nothing', async () => {
  expect((await verify(signed, { now: new Date('2025-01-01'), seen: await seen() })).outcome).toBe('untrusted');
});

test('a wrong signature is guilt only while its signer is trusted', async () => {
  const tampered = { ...signed, name: 'Other' };
  expect((await verify(tampered)).outcome).toBe('invalid');
  expect((await verify(tampered, { now: afterTheEnd, seen: await seen() })).outcome).toBe('expired');
  expect((await verify(tampered, { bundles: new Map() })).outcome).toBe('untrusted');
});

test('a trusted signer that breaks a header rule is guilty, with or without a signature', async () => {
  const { chain } = identity('p256');
  const x5c = [Buffer.from(chain[0]).toString('base64')];
  const outcomeOf = async (header: object, more: object = {}) => {
    const text = Buffer.from(JSON.stringify({ x5c, ...header })).toString('base64url');
    const { outcome, signatures } = await verify(withEntry({ protected: text, signature, ...more }));
    return `${outcome} ${signatures[0]?.code}`;
  };
  expect(await outcomeOf({ alg: 'none' }, { signature: '' })).toBe('invalid AlgorithmRefused');
  expect(await outcomeOf({ alg: 'ES256' }, { signature: '' })).toBe('invalid SignatureMalformed');
  expect(await outcomeOf({ alg: 'ES256', crit: ['exp'], exp: 1 })).toBe('invalid CriticalHeader');
  expect(await outcomeOf({ alg: 'ES256', kid: 7 })).toBe('invalid HeaderMalformed');
  expect(await outcomeOf({ alg: 'ES256' }, { header: { alg: 'ES256' } })).toBe('invalid HeaderOverlap');
  expect(await outcomeOf({ alg: 'ES256' }, { header: 'x' })).toBe('invalid SignatureMalformed');
  expect(await outcomeOf({ alg: 'ES384' })).toBe('invalid KeyMismatch');
  expect(await outcomeOf({ alg: 'constructor' })).toBe('invalid AlgorithmRefused');
  expect(await outcomeOf({})).toBe('invalid AlgorithmRefused');
});

test('one good signature is enough wherever it stands, and each is reported', async () => {
  const [good] = entries(signed);
  const bad = { ...good, signature: changedAt(signature, 0, signature.startsWith('A') ? 'B' : 'A') };
  const evidence = await verify({ ...card, signatures: ['junk', bad, good, bad] as JsonValue });
  expect(evidence.outcome).toBe('valid');
  expect(evidence.signatures.map(({ outcome }) => outcome)).toEqual(['untrusted', 'invalid', 'valid', 'invalid']);
  expect(evidence.message).toMatch(/^signature 3 of 4: /);
});

test('without a good signature guilt outweighs what proves nothing', async () => {
  const bad = { protected: protectedText, signature: changedAt(signature, 0, signature.startsWith('A') ? 'B' : 'A') };
  expect((await verify({ ...card, signatures: [null, {}, bad] })).outcome).toBe('invalid');
  expect((await verify({ ...card, signatures: [null, {}] })).outcome).toBe('untrusted');
});

test.each([
  ['ecdsa-der', 'in DER form'],
  ['ecdsa-short', '63 bytes long'],
  ['ecdsa-leading-zero-extra', '65 bytes long'],
])('an ES256 signature that JWS does not take is named: %s is %s', async (name, words) => {
  const { outcome, message } = await verify(cardOf(name));
  expect({ outcome, message }).toEqual({ outcome: 'invalid', message: expect.stringContaining(words) });
  expect(message).toContain('64 bytes');
});

test('a card with too many signatures is not looked at', async () => {
  const many = { ...card, signatures: Array(9).fill(entry) };
  expect(await verify(many)).toMatchObject({ outcome: 'untrusted', signatures: [{ code: 'TooManySignatures' }] });
  expect((await verify({ ...card, signatures: Array(8).fill(entry) })).outcome).toBe('valid');
});

test('a key id is reported short and printable', async () => {
  const { chain } = identity('p256');
  const header = { alg: 'ES256', kid: `\u001b[2J${'k'.repeat(9000)}`, x5c: [Buffer.from(chain[0]).toString('base64')] };
  const text = Buffer.from(JSON.stringify(header)).toString('base64url');
  expect((await verify(withEntry({ protected: text, signature }))).signatures[0]?.keyId).toMatch(/^\?\[2Jk{252}$/);
});

test('whatever stands in signatures, verification gives a verdict', async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue({ maxDepth: 3 }), async (signatures) => {
      expect((await verify({ ...card, signatures: signatures as JsonValue })).outcome).not.toBe('valid');
    }),
  );
});

test('signing refuses what no verifier would take', async () => {
  const { key, chain } = identity('p256');
  const codeOf = async (raw: JsonObject, signer: SigningIdentity) => {
    const result = await signCard(raw, signer);
    return result.ok ? 'ok' : result.error.code;
  };
  expect(await codeOf(card, { key: identity('p384').key, chain })).toBe('KeyMismatch');
  expect(await codeOf(card, { key: identity('rsa').key, chain })).toBe('KeyMismatch');
  expect(await codeOf(card, { key, chain: [chain[0], ...Array(8).fill(chain[0])] })).toBe('ChainTooLong');
  expect(await codeOf(card, { key, chain: [new X509Certificate(bytesOf('pki/root.pem')).raw] })).toBe('NotAnSvid');
  expect(await codeOf({ ...card, signatures: 'x' }, { key, chain })).toBe('SignaturesInvalid');
  expect(await codeOf({ ...card, signatures: Array(8).fill({}) }, { key, chain })).toBe('TooManySignatures');
});

test('signing again adds a signature and keeps the earlier one', async () => {
  const twice = await sign(signed, 'rsa');
  expect((await verify(twice)).signatures.map(({ algorithm }) => algorithm)).toEqual(['ES256', 'RS256']);
  expect((await verify(twice)).outcome).toBe('valid');
});

test('a signed vector of every kind of key verifies with default forms', async () => {
  expect((await verify(cardOf('alg-eddsa'))).good?.algorithm).toBe('EdDSA');
});
