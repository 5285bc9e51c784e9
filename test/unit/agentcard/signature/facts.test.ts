import fc from 'fast-check';
import { flattenedVerify } from 'jose/jws/flattened/verify';
import { beforeEach, expect, test, vi } from 'vitest';
import type { JsonObject } from '../../../../src/agentcard/document/json.ts';
import { canonicalForms, defaultForms } from '../../../../src/agentcard/forms/forms.ts';
import { readSignatures, type SignatureFact } from '../../../../src/agentcard/signature/facts.ts';
import { judgeSignatures, type SeenSignature } from '../../../../src/agentcard/signature/judge.ts';
import { signCard } from '../../../../src/agentcard/signature/sign.ts';
import { verifyCard } from '../../../../src/agentcard/signature/verify.ts';
import type { TrustDomain } from '../../../../src/spiffe/id.ts';
import type { BundleSet } from '../../../../src/spiffe/x509/bundle.ts';
import { bundle, hour, type Minted, root, svid } from '../../../pki/mint.ts';

vi.mock('jose/jws/flattened/verify', async (original) => {
  const real = await original<{ flattenedVerify: typeof flattenedVerify }>();
  return { flattenedVerify: vi.fn(real.flattenedVerify) };
});
beforeEach(() => {
  vi.mocked(flattenedVerify).mockClear();
});

const id = 'spiffe://a.test/ns/team/sa/weather';
const now = new Date();
const at = (hours: number) => new Date(now.getTime() + hours * hour);
const [ours, other] = [root('a.test'), root('a.test')];
const bundlesOf = (...authorities: readonly Minted[]): BundleSet =>
  new Map([['a.test' as TrustDomain, bundle('a.test', ...authorities)]]);
const nobody: BundleSet = new Map();

const plain = {
  name: 'Weather',
  version: '1',
  supportedInterfaces: [{ url: 'https://weather', protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
};

async function signedBy(card: JsonObject, ...leaves: readonly Minted[]): Promise<JsonObject> {
  let signed = card;
  for (const { privateKey, der } of leaves) {
    const next = await signCard(signed, { key: privateKey, chain: [der] });
    if (!next.ok) throw new Error(next.error.message);
    signed = next.value;
  }
  return signed;
}

const [leaf, ended, foreign] = [svid(ours, id), svid(ours, id, { to: at(-0.5).getTime() }), svid(other, id)];
const twoSigners = await signedBy(plain, leaf, foreign);
/** Good, ended, of another authority, over another card, and none. */
const everyKind: JsonObject = {
  ...(await signedBy(plain, leaf, ended, foreign)),
  signatures: [
    ...((await signedBy(plain, leaf, ended, foreign)).signatures as never[]),
    ...((await signedBy({ ...plain, name: 'Other' }, leaf)).signatures as never[]),
    {},
  ],
};
const kindsOf = (facts: readonly SignatureFact[]) => facts.map(({ kind }) => kind);

test('facts prove under any bundles at any time what the card itself would, and no signature is verified for it', async () => {
  const read = await readSignatures(everyKind, { bundles: bundlesOf(ours, other), now, forms: defaultForms });
  const { good } = judgeSignatures(read.facts, { bundles: bundlesOf(ours, other), now });
  const before = structuredClone(read.facts);
  const bundles = fc.constantFrom(nobody, bundlesOf(ours), bundlesOf(other), bundlesOf(ours, other));
  const seen = fc.constantFrom<(SeenSignature | undefined)[]>(undefined, good);
  await fc.assert(
    fc.asyncProperty(bundles, fc.integer({ min: -3, max: 40 }), seen, async (trusted, hours, remembered) => {
      const circumstances = { bundles: trusted, now: at(hours), ...(remembered && { seen: remembered }) };
      vi.mocked(flattenedVerify).mockClear();
      const judged = judgeSignatures(read.facts, circumstances);
      expect(flattenedVerify).not.toHaveBeenCalled();
      const { payloads: _, ...whole } = await verifyCard({ ...circumstances, card: everyKind, forms: defaultForms });
      expect(judged).toEqual(whole);
    }),
  );
  expect(read.facts).toEqual(before);
});

test('facts cannot be changed', async () => {
  const { facts } = await readSignatures(everyKind, { bundles: bundlesOf(ours), now, forms: defaultForms });
  expect(kindsOf(facts)).toEqual(['matching', 'matching', 'unverified', 'wrong', 'unreadable']);
  for (const fact of facts) expect(Object.isFrozen(fact)).toBe(true);
});

test('a chain that nobody vouches for reaches no cryptography, and nothing is kept but the chain', async () => {
  const { facts, payloads } = await readSignatures(twoSigners, { bundles: nobody, now, forms: canonicalForms });
  expect(flattenedVerify).not.toHaveBeenCalled();
  expect(payloads.size).toBe(0);
  const keyId = expect.stringMatching(/^[0-9a-f]{16}$/);
  expect(facts).toEqual(
    [leaf, foreign].map(({ der }) => ({
      kind: 'unverified',
      claimed: { algorithm: 'ES256', keyId },
      chain: [new Uint8Array(der)],
    })),
  );
});

test('a signature that was not verified is never good, whoever comes to be trusted: it calls for another reading', async () => {
  const { facts } = await readSignatures(twoSigners, { bundles: nobody, now, forms: defaultForms });
  expect(judgeSignatures(facts, { bundles: nobody, now })).toMatchObject({ outcome: 'untrusted', unread: false });
  const later = judgeSignatures(facts, { bundles: bundlesOf(ours), now });
  expect(later).toMatchObject({ outcome: 'untrusted', unread: true, signatures: [{ code: 'NotVerified' }, {}] });
  const again = await readSignatures(twoSigners, { bundles: bundlesOf(ours), now, forms: defaultForms });
  expect(judgeSignatures(again.facts, { bundles: bundlesOf(ours), now }).outcome).toBe('valid');
});

test('beside a good signature no other reading is called for', async () => {
  const { facts } = await readSignatures(twoSigners, { bundles: bundlesOf(ours), now, forms: defaultForms });
  expect(kindsOf(facts)).toEqual(['matching', 'unverified']);
  const both = judgeSignatures(facts, { bundles: bundlesOf(ours, other), now });
  expect(both).toMatchObject({ outcome: 'valid', unread: false });
});

test('forms are tried in their order until one matches, and those of the same bytes as one', async () => {
  const rules = { bundles: bundlesOf(ours), now, forms: canonicalForms };
  const good = await readSignatures(await signedBy(plain, leaf), rules);
  expect(good.facts).toMatchObject([{ match: { form: 'raw-jcs', coverage: 'full' } }]);
  expect([...good.payloads.values()].map((text) => JSON.parse(text))).toEqual([plain]);
  expect(flattenedVerify).toHaveBeenCalledTimes(1);
  const distinct = new Set(canonicalForms.map(({ write }) => write({ ...plain, name: 'Other' })));
  const wrong = await readSignatures({ ...(await signedBy(plain, leaf)), name: 'Other' }, rules);
  expect(kindsOf(wrong.facts)).toEqual(['wrong']);
  expect(wrong.payloads.size).toBe(0);
  expect(flattenedVerify).toHaveBeenCalledTimes(1 + distinct.size);
});

test('a header that is too long is said to be that', async () => {
  const long = { ...plain, signatures: [{ protected: 'A'.repeat(32 * 1024 + 1), signature: 'AA' }] };
  const { facts } = await readSignatures(long, { bundles: nobody, now, forms: defaultForms });
  expect(facts).toMatchObject([
    { kind: 'unreadable', error: { message: expect.stringContaining('longer than 32768') } },
  ]);
});
