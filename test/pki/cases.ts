/** The certificate chains that a SPIFFE peer may present, each with the verdict that every checker must reach. */

import { type Authorities, mintAuthorities } from './authorities.ts';
import {
  alternativeNames,
  authority,
  basicConstraints,
  dns,
  email,
  extendedKeyUsage,
  extension,
  hour,
  intermediate,
  keyUsage,
  leafExtensions,
  type Minted,
  mint,
  name,
  type Purpose,
  permittedNames,
  type Recipe,
  svid,
  uri,
} from './mint.ts';

export type Expected = 'pass' | 'refuse';

export interface CertificateCase {
  readonly name: string;
  /** Leaf first. */
  readonly chain: readonly Minted[];
  /** Whether it proves {@link agentId} when the bundle is {@link Pki.authorities}. */
  readonly asServer: Expected;
  readonly asClient: Expected;
}

export interface Pki {
  readonly cases: readonly CertificateCase[];
  /** The authorities of a.test. The last two would be refused on load: an expired one, and one that does not say CA. */
  readonly authorities: readonly Minted[];
  readonly authoritiesOfB: readonly Minted[];
  /** The operator's own SVIDs, leaf first. */
  readonly operator: readonly Minted[];
  readonly operatorOfB: readonly Minted[];
}

export const agentId = 'spiffe://a.test/ns/team1/sa/agent';

const unknownCritical = extension('1.2.3.4.5', Buffer.from('0500', 'hex'), true);
const padded = (length: number): string => `spiffe://a.test/${'p'.repeat(length - 'spiffe://a.test/'.length)}`;

interface LeafChange {
  readonly id?: string;
  readonly names?: Buffer | null;
  readonly constraints?: Buffer | null;
  readonly usage?: Buffer | null;
  readonly purposes?: Buffer | null;
  readonly extra?: readonly Buffer[];
}

/** The usual leaf with some extensions changed, or left out by `null`. */
function leaf(issuer: Minted, change: LeafChange, recipe: Partial<Recipe> = {}): Minted {
  const [constraints, usage, purposes, names] = leafExtensions(change.id ?? agentId);
  const chosen = [
    change.constraints === undefined ? constraints : change.constraints,
    change.usage === undefined ? usage : change.usage,
    change.purposes === undefined ? purposes : change.purposes,
    change.names === undefined ? names : change.names,
    ...(change.extra ?? []),
  ];
  return mint({ issuer, extensions: chosen.filter((each): each is Buffer => Buffer.isBuffer(each)), ...recipe });
}

export function mintPki(): Pki {
  const now = Date.now();
  const ca = mintAuthorities(now);
  return {
    cases: [
      ...goodCases(ca, now),
      ...pathCases(ca, now),
      ...intermediateCases(ca, now),
      ...usageCases(ca),
      ...idCases(ca),
      ...injectionCases(ca),
    ],
    authorities: [ca.a, ca.a2, ca.rsa, ca.expired, ca.noConstraints],
    authoritiesOfB: [ca.b],
    operator: [svid(ca.intermediate, 'spiffe://a.test/ns/sys/sa/operator'), ca.intermediate],
    operatorOfB: [svid(ca.b, 'spiffe://b.test/ns/sys/sa/operator')],
  };
}

const pass = (name: string, ...chain: readonly Minted[]): CertificateCase => ({
  name,
  chain,
  asServer: 'pass',
  asClient: 'pass',
});

const refuse = (name: string, ...chain: readonly Minted[]): CertificateCase => ({
  name,
  chain,
  asServer: 'refuse',
  asClient: 'refuse',
});

function goodCases({ a, a2, rsa, intermediate: int, noConstraints }: Authorities, now: number): CertificateCase[] {
  const viaIntermediate = svid(int, agentId);
  const constrained = intermediate(a, 'a.test', {
    extensions: [...authority('a.test'), permittedNames(uri('a.test'))],
  });
  return [
    pass('good-root', svid(a, agentId)),
    pass('good-int', viaIntermediate, int),
    pass('good-root2', svid(a2, agentId)),
    pass('good-dns', leaf(a, { names: alternativeNames([uri(agentId), dns('agent.team1.svc')]) })),
    pass('good-rsa', svid(rsa, agentId, { key: 'rsa2048' })),
    pass('good-ed25519', svid(a, agentId, { key: 'ed25519' })),
    pass(
      'good-nosubject',
      leaf(a, { names: alternativeNames([uri(agentId)], { critical: true }) }, { subject: name({}) }),
    ),
    pass('int-plus-root', viaIntermediate, int, a),
    pass('int-wrongorder', svid(int, agentId), constrained, int),
    pass('no-bc', leaf(a, { constraints: null })),
    pass('eku-none', leaf(a, { purposes: null })),
    pass('ku-noncrit', leaf(a, { usage: keyUsage(['digitalSignature'], false) })),
    pass('short', svid(a, agentId, { to: now + hour / 2 })),
    pass('int-nc-ok', svid(constrained, agentId), constrained),
    pass('root-nobc', svid(noConstraints, agentId)),
  ];
}

function pathCases({ a, b, expired, intermediate: int }: Authorities, now: number): CertificateCase[] {
  const signedByB = svid(b, agentId);
  const intermediateOfB = intermediate(b, 'a.test');
  return [
    refuse('good-b', svid(b, 'spiffe://b.test/ns/team1/sa/agent')),
    refuse('int-missing', svid(int, agentId)),
    refuse('x-AbyB', signedByB),
    refuse('x-AbyBint', svid(intermediateOfB, agentId), intermediateOfB),
    refuse('x-AbyB-withrootA', signedByB, b, a),
    refuse('expired', svid(a, agentId, { from: now - 3 * hour, to: now - 60_000 })),
    refuse('notyet', svid(a, agentId, { from: now + hour, to: now + 2 * hour })),
    refuse('root-expired', svid(expired, agentId, { to: now + hour })),
    refuse('selfsigned', mint({ extensions: leafExtensions(agentId) })),
    refuse('sha1', svid(a, agentId, { hash: 'sha1' })),
    refuse('rsa1024', svid(a, agentId, { key: 'rsa1024' })),
    refuse('victim', svid(a, 'spiffe://a.test/ns/team1/sa/victim')),
    refuse('crit-ext', leaf(a, { extra: [unknownCritical] })),
  ];
}

/** A leaf below an intermediate of the given making. */
function below(issuer: Minted, extensions: readonly Buffer[], recipe: Partial<Recipe> = {}): readonly Minted[] {
  const between = intermediate(issuer, 'a.test', { extensions, ...recipe });
  return [svid(between, agentId), between];
}

function intermediateCases({ a }: Authorities, now: number): CertificateCase[] {
  const zero = intermediate(a, 'a.test', { extensions: authority('a.test', 0), subject: name({ CN: 'zero' }) });
  const belowZero = intermediate(zero, 'a.test', { extensions: authority('a.test'), subject: name({ CN: 'below' }) });
  const otherLeaf = svid(a, agentId);
  const usual = authority('a.test');
  return [
    refuse('int-expired', ...below(a, usual, { from: now - 48 * hour, to: now - hour })),
    refuse('pathlen', svid(belowZero, agentId), belowZero, zero),
    refuse('int-noca', ...below(a, [basicConstraints(false), keyUsage(['digitalSignature'])])),
    refuse('int-nobc', ...below(a, [keyUsage(['keyCertSign'])])),
    refuse('int-nokcs', ...below(a, [basicConstraints(true), keyUsage(['digitalSignature'])])),
    refuse('int-nc-bad', ...below(a, [...usual, permittedNames(uri('b.test'))])),
    refuse('int-eku-cs', ...below(a, [...usual, extendedKeyUsage('codeSigning')])),
    refuse('int-crit', ...below(a, [...usual, unknownCritical])),
    refuse('leaf-as-ca', svid(otherLeaf, 'spiffe://a.test/ns/team1/sa/victim'), otherLeaf),
  ];
}

function usageCases({ a, intermediate: int }: Authorities): CertificateCase[] {
  const purposes = (purpose: Purpose): Minted => leaf(a, { purposes: extendedKeyUsage(purpose) });
  return [
    refuse('ca-leaf', leaf(a, { constraints: basicConstraints(true) })),
    refuse(
      'ca-leaf-kcs',
      leaf(a, { constraints: basicConstraints(true), usage: keyUsage(['digitalSignature', 'keyCertSign']) }),
    ),
    refuse('ca-serves-itself', int),
    refuse('kcs-leaf', leaf(a, { usage: keyUsage(['digitalSignature', 'keyCertSign']) })),
    refuse('crlsign-leaf', leaf(a, { usage: keyUsage(['digitalSignature', 'cRLSign']) })),
    refuse('no-ku', leaf(a, { usage: null })),
    refuse('ku-no-ds', leaf(a, { usage: keyUsage(['keyAgreement']) })),
    { name: 'eku-server', chain: [purposes('serverAuth')], asServer: 'pass', asClient: 'refuse' },
    { name: 'eku-client', chain: [purposes('clientAuth')], asServer: 'refuse', asClient: 'pass' },
    refuse('eku-codesign', purposes('codeSigning')),
    refuse('eku-any', purposes('any')),
  ];
}

function idCases({ a }: Authorities): CertificateCase[] {
  const ids: Readonly<Record<string, string>> = {
    'http-san': 'https://a.test/ns/team1/sa/agent',
    'id-root': 'spiffe://a.test',
    'id-rootslash': 'spiffe://a.test/',
    'id-trailing': 'spiffe://a.test/ns/',
    'id-upper': 'spiffe://A.test/ns/team1/sa/agent',
    'id-scheme-upper': 'SPIFFE://a.test/ns/team1/sa/agent',
    'id-port': 'spiffe://a.test:443/ns/team1/sa/agent',
    'id-userinfo': 'spiffe://u@a.test/ns/team1/sa/agent',
    'id-query': `${agentId}?x=1`,
    'id-frag': `${agentId}#f`,
    'id-pct': `${agentId}%2e`,
    'id-dotdot': 'spiffe://a.test/ns/../sa/agent',
    'id-empty-seg': 'spiffe://a.test/ns//agent',
    'id-2048': padded(2048),
    'id-2049': padded(2049),
  };
  return Object.entries(ids).map(([label, id]) => refuse(label, leaf(a, { id })));
}

/** Names that a reader of text, of the first extension or of the subject would take for the agent's ID. */
function injectionCases({ a }: Authorities): CertificateCase[] {
  const named = (...names: readonly Buffer[]): Minted => leaf(a, { names: alternativeNames(names) });
  const other = 'spiffe://a.test/ns/team1/sa/other';
  return [
    refuse('no-san', leaf(a, { names: null })),
    refuse('dns-only', named(dns('agent.team1.svc'))),
    refuse('two-san', named(uri(agentId), uri(other))),
    refuse('two-san-same', named(uri(agentId), uri(agentId))),
    refuse('two-san-http', named(uri(agentId), uri('https://a.test/x'))),
    refuse('inj-dns', named(dns(`x, URI:${agentId}`))),
    refuse('inj-dns-quote', named(dns(`x", URI:${agentId}, DNS:"y`))),
    refuse('inj-uri', named(uri(`spiffe://a.test/ns/evil, URI:${agentId}`))),
    refuse('inj-uri2', named(uri(`spiffe://a.test/ns/evil,URI:${agentId}`))),
    refuse('inj-nul', named(uri(`${agentId}\0.evil`))),
    refuse('inj-nul-td', named(uri('spiffe://a.test\0.evil/ns/team1/sa/agent'))),
    refuse('inj-latin1', named(uri(`${agentId}\u00e9`))),
    refuse('inj-cn', leaf(a, { names: alternativeNames([dns('x')]) }, { subject: name({ CN: `URI:${agentId}` }) })),
    refuse('inj-email-dir', named(email(`a@b, URI:${agentId}`))),
    refuse('dup-san', leaf(a, { extra: [alternativeNames([uri(other)])] })),
    refuse('trail-san', leaf(a, { names: alternativeNames([uri(agentId)], { trailing: '0000' }) })),
  ];
}
