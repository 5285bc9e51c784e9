import { describe, expect, test } from 'vitest';
import { canonicalForms } from '../../../src/agentcard/forms/forms.ts';
import { signCard } from '../../../src/agentcard/signature/sign.ts';
import { verifyCard } from '../../../src/agentcard/signature/verify.ts';
import { dueAtOnce, type PodEvidence } from '../../../src/operator/inquiry/evidence.ts';
import { recheck } from '../../../src/operator/inquiry/recheck.ts';
import type { BundleSet, TrustBundle } from '../../../src/spiffe/x509/bundle.ts';
import { verifyPeer } from '../../../src/spiffe/x509/path.ts';
import { integer, oid, sequence, tlv } from '../../pki/der-writer.ts';
import {
  alternativeNames,
  authority,
  basicConstraints,
  bundle,
  constrainedNames,
  directoryName,
  dns,
  extension,
  hour,
  intermediate,
  ipv4,
  leafExtensions,
  type Minted,
  mint,
  name,
  permittedNames,
  root,
  svid,
  uri,
} from '../../pki/mint.ts';
import { answered } from '../operator/kit/builders.ts';
import { agentId, answer, ask, domainA, https, identity, tlsOptions } from './tls/peers.ts';

type Chain = readonly [Minted, ...Minted[]];

const domain = 'a.test';
const minute = 60_000;
const below = (issuer: Minted, common: string, ...more: Buffer[]): Minted =>
  intermediate(issuer, domain, { subject: name({ CN: common }), extensions: [...authority(domain), ...more] });
const certified = (of: Minted, issuer: Minted): Minted =>
  mint({ extensions: authority(domain), subject: of.subject, privateKey: of.privateKey, keyId: of.keyId, issuer });
const leafNamed = (issuer: Minted, ...names: Buffer[]): Minted =>
  mint({ issuer, extensions: [...leafExtensions(agentId).slice(0, 3), alternativeNames([uri(agentId), ...names])] });
/** One name in UTF-8, and as the older kind of string. */
const spelled = (tag: 0x0c | 0x13): Buffer =>
  sequence(tlv(0x31, sequence(oid('2.5.4.10'), tlv(tag, Buffer.from('SPIRE')))));
const constrained = (...lists: [Buffer[], Buffer[]]): Minted =>
  root(domain, { extensions: [...authority(domain), constrainedNames(...lists)] });
const spelledLeaf = (issuer: Minted, tag: 0x0c | 0x13): Minted => svid(issuer, agentId, { subject: spelled(tag) });

const plain = root(domain);
const [old, young] = ['old', 'young'].map((CN) => root(domain, { subject: name({ CN }) })) as [Minted, Minted];
const youngByOld = certified(young, old);
const belowYoung = below(young, 'between');
const rotated: Chain = [svid(belowYoung, agentId), belowYoung, youngByOld];
const noUsage = root(domain, { extensions: [basicConstraints(true)] });
const belowNoUsage = below(noUsage, 'between');
const [one, two, three] = [below(plain, 'one'), below(plain, 'two'), below(plain, 'three')];
const policy = (id: string, value: Buffer, critical = true): Minted => below(plain, id, extension(id, value, critical));
const twins = [0, 1].map(() => root(domain, { identified: false })) as [Minted, Minted];

function nested(depth: number): Chain {
  const chain: Minted[] = [];
  for (let index = 0; index < depth; index++) chain.unshift(below(chain[0] ?? plain, `level ${index}`));
  return [svid(chain[0] ?? plain, agentId), ...chain];
}
const through = (issuer: Minted): Chain => [svid(issuer, agentId), issuer];
const permitted = constrained([directoryName(spelled(0x0c))], []);
const excluded = constrained([], [directoryName(spelled(0x0c))]);
const addresses = constrained([uri(domain), tlv(0x87, Buffer.from([10, 0, 0, 0, 255, 0, 0, 0]))], []);
const hosts = constrained([uri(domain), dns('.svc.cluster.local')], []);

function evidenceOf(chain: readonly Buffer[]): PodEvidence {
  const [, pod] = answered('weather-0', { id: agentId, at: Date.now() });
  if (pod.answer?.kind !== 'card' || pod.answer.peer === undefined) throw new Error('the pod proved nothing');
  const peer = { ...pod.answer.peer, trustDomain: domainA, notAfter: Date.now() + hour, chain };
  return { ...pod, answer: { ...pod.answer, peer } };
}

/** `undefined` is yes; else a part of the reason. */
const cases: readonly (readonly [string, Chain, readonly Minted[], string | undefined])[] = [
  ['a root as openssl makes it, without keyUsage', through(belowNoUsage), [noUsage], undefined],
  ['the same, sent along', [...through(belowNoUsage), noUsage], [noUsage], undefined],
  ['a new root that the old one signed, before a rotation', rotated, [old], undefined],
  ['the same during the rotation', rotated, [old, young], undefined],
  ['the same during the rotation, in the other order', rotated, [young, old], undefined],
  ['the same after the rotation', rotated, [young], undefined],
  ['the same with the cross certificate in the bundle', rotated, [youngByOld, young, old], undefined],
  ['three intermediates', nested(3), [plain], undefined],
  ['eight certificates', nested(7), [plain], undefined],
  ['nine certificates', nested(8), [plain], 'at most 8 certificates'],
  [
    'policyConstraints',
    through(policy('2.5.29.36', sequence(tlv(0x80, Buffer.from([3]))))),
    [plain],
    'policyConstraints',
  ],
  [
    'policyConstraints that are not critical',
    through(policy('2.5.29.36', sequence(tlv(0x80, Buffer.from([0]))), false)),
    [plain],
    'policyConstraints',
  ],
  ['inhibitAnyPolicy', through(policy('2.5.29.54', integer(2))), [plain], 'inhibitAnyPolicy'],
  [
    'policyMappings',
    through(policy('2.5.29.33', sequence(sequence(oid('1.2.3'), oid('1.2.4'))))),
    [plain],
    'policyMappings',
  ],
  ['a name that is permitted', [spelledLeaf(permitted, 0x0c)], [permitted], undefined],
  ['a name that is permitted in another kind of string', [spelledLeaf(permitted, 0x13)], [permitted], 'name'],
  ['a name that is excluded', [spelledLeaf(excluded, 0x0c)], [excluded], 'name'],
  ['a name that is excluded in another kind of string', [spelledLeaf(excluded, 0x13)], [excluded], 'name'],
  ['an address that is permitted', [leafNamed(addresses, ipv4('10.1.2.3'))], [addresses], 'not compared here'],
  ['a host that is permitted', [leafNamed(hosts, dns('weather.demo.svc.cluster.local'))], [hosts], undefined],
  ['a host that is not', [leafNamed(hosts, dns('weather.test'))], [hosts], 'name constraints'],
  [
    'two roots that only their keys tell apart',
    [svid(twins[0], agentId, { identified: false, subject: spelled(0x0c) })],
    twins,
    'share a name',
  ],
  [
    'a certificate on a curve of no NIST name beside',
    [svid(plain, agentId), root(domain, { key: 'secp256k1' })],
    [plain],
    'unusual kind',
  ],
  ['an intermediate that is missing', [svid(one, agentId), two, three], [plain], 'no path leads'],
];

describe.each(cases)('of %s', (_what, chain, authorities, reason) => {
  const now = new Date();
  const known = bundle(domain, ...authorities);
  const bundles: BundleSet = new Map([[domainA, known]]);
  const ders = chain.map(({ der }) => der) as [Buffer, ...Buffer[]];
  const expected = reason === undefined ? 'yes' : expect.stringContaining(reason);

  test('a handshake, the check by itself and a signature say the same, for the same reason', async () => {
    const outcome = await ask(await https(answer, tlsOptions(chain)), {
      tls: { identity: { ...identity, bundles }, trustDomains: [domainA] },
    });
    expect(outcome.kind === 'answer' ? 'yes' : outcome.message).toEqual(expected);
    const own = verifyPeer({ chain: ders, bundle: known, now, role: 'server' });
    expect(own.ok ? 'yes' : own.error.message).toEqual(expected);
    const signed = await signCard({ name: 'Weather' }, { key: chain[0].privateKey, chain: ders });
    const evidence = signed.ok
      ? await verifyCard({ card: signed.value, bundles, now, forms: canonicalForms })
      : undefined;
    const said = evidence?.outcome === 'valid' ? 'yes' : (evidence?.message ?? (signed.ok ? '' : signed.error.message));
    expect(said).toEqual(expected);
  });

  if (reason === undefined)
    test('the evidence stays when an authority joins, and goes with the last that vouches, in the words of the next handshake', async () => {
      const evidence = evidenceOf(ders);
      const look = (next: TrustBundle) =>
        recheck(evidence, { bundles: new Map([[domainA, next]]), signatures: undefined, now: now.getTime() });
      expect(look(bundle(domain, ...authorities, root(domain)))).toBe(evidence);

      const others = bundle(domain, root(domain));
      const outcome = await ask(await https(answer, tlsOptions(chain)), {
        tls: { identity: { ...identity, bundles: new Map([[domainA, others]]) }, trustDomains: [domainA] },
      });
      if (outcome.kind !== 'failed') throw new Error('the handshake succeeded');
      const { code, message, claimedId } = outcome;
      expect(look(others).answer).toEqual({ kind: 'refusal', at: now.getTime(), code, message, claimedId });
    });
});

describe('a certificate that begins', () => {
  const now = new Date();
  const bundles: BundleSet = new Map([[domainA, bundle(domain, plain)]]);
  const leafIn = (ms: number): Minted => svid(plain, agentId, { from: Date.now() + ms });
  const betweenIn = (ms: number): Chain => through(intermediate(plain, domain, { from: Date.now() + ms }));

  test.each<[string, Chain]>([
    ['within five minutes', [leafIn(4 * minute)]],
    ['within five minutes above the leaf', betweenIn(4 * minute)],
  ])(
    '%s is nobody’s guilt, over TLS, in evidence and in a signature, and says to compare the clocks',
    async (_when, chain) => {
      const port = await https(answer, tlsOptions(chain));
      const outcome = await ask(port, { tls: { identity: { ...identity, bundles }, trustDomains: [domainA] } });
      const saying = { message: expect.stringContaining('compare the clocks') };
      expect(outcome).toMatchObject({ code: 'ClockSkew', guilt: 'none', ...saying });
      const ders = chain.map(({ der }) => der) as [Buffer, ...Buffer[]];
      const evidence = evidenceOf(ders);
      expect(recheck(evidence, { bundles, signatures: undefined, now: now.getTime() })).toEqual(dueAtOnce(evidence));
      const signed = await signCard({ name: 'Weather' }, { key: chain[0].privateKey, chain: ders });
      if (!signed.ok) throw new Error(signed.error.message);
      const verdict = await verifyCard({ card: signed.value, bundles, now, forms: canonicalForms });
      expect(verdict).toMatchObject({ outcome: 'untrusted', signatures: [{ code: 'ClockSkew' }], ...saying });
    },
  );

  test('later than that is guilt over TLS', async () => {
    const port = await https(answer, tlsOptions([leafIn(hour)]));
    const outcome = await ask(port, { tls: { identity: { ...identity, bundles }, trustDomains: [domainA] } });
    expect(outcome).toMatchObject({ code: 'PeerCertificateInvalid', guilt: 'identity' });
  });

  test('within five minutes, and would be refused even then, is guilt', async () => {
    const port = await https(answer, tlsOptions([svid(root(domain), agentId, { from: Date.now() + minute })]));
    const outcome = await ask(port, { tls: { identity: { ...identity, bundles }, trustDomains: [domainA] } });
    expect(outcome).toMatchObject({ code: 'PeerCertificateInvalid', guilt: 'identity' });
  });
});

test('after a change of bundles what is wrong with a chain, other than that its authority left, has the pod asked, and is no guilt', () => {
  const leaf = svid(plain, agentId);
  const evidence = evidenceOf([leaf.der]);
  const { privateKey, keyId } = plain;
  const renewed = (...more: Buffer[]) =>
    root(domain, { privateKey, keyId, extensions: [...authority(domain), ...more] });
  for (const next of [
    renewed(permittedNames(uri('b.test'))),
    root(domain, { privateKey, keyId, to: Date.now() - minute }),
  ]) {
    const bundles = new Map([[domainA, bundle(domain, next)]]);
    expect(recheck(evidence, { bundles, signatures: undefined, now: Date.now() })).toEqual(dueAtOnce(evidence));
  }
});

test('an authority that left takes the trust along at once, whatever the holder of the chain sends besides', () => {
  const gone = root(domain, { subject: name({ CN: 'gone' }) });
  const { privateKey, keyId, subject } = gone;
  const again = (recipe: object) => root(domain, { subject, keyId, ...recipe });
  const besides = {
    'the authority itself': gone,
    'the authority when it was older': again({ privateKey, to: Date.now() - minute }),
    'the authority without keyUsage': again({ privateKey, extensions: [basicConstraints(true)] }),
    'a look-alike of it': again({}),
    'one that another authority vouches for': below(plain, 'other'),
  };
  for (const [what, other] of Object.entries(besides)) {
    const evidence = evidenceOf([svid(gone, agentId).der, other.der]);
    const look = (...next: Minted[]) =>
      recheck(evidence, {
        bundles: new Map([[domainA, bundle(domain, ...next)]]),
        signatures: undefined,
        now: Date.now(),
      });
    expect(look(plain, gone), what).toBe(evidence);
    expect(look(plain).answer, what).toMatchObject({ kind: 'refusal', code: 'PeerCertificateInvalid' });
  }
});
