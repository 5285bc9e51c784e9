import { expect, test } from 'vitest';
import type { JsonObject } from '../../../../src/agentcard/document/json.ts';
import { defaultForms } from '../../../../src/agentcard/forms/forms.ts';
import { KnownChains } from '../../../../src/agentcard/signature/known-chains.ts';
import { signCard } from '../../../../src/agentcard/signature/sign.ts';
import type { Chain } from '../../../../src/agentcard/signature/signer.ts';
import { verifyCard } from '../../../../src/agentcard/signature/verify.ts';
import { signerOf } from '../../../../src/agentcard/signature/x5c.ts';
import type { TrustDomain } from '../../../../src/spiffe/id.ts';
import type { BundleSet } from '../../../../src/spiffe/x509/bundle.ts';
import { bundle, hour, intermediate, type Minted, root, svid } from '../../../pki/mint.ts';
import { cardOf, manifest, bundles as vectorBundles, now as vectorNow } from './vectors.ts';

const now = new Date();
const id = 'spiffe://a.test/ns/team1/sa/agent';
const [a, other] = [root('a.test'), root('a.test')];
const between = intermediate(a, 'a.test', { to: now.getTime() + 2 * hour });
const bundlesOf = (...authorities: readonly Minted[]): BundleSet =>
  new Map([['a.test' as TrustDomain, bundle('a.test', ...authorities)]]);
const chainOf = (first: Minted, ...rest: readonly Minted[]): Chain => [first.der, ...rest.map(({ der }) => der)];
const leaf = svid(between, id);
const chain = chainOf(leaf, between);
const signer = (given: Chain, bundles: BundleSet, at = now, knownChains?: KnownChains) =>
  signerOf(given, { bundles, now: at, ...(knownChains && { knownChains }) });

function knowing(...chains: readonly Chain[]): KnownChains {
  const known = new KnownChains(2);
  for (const each of chains) expect(signer(each, bundlesOf(a), now, known).ok).toBe(true);
  return known;
}

test('a known chain gives the answer that it gave, for any bundle of the same authorities', () => {
  const known = knowing(chain);
  expect(signer(chain, bundlesOf(a), now, known)).toEqual(signer(chain, bundlesOf(a), now));
  expect(known.find(chain, bundlesOf(a), now)).toMatchObject({ id: { uri: id }, validNow: true });
});

test('a known chain is checked again when the authorities of its trust domain change', () => {
  const known = knowing(chain);
  expect(known.find(chain, bundlesOf(a, other), now)).toBeUndefined();
  expect(signer(chain, bundlesOf(other), now, known)).toMatchObject({ error: { code: 'PathNotFound' } });
  expect(signer(chain, new Map(), now, known)).toMatchObject({ error: { code: 'TrustDomainUnknown' } });
});

test('a known chain is not known before or after any certificate of its path is valid', () => {
  const known = knowing(chain);
  for (const hours of [-2, 3]) {
    const then = new Date(now.getTime() + hours * hour);
    expect(known.find(chain, bundlesOf(a), then)).toBeUndefined();
    expect(signer(chain, bundlesOf(a), then, known)).toEqual(signer(chain, bundlesOf(a), then));
  }
});

test('the bytes of a known chain cut or ordered in another way are another chain', () => {
  const known = knowing(chain);
  const glued = Buffer.concat([leaf.der, between.der]);
  const cut: Chain = [glued.subarray(0, 100), glued.subarray(100)];
  for (const other of [[glued], cut, chainOf(leaf), chainOf(between, leaf), [...chain, Buffer.alloc(0)]] as Chain[]) {
    expect(signer(other, bundlesOf(a), now, known).ok).toBe(false);
  }
});

test('the oldest chain makes room for a new one', () => {
  const [first, second, third] = [chainOf(svid(a, id)), chainOf(svid(a, id)), chainOf(svid(a, id))];
  const known = knowing(first, second, third);
  expect([first, second, third].map((each) => known.find(each, bundlesOf(a), now) !== undefined)).toEqual([
    false,
    true,
    true,
  ]);
});

test('a changed card by a known signer is refused', async () => {
  const known = new KnownChains(2);
  const card = { name: 'x', version: '1', url: 'http://x' };
  const signed = await signCard(card, { key: leaf.privateKey, chain: [leaf.der, between.der] });
  if (!signed.ok) throw new Error(signed.error.message);
  const outcomeOf = async (raw: JsonObject) =>
    (await verifyCard({ card: raw, bundles: bundlesOf(a), now, forms: defaultForms, knownChains: known })).outcome;
  expect(await outcomeOf(signed.value)).toBe('valid');
  expect(await outcomeOf({ ...signed.value, name: 'y' })).toBe('invalid');
  expect(await outcomeOf(signed.value)).toBe('valid');
});

test('every vector fares the same when all chains before it are known', async () => {
  const knownChains = new KnownChains(100);
  const cards = manifest.vectors.filter(({ outcome }) => outcome !== 'not-a-card').map(({ name }) => cardOf(name));
  const judge = (more: { knownChains?: KnownChains }) =>
    Promise.all(
      cards.map(async (card) => {
        const input = { card, bundles: vectorBundles, now: vectorNow, forms: defaultForms };
        return (await verifyCard({ ...input, ...more })).signatures.map(({ code }) => code);
      }),
    );
  await judge({ knownChains });
  expect(await judge({ knownChains })).toEqual(await judge({}));
});
