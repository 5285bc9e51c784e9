import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildPath, verifyPath } from '../../../src/spiffe/x509/path.ts';
import { agentId, type CertificateCase, mintPki } from '../../pki/cases.ts';
import {
  authority,
  basicConstraints,
  directoryName,
  extendedKeyUsage,
  hour,
  intermediate,
  keyUsage,
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

/** The only verdicts that differ, each on purpose: OpenSSL does not look behind a name list; a CA as leaf fails our leaf rules. */
const different: Readonly<Record<string, { readonly path: string; readonly openssl: string; readonly svid: string }>> =
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

  test.each(
    pki.cases.flatMap((each) => (['server', 'client'] as const).map((role) => [each.name, role, each] as const)),
  )('and the path alone agree on %s as %s', (label, role, each) => {
    const input = { chain: ders(each.chain), anchors, now: new Date(), role };
    const ours = {
      path: buildPath(input).ok ? 'pass' : 'refuse',
      openssl: verdicts.get(`${label} ${role}`),
      svid: verifyPath(input).ok ? 'pass' : 'refuse',
    };
    const expected = different[label];
    if (expected) expect(ours).toEqual(expected);
    else expect(ours.path).toBe(ours.openssl);
  });

  test.each([
    ['a self-issued intermediate does not count for the path length', 'a.test', true],
    ['a self-issued intermediate may have any name, a leaf may not', 'b.test', false],
  ])('and the path alone agree that %s', async (label, constraint, valid) => {
    const above = intermediate(pki.authorities[0] ?? root('a.test'), 'a.test', {
      extensions: [...authority('a.test', 0), permittedNames(uri(constraint))],
    });
    const selfIssued = intermediate(above, 'b.test', { subject: above.subject });
    const chain = [svid(selfIssued, agentId), selfIssued, above];
    const ours = buildPath({ chain: ders(chain), anchors, now: new Date(), role: 'server' });
    expect(ours.ok).toBe(valid);
    expect(await opensslVerify(folder, { name: label.replaceAll(' ', '-'), chain }, 'server')).toBe(
      valid ? 'pass' : 'refuse',
    );
  });

  test('and the path alone agree on random chains', async () => {
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

  test('reads every minted certificate', () => {
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
  to: seldom(hour, -hour / 2),
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
  return [svid(chain[0] ?? root('a.test'), agentId), ...chain];
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
