import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BundleSet } from '../../../src/spiffe/bundle.ts';
import { leafIdentity } from '../../../src/spiffe/leaf.ts';
import { buildPath, type PathRole, verifyPath, verifySvid } from '../../../src/spiffe/path.ts';
import { AGENT_ID, type CertificateCase, mintPki } from '../../pki/cases.ts';
import {
  alternativeNames,
  authority,
  basicConstraints,
  bundle,
  directoryName,
  dns,
  email,
  extendedKeyUsage,
  HOUR,
  intermediate,
  keyUsage,
  leafExtensions,
  type Minted,
  mint,
  name,
  type Purpose,
  pemOf,
  permittedNames,
  root,
  svid,
  uri,
} from '../../pki/mint.ts';

const pki = mintPki();
const ders = (chain: readonly Minted[]): Buffer[] => chain.map(({ der }) => der);
const anchors = ders(pki.authorities);

function verdict(chain: readonly Minted[], role: PathRole): 'pass' | 'refuse' {
  const result = verifyPath({ chain: ders(chain), anchors, now: new Date(), role });
  return result.ok && result.value.id.uri === AGENT_ID ? 'pass' : 'refuse';
}

describe('the offline path check', () => {
  it.each(pki.cases.map((each) => [each.name, each] as const))('judges %s like a TLS peer', (_name, each) => {
    expect(verdict(each.chain, 'server')).toBe(each.asServer);
    expect(verdict(each.chain, 'client')).toBe(each.asClient);
  });

  it('gives the path and both ends', () => {
    const a = root('a.test');
    const between = intermediate(a, 'a.test', { to: Date.now() + HOUR });
    const leaf = svid(between, AGENT_ID);
    const result = verifyPath({ chain: ders([leaf, between]), anchors: [a.der], now: new Date(), role: 'signer' });
    if (!result.ok) throw new Error(result.error.message);
    expect(result.value.path).toEqual([leaf.der, between.der, a.der]);
    expect(result.value.leafNotAfter.getTime()).toBeGreaterThan(Date.now() + 20 * HOUR);
    expect(result.value.pathNotAfter.getTime()).toBeLessThanOrEqual(Date.now() + HOUR);
  });

  it.each([
    ['before the leaf begins', -2 * HOUR, 'CertificateNotYetValid'],
    ['after the leaf ended', 25 * HOUR, 'CertificateExpired'],
  ])('refuses %s', (_when, offset, code) => {
    const a = root('a.test', { from: Date.now() - 99 * HOUR, to: Date.now() + 99 * HOUR });
    const chain = [svid(a, AGENT_ID).der];
    const result = verifyPath({ chain, anchors: [a.der], now: new Date(Date.now() + offset), role: 'server' });
    expect(result).toMatchObject({ ok: false, error: { code } });
  });

  it('bounds the work that look-alike certificates can cost', () => {
    const a = root('a.test');
    const chain = [svid(a, AGENT_ID).der];
    const lookAlikes = Array.from({ length: 70 }, () => root('a.test', { keyId: a.keyId }).der);
    const check = (from: readonly Uint8Array[]) =>
      verifyPath({ chain, anchors: from, now: new Date(), role: 'server' });
    expect(check([...lookAlikes.slice(0, 60), a.der])).toMatchObject({ ok: true });
    expect(check([...lookAlikes, a.der])).toMatchObject({ ok: false, error: { code: 'PathInvalid' } });
  });

  it('bounds the length of a chain', () => {
    const a = root('a.test');
    const chain = [svid(a, AGENT_ID), ...Array.from({ length: 10 }, () => a)];
    const check = (sent: readonly Minted[]) =>
      verifyPath({ chain: ders(sent), anchors: [a.der], now: new Date(), role: 'server' });
    expect(check(chain.slice(0, 10))).toMatchObject({ ok: true });
    expect(check(chain)).toMatchObject({ ok: false, error: { code: 'PathInvalid' } });
    expect(check([])).toMatchObject({ ok: false, error: { code: 'PathInvalid' } });
  });

  it('applies DNS and directory name constraints, and refuses names that it cannot compare', () => {
    const a = root('a.test');
    const check = (constraint: Buffer, ...names: Buffer[]): boolean => {
      const between = intermediate(a, 'a.test', { extensions: [...authority('a.test'), permittedNames(constraint)] });
      const extensions = [...leafExtensions(AGENT_ID).slice(0, 3), alternativeNames([uri(AGENT_ID), ...names])];
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

  it('takes authorities only from the trust domain that the leaf names', () => {
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

/** The only verdicts that differ, each on purpose: OpenSSL does not look behind a name list; a CA as leaf fails our leaf rules. */
const DIFFERENT: Readonly<Record<string, { readonly path: string; readonly openssl: string; readonly svid: string }>> =
  {
    'trail-san': { path: 'refuse', openssl: 'pass', svid: 'refuse' },
    'ca-serves-itself': { path: 'pass', openssl: 'refuse', svid: 'refuse' },
  };

describe('openssl verify', () => {
  let folder = '';
  let verdicts: Map<string, 'pass' | 'refuse'>;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'verify-'));
    writeFileSync(join(folder, 'anchors.pem'), pemOf(...pki.authorities));
    verdicts = new Map();
    const questions = pki.cases.flatMap((each) => (['server', 'client'] as const).map((role) => ({ each, role })));
    const worker = async (): Promise<void> => {
      for (let next = questions.pop(); next; next = questions.pop()) {
        verdicts.set(`${next.each.name} ${next.role}`, await opensslVerify(folder, next.each, next.role));
      }
    };
    await Promise.all([worker(), worker(), worker()]);
  }, 60_000);

  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(pki.cases.flatMap((each) => (['server', 'client'] as const).map((role) => [each.name, role, each] as const)))(
    'and the path alone agree on %s as %s',
    (label, role, each) => {
      const input = { chain: ders(each.chain), anchors, now: new Date(), role };
      const ours = {
        path: buildPath(input).ok ? 'pass' : 'refuse',
        openssl: verdicts.get(`${label} ${role}`),
        svid: verifyPath(input).ok ? 'pass' : 'refuse',
      };
      const expected = DIFFERENT[label];
      if (expected) expect(ours).toEqual(expected);
      else expect(ours.path).toBe(ours.openssl);
    },
  );

  it.each([
    ['a self-issued intermediate does not count for the path length', 'a.test', true],
    ['a self-issued intermediate may have any name, a leaf may not', 'b.test', false],
  ])('and the path alone agree that %s', async (label, constraint, valid) => {
    const above = intermediate(pki.authorities[0] ?? root('a.test'), 'a.test', {
      extensions: [...authority('a.test', 0), permittedNames(uri(constraint))],
    });
    const selfIssued = intermediate(above, 'b.test', { subject: above.subject });
    const chain = [svid(selfIssued, AGENT_ID), selfIssued, above];
    const ours = buildPath({ chain: ders(chain), anchors, now: new Date(), role: 'server' });
    expect(ours.ok).toBe(valid);
    expect(await opensslVerify(folder, { name: label.replaceAll(' ', '-'), chain }, 'server')).toBe(
      valid ? 'pass' : 'refuse',
    );
  });

  it('and the path alone agree on random chains', async () => {
    let run = 0;
    const seen: string[] = [];
    await fc.assert(
      fc.asyncProperty(fc.array(link, { minLength: 1, maxLength: 4 }), fc.boolean(), async (links, shuffled) => {
        const chain = randomChain(links);
        const sent = shuffled ? [chain[0], ...chain.slice(1).reverse()] : chain;
        const ours = buildPath({ chain: ders(sent), anchors, now: new Date(), role: 'server' });
        seen.push(ours.ok ? 'pass' : 'refuse');
        const theirs = await opensslVerify(folder, { name: `random${run++}`, chain: sent }, 'server');
        expect(ours.ok ? 'pass' : 'refuse', ours.ok ? 'accepted' : ours.error.message).toBe(theirs);
      }),
      { numRuns: 60 },
    );
    expect(new Set(seen)).toEqual(new Set(['pass', 'refuse']));
  }, 60_000);

  it('reads every minted certificate', () => {
    for (const { der } of pki.cases.flatMap(({ chain }) => chain)) {
      expect(execFileSync('openssl', ['asn1parse', '-inform', 'DER', '-noout'], { input: der }).length).toBe(0);
    }
  });
});

/** What may be odd about one certificate of a chain; mostly nothing is. */
const seldom = <T>(usual: T, ...odd: T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 8, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...odd) });
const link = fc.record({
  ca: seldom(true, false),
  pathLength: fc.constantFrom(undefined, undefined, 0, 1, 2),
  usage: seldom<'keyCertSign' | 'digitalSignature'>('keyCertSign', 'digitalSignature'),
  purpose: seldom<Purpose | undefined>(undefined, 'serverAuth', 'clientAuth', 'any'),
  directory: seldom<Buffer | undefined>(undefined, name({}), name({ C: 'US' }), name({ O: 'SPIFFE' })),
  host: seldom<string | undefined>(undefined, 'a.test', 'b.test', '.test', '.a.test'),
  to: seldom(HOUR, -HOUR / 2),
  hash: seldom<'sha1' | 'sha256'>('sha256', 'sha1'),
  selfIssued: fc.boolean(),
});
type Link = typeof link extends fc.Arbitrary<infer T> ? T : never;

/** Leaf first: the last link is signed by an authority of the bundle, each other one by the link after it. */
function randomChain(links: readonly Link[]): [Minted, ...Minted[]] {
  let issuer = pki.authorities[0];
  const chain: Minted[] = [];
  for (const [index, each] of links.entries()) {
    const extensions = [
      basicConstraints(each.ca, each.ca ? each.pathLength : undefined),
      keyUsage([each.usage]),
      ...(each.purpose ? [extendedKeyUsage(each.purpose)] : []),
      ...(each.host || each.directory
        ? [
            permittedNames(
              ...(each.host ? [uri(each.host)] : []),
              ...(each.directory ? [directoryName(each.directory)] : []),
            ),
          ]
        : []),
    ];
    const subject = each.selfIssued && issuer ? issuer.subject : name({ C: 'US', CN: `link ${index}` });
    issuer = mint({ extensions, subject, hash: each.hash, to: Date.now() + each.to, ...(issuer ? { issuer } : {}) });
    chain.unshift(issuer);
  }
  return [svid(chain[0] ?? root('a.test'), AGENT_ID), ...chain];
}

function opensslVerify(
  folder: string,
  each: Pick<CertificateCase, 'name' | 'chain'>,
  role: string,
): Promise<'pass' | 'refuse'> {
  const file = (part: string): string => join(folder, `${each.name}-${role}-${part}.pem`);
  const [leaf, ...others] = each.chain;
  if (leaf === undefined) throw new Error('a case without a leaf');
  writeFileSync(file('leaf'), pemOf(leaf));
  writeFileSync(file('others'), pemOf(...others));
  const untrusted = others.length > 0 ? ['-untrusted', file('others')] : [];
  const options = ['-partial_chain', '-auth_level', '2', '-purpose', `ssl${role}`, '-no-CApath', '-no-CAstore'];
  const command = ['verify', ...options, '-CAfile', join(folder, 'anchors.pem'), ...untrusted, file('leaf')];
  return new Promise((resolve, reject) => {
    const child = spawn('openssl', command, { stdio: 'ignore' });
    child.on('error', reject);
    child.on('close', (code) => resolve(code === 0 ? 'pass' : 'refuse'));
  });
}

describe('a mutated certificate', () => {
  const [good] = pki.cases;
  const der = good?.chain[0]?.der ?? Buffer.alloc(0);

  it('never verifies and never throws', () => {
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const mutated = Buffer.from(der);
        mutated[at] = (mutated[at] ?? 0) ^ change;
        expect(verifyPath({ chain: [mutated], anchors, now: new Date(), role: 'server' }).ok).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it('truncated or extended is no certificate', () => {
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.uint8Array({ minLength: 1, maxLength: 8 }), (cut, tail) => {
        expect(leafIdentity(der.subarray(0, cut)).ok).toBe(false);
        expect(leafIdentity(Buffer.concat([der, tail])).ok).toBe(false);
      }),
    );
  });
});
