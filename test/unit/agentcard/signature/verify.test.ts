import { createPrivateKey, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../../../../src/agentcard/document/json.ts';
import { parseStrictObject } from '../../../../src/agentcard/document/strict-json.ts';
import { canonicalize } from '../../../../src/agentcard/forms/canonical.ts';
import { canonicalForms, defaultForms } from '../../../../src/agentcard/forms/forms.ts';
import { type SigningIdentity, signCard } from '../../../../src/agentcard/signature/sign.ts';
import {
  type SeenSignature,
  type SignatureEvidence,
  verifySignatures,
} from '../../../../src/agentcard/signature/verify.ts';
import { signerOf } from '../../../../src/agentcard/signature/x5c.ts';
import type { BundleSet } from '../../../../src/spiffe/x509/bundle.ts';
import { bundles, bytesOf, cardOf, now } from './vectors.ts';

/** The authority and the leaves of the vectors end on 2046-01-01. */
const afterTheEnd = new Date('2047-01-01T00:00:00Z');

function identity(name: string): SigningIdentity {
  const leaf = new X509Certificate(bytesOf(`pki/leaf-${name}.pem`)).raw;
  return { key: createPrivateKey(bytesOf(`pki/key-${name}.pem`)), chain: [leaf] };
}

function sign(card: JsonObject, name = 'p256'): JsonObject {
  const signed = signCard(card, identity(name));
  if (!signed.ok) throw new Error(signed.error.message);
  return signed.value;
}

interface Circumstances {
  readonly bundles?: BundleSet;
  readonly now?: Date;
  readonly seen?: SeenSignature;
}

function verify(card: JsonObject, circumstances: Circumstances = {}): SignatureEvidence {
  return verifySignatures({ card, bundles, now, forms: canonicalForms, ...circumstances });
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
const signed = sign(card);
const [entry] = entries(signed);
const protectedText = entry?.protected ?? '';
const signature = entry?.signature ?? '';
const withEntry = (change: JsonValue): JsonObject => ({ ...card, signatures: [change] });

test.each(['p256', 'p384', 'p521', 'rsa', 'ed'])(
  'what is signed with the key %s verifies, and nothing is lost',
  (name) => {
    const { good, outcome } = verify(sign(card, name));
    expect(outcome).toBe('valid');
    expect(good?.form).toBe('raw-jcs');
    expect(good && JSON.parse(Buffer.from(good.payload).toString())).toEqual(card);
  },
);

test('any change to the card is refused', () => {
  const text = canonicalize(signed);
  const bytes = Buffer.from(text);
  const position = fc.nat({ max: bytes.length - 1 });
  fc.assert(
    fc.property(position, fc.integer({ min: 1, max: 255 }), (index, difference) => {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ difference;
      const parsed = parseStrictObject(changed);
      if (!parsed.ok || canonicalize(parsed.value) === text) return;
      expect(verifySignatures({ card: parsed.value, bundles, now, forms: defaultForms }).outcome).not.toBe('valid');
    }),
    { numRuns: 1500 },
  );
});

function changedAt(text: string, index: number, character: string): string {
  return text.slice(0, index) + character + text.slice(index + 1);
}

test.each([
  ['protected header', protectedText, (text: string) => ({ protected: text, signature })],
  ['signature', signature, (text: string) => ({ protected: protectedText, signature: text })],
])('any other character in the %s is refused, stray bits included', (_, text, entryWith) => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ \n';
  fc.assert(
    fc.property(fc.nat({ max: text.length - 1 }), fc.constantFrom(...alphabet), (index, character) => {
      fc.pre(text[index] !== character);
      expect(verify(withEntry(entryWith(changedAt(text, index, character)))).outcome).not.toBe('valid');
      expect(verify(withEntry(entryWith(changedAt(text, index, character + (text[index] ?? ''))))).outcome).not.toBe(
        'valid',
      );
    }),
    { numRuns: 500 },
  );
  for (const character of alphabet) {
    const last = text.length - 1;
    if (character !== text[last])
      expect(verify(withEntry(entryWith(changedAt(text, last, character)))).outcome).not.toBe('valid');
  }
});

test('any changed byte of the leaf is refused, whoever signed the rest', () => {
  const { chain } = identity('p256');
  const original = Buffer.from(chain[0]);
  expect(signerOf([original.toString('base64')], bundles, now).ok).toBe(true);
  for (let index = 0; index < original.length; index += 1) {
    const changed = Buffer.from(original);
    changed[index] = (changed[index] ?? 0) ^ (1 << (index % 8));
    expect(signerOf([changed.toString('base64')], bundles, now).ok, `byte ${index}`).toBe(false);
  }
});

test('only the bundle of the trust domain that the leaf names can vouch for it', () => {
  const [bundle] = bundles.values();
  const other = new Map([['other.example', bundle]]) as unknown as BundleSet;
  expect(verify(signed, { bundles: other })).toMatchObject({
    outcome: 'untrusted',
    signatures: [{ code: 'TrustDomainUnknown' }],
  });
  expect(verify(signed, { bundles: new Map() }).outcome).toBe('untrusted');
});

test('a root that is in the bundle may end the chain, any other certificate may not', () => {
  const leaf = new X509Certificate(bytesOf('pki/leaf-p256.pem')).raw.toString('base64');
  const root = new X509Certificate(bytesOf('pki/root.pem')).raw.toString('base64');
  const stranger = new X509Certificate(bytesOf('pki/leaf-rsa.pem')).raw.toString('base64');
  const codeOf = (...x5c: string[]) => {
    const signer = signerOf(x5c, bundles, now);
    return signer.ok ? 'ok' : signer.error.code;
  };
  expect(codeOf(leaf, root)).toBe('ok');
  expect(codeOf(leaf, stranger)).toBe('UnrelatedCertificate');
  expect(codeOf(leaf, stranger, root)).toBe('UnrelatedCertificate');
  expect(codeOf(leaf, leaf)).toBe('UnrelatedCertificate');
  expect(codeOf(leaf, root, root, root)).toBe('ChainTooLong');
  expect(codeOf(`${leaf} `)).toBe('CertificateMalformed');
  expect(codeOf(`\n${leaf}`)).toBe('CertificateMalformed');
});

const seen = (): SeenSignature => {
  const { good } = verify(signed);
  if (good === undefined) throw new Error('the card does not verify');
  const { payloadSha256, protectedSha256, issuerSha256 } = good;
  return { payloadSha256, protectedSha256, issuerSha256 };
};

test('an ended certificate proves nothing unless this very signature was seen before', () => {
  expect(verify(signed, { now: afterTheEnd })).toMatchObject({
    outcome: 'expired',
    signatures: [{ code: 'CertificateExpired' }],
  });
  const evidence = verify(signed, { now: afterTheEnd, seen: seen() });
  expect(evidence).toMatchObject({ outcome: 'valid', good: { code: 'SeenWhileValid', ...seen() } });
});

test('what a status remembers besides the hashes changes nothing of the signature', () => {
  const stored = { ...seen(), notAfter: '2026-01-01T00:00:00Z' };
  const { good } = verify(signed, { now: afterTheEnd, seen: stored });
  expect(good?.notAfter).toEqual(verify(signed).good?.notAfter);
});

test('what was seen does not carry over to another payload, header or authority', () => {
  for (const key of ['payloadSha256', 'protectedSha256', 'issuerSha256'] as const) {
    expect(verify(signed, { now: afterTheEnd, seen: { ...seen(), [key]: '0'.repeat(64) } }).outcome).toBe('expired');
  }
  const changed = sign({ ...card, name: 'Other' });
  expect(verify(changed, { now: afterTheEnd, seen: seen() }).outcome).toBe('expired');
});

test('a certificate that has not begun proves nothing', () => {
  expect(verify(signed, { now: new Date('2025-01-01'), seen: seen() }).outcome).toBe('untrusted');
});

test('a wrong signature is guilt only while its signer is trusted', () => {
  const tampered = { ...signed, name: 'Other' };
  expect(verify(tampered).outcome).toBe('invalid');
  expect(verify(tampered, { now: afterTheEnd, seen: seen() }).outcome).toBe('expired');
  expect(verify(tampered, { bundles: new Map() }).outcome).toBe('untrusted');
});

test('a trusted signer that breaks a header rule is guilty, with or without a signature', () => {
  const { chain } = identity('p256');
  const x5c = [Buffer.from(chain[0]).toString('base64')];
  const outcomeOf = (header: object, more: object = {}) => {
    const text = Buffer.from(JSON.stringify({ x5c, ...header })).toString('base64url');
    const { outcome, signatures } = verify(withEntry({ protected: text, signature, ...more }));
    return `${outcome} ${signatures[0]?.code}`;
  };
  expect(outcomeOf({ alg: 'none' }, { signature: '' })).toBe('invalid AlgorithmRefused');
  expect(outcomeOf({ alg: 'ES256' }, { signature: '' })).toBe('invalid SignatureMalformed');
  expect(outcomeOf({ alg: 'ES256', crit: ['exp'], exp: 1 })).toBe('invalid CriticalHeader');
  expect(outcomeOf({ alg: 'ES256', kid: 7 })).toBe('invalid HeaderMalformed');
  expect(outcomeOf({ alg: 'ES256' }, { header: { alg: 'ES256' } })).toBe('invalid HeaderOverlap');
  expect(outcomeOf({ alg: 'ES256' }, { header: 'x' })).toBe('invalid SignatureMalformed');
  expect(outcomeOf({ alg: 'ES384' })).toBe('invalid KeyMismatch');
  expect(outcomeOf({ alg: 'constructor' })).toBe('invalid AlgorithmRefused');
  expect(outcomeOf({})).toBe('invalid AlgorithmRefused');
});

test('one good signature is enough wherever it stands, and each is reported', () => {
  const [good] = entries(signed);
  const bad = { ...good, signature: `A${signature.slice(1)}` };
  const evidence = verify({ ...card, signatures: ['junk', bad, good, bad] as JsonValue });
  expect(evidence.outcome).toBe('valid');
  expect(evidence.signatures.map(({ outcome }) => outcome)).toEqual(['untrusted', 'invalid', 'valid', 'invalid']);
  expect(evidence.message).toMatch(/^signature 3 of 4: /);
});

test('without a good signature guilt outweighs what proves nothing', () => {
  const bad = { protected: protectedText, signature: `A${signature.slice(1)}` };
  expect(verify({ ...card, signatures: [null, {}, bad] }).outcome).toBe('invalid');
  expect(verify({ ...card, signatures: [null, {}] }).outcome).toBe('untrusted');
});

test('a card with too many signatures is not looked at', () => {
  const many = { ...card, signatures: Array(9).fill(entry) };
  expect(verify(many)).toMatchObject({ outcome: 'untrusted', signatures: [] });
  expect(verify({ ...card, signatures: Array(8).fill(entry) }).outcome).toBe('valid');
});

test('a key id is reported short and printable', () => {
  const { chain } = identity('p256');
  const header = { alg: 'ES256', kid: `\u001b[2J${'k'.repeat(9000)}`, x5c: [Buffer.from(chain[0]).toString('base64')] };
  const text = Buffer.from(JSON.stringify(header)).toString('base64url');
  expect(verify(withEntry({ protected: text, signature })).signatures[0]?.keyId).toMatch(/^\?\[2Jk{252}$/);
});

test('whatever stands in signatures, verification gives a verdict', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 3 }), (signatures) => {
      expect(verify({ ...card, signatures: signatures as JsonValue }).outcome).not.toBe('valid');
    }),
  );
});

test('signing refuses what no verifier would take', () => {
  const { key, chain } = identity('p256');
  const codeOf = (raw: JsonObject, signer: SigningIdentity) => {
    const result = signCard(raw, signer);
    return result.ok ? 'ok' : result.error.code;
  };
  expect(codeOf(card, { key: identity('p384').key, chain })).toBe('KeyMismatch');
  expect(codeOf(card, { key: identity('rsa').key, chain })).toBe('KeyMismatch');
  expect(codeOf(card, { key, chain: [chain[0], chain[0], chain[0], chain[0]] })).toBe('ChainTooLong');
  expect(codeOf(card, { key, chain: [new X509Certificate(bytesOf('pki/root.pem')).raw] })).toBe('NotAnSvid');
  expect(codeOf({ ...card, signatures: 'x' }, { key, chain })).toBe('SignaturesInvalid');
  expect(codeOf({ ...card, signatures: Array(8).fill({}) }, { key, chain })).toBe('TooManySignatures');
});

test('signing again adds a signature and keeps the earlier one', () => {
  const twice = sign(signed, 'rsa');
  expect(verify(twice).signatures.map(({ algorithm }) => algorithm)).toEqual(['ES256', 'RS256']);
  expect(verify(twice).outcome).toBe('valid');
});

test('a signed vector of every kind of key verifies with default forms', () => {
  expect(verify(cardOf('alg-eddsa')).good?.algorithm).toBe('EdDSA');
});
