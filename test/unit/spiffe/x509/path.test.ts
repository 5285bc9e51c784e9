import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BundleSet } from '../../../../src/spiffe/x509/bundle.ts';
import { leafIdentity } from '../../../../src/spiffe/x509/leaf.ts';
import { type PathRole, verifyPath, verifySvid } from '../../../../src/spiffe/x509/path.ts';
import { agentId, mintPki } from '../../../pki/cases.ts';
import {
  alternativeNames,
  authority,
  bundle,
  directoryName,
  dns,
  email,
  hour,
  intermediate,
  leafExtensions,
  type Minted,
  mint,
  name,
  permittedNames,
  root,
  svid,
  uri,
} from '../../../pki/mint.ts';

const pki = mintPki();
const ders = (chain: readonly Minted[]): Buffer[] => chain.map(({ der }) => der);
const anchors = ders(pki.authorities);

function verdict(chain: readonly Minted[], role: PathRole): 'pass' | 'refuse' {
  const result = verifyPath({ chain: ders(chain), anchors, now: new Date(), role });
  return result.ok && result.value.id.uri === agentId ? 'pass' : 'refuse';
}

describe('the offline path check', () => {
  test.each(pki.cases.map((each) => [each.name, each] as const))('judges %s like a TLS peer', (_name, each) => {
    expect(verdict(each.chain, 'server')).toBe(each.asServer);
    expect(verdict(each.chain, 'client')).toBe(each.asClient);
  });

  test('gives the path and both ends', () => {
    const a = root('a.test');
    const between = intermediate(a, 'a.test', { to: Date.now() + hour });
    const leaf = svid(between, agentId);
    const result = verifyPath({ chain: ders([leaf, between]), anchors: [a.der], now: new Date(), role: 'signer' });
    if (!result.ok) throw new Error(result.error.message);
    expect(result.value.path).toEqual([leaf.der, between.der, a.der]);
    expect(result.value.leafNotAfter.getTime()).toBeGreaterThan(Date.now() + 20 * hour);
    expect(result.value.pathNotAfter.getTime()).toBeLessThanOrEqual(Date.now() + hour);
  });

  test.each([
    ['before the leaf begins', -2 * hour, 'CertificateNotYetValid'],
    ['after the leaf ended', 25 * hour, 'CertificateExpired'],
  ])('refuses %s', (_when, offset, code) => {
    const a = root('a.test', { from: Date.now() - 99 * hour, to: Date.now() + 99 * hour });
    const chain = [svid(a, agentId).der];
    const result = verifyPath({ chain, anchors: [a.der], now: new Date(Date.now() + offset), role: 'server' });
    expect(result).toMatchObject({ ok: false, error: { code } });
  });

  test('does no work for look-alikes of an authority: two of one name and key identifier tell nobody apart', () => {
    const a = root('a.test');
    const chain = [svid(a, agentId).der];
    const lookAlike = root('a.test', { keyId: a.keyId }).der;
    const check = (from: readonly Uint8Array[]) =>
      verifyPath({ chain, anchors: from, now: new Date(), role: 'server' });
    const ambiguous = { error: { code: 'PathInvalid', message: expect.stringContaining('share a name') } };
    expect(check([a.der, lookAlike])).toMatchObject(ambiguous);
    expect(check([lookAlike, a.der])).toMatchObject(ambiguous);
    expect(check([lookAlike])).toMatchObject({ error: { code: 'PathNotFound' } });
  });

  test('bounds the length of a chain', () => {
    const a = root('a.test');
    const chain = [svid(a, agentId), ...Array.from({ length: 8 }, () => a)];
    const check = (sent: readonly Minted[]) =>
      verifyPath({ chain: ders(sent), anchors: [a.der], now: new Date(), role: 'server' });
    expect(check(chain.slice(0, 8))).toMatchObject({ ok: true });
    expect(check(chain)).toMatchObject({ ok: false, error: { code: 'PathInvalid' } });
    expect(check([])).toMatchObject({ ok: false, error: { code: 'PathInvalid' } });
  });

  test('applies DNS and directory name constraints, and refuses names that it cannot compare', () => {
    const a = root('a.test');
    const check = (constraint: Buffer, ...names: Buffer[]): boolean => {
      const between = intermediate(a, 'a.test', { extensions: [...authority('a.test'), permittedNames(constraint)] });
      const extensions = [...leafExtensions(agentId).slice(0, 3), alternativeNames([uri(agentId), ...names])];
      const chain = ders([mint({ issuer: between, extensions }), between]);
      return verifyPath({ chain, anchors: [a.der], now: new Date(), role: 'server' }).ok;
    };
    expect(check(dns('svc'), dns('agent.team1.svc'))).toBe(true);
    expect(check(dns('.svc'), dns('svc'))).toBe(false);
    expect(check(dns('other'), dns('agent.team1.svc'))).toBe(false);
    expect(check(dns('other'))).toBe(true);
    expect(check(directoryName(name({ C: 'US', O: 'SPIFFE' })))).toBe(true);
    expect(check(directoryName(name({ C: 'US', O: 'SPIFFE', CN: 'x' })))).toBe(false);
    expect(check(email('a.test'))).toBe(true);
    expect(check(email('a.test'), email('x@a.test'))).toBe(false);
  });

  test('takes authorities only from the trust domain that the leaf names', () => {
    const [a, b] = [root('a.test'), root('b.test')];
    const bundles: BundleSet = new Map(
      [bundle('a.test', a), bundle('b.test', b)].map((each) => [each.trustDomain, each]),
    );
    const check = (leaf: Minted): unknown =>
      verifySvid({ chain: [leaf.der], bundles, now: new Date(), role: 'signer' });
    expect(check(svid(b, 'spiffe://b.test/x'))).toMatchObject({ ok: true });
    expect(check(svid(b, 'spiffe://a.test/x'))).toMatchObject({ error: { code: 'PathNotFound' } });
    expect(check(svid(b, 'spiffe://c.test/x'))).toMatchObject({ error: { code: 'BundleMissing' } });
  });
});
describe('a mutated certificate', () => {
  const [good] = pki.cases;
  const der = good?.chain[0]?.der ?? Buffer.alloc(0);

  test('never verifies and never throws', () => {
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const mutated = Buffer.from(der);
        mutated[at] = (mutated[at] ?? 0) ^ change;
        expect(verifyPath({ chain: [mutated], anchors, now: new Date(), role: 'server' }).ok).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  test('truncated or extended is no certificate', () => {
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.uint8Array({ minLength: 1, maxLength: 8 }), (cut, tail) => {
        expect(leafIdentity(der.subarray(0, cut)).ok).toBe(false);
        expect(leafIdentity(Buffer.concat([der, tail])).ok).toBe(false);
      }),
    );
  });
});
