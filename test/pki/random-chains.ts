/** Chains of any making, most of them nearly good: what a peer may present, and the authorities that it is held against. */

import fc from 'fast-check';
import { bool, integer, oid, sequence, tlv } from './der-writer.ts';
import {
  alternativeNames,
  basicConstraints,
  constrainedNames,
  directoryName,
  dns,
  email,
  extendedKeyUsage,
  extension,
  hour,
  ipv4,
  keyUsage,
  type Minted,
  mint,
  type Purpose,
  type Recipe,
  root,
  uri,
} from './mint.ts';

export interface RandomChain {
  /** As sent, leaf first. */
  readonly chain: readonly [Minted, ...Minted[]];
  readonly authorities: readonly Minted[];
}

const id = 'spiffe://a.test/ns/team1/sa/agent';

/** What may be odd about one certificate; mostly nothing is. */
const seldom = <T>(usual: T, ...odd: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 12, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...odd) });

const spellings = [0x0c, 0x13, 0x16, 0x12] as const;
type Spelling = (typeof spellings)[number];

const attribute = (type: string, value: string, tag: number): Buffer =>
  tlv(0x31, sequence(oid(type), tlv(tag, Buffer.from(value))));

/** One organization in several spellings of a text, which some readers take for one name. */
function subject({
  common,
  spelling = 0x0c,
  upper = false,
}: {
  common?: string;
  spelling?: Spelling;
  upper?: boolean;
}) {
  const organization = attribute('2.5.4.10', upper ? 'ACME  INC' : 'Acme Inc', spelling);
  return sequence(organization, ...(common === undefined ? [] : [attribute('2.5.4.3', common, 0x0c)]));
}

const names: readonly Buffer[] = [
  ...['a.test', '.test', '.a.test', 'b.test', 'A.TEST'].map(uri),
  ...['svc', '.svc', 'b', ''].map(dns),
  ...spellings.map((spelling) => directoryName(subject({ spelling }))),
  directoryName(subject({ upper: true })),
  directoryName(sequence()),
  ...['a.test', 'x@a.test'].map(email),
  tlv(0x87, Buffer.from([10, 0, 0, 0, 255, 0, 0, 0])),
];
const constraint = fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 2 });

/** Extensions that few certificates have, which some readers evaluate. */
const oddities: readonly Buffer[] = [
  extension('2.5.29.36', sequence(tlv(0x80, Buffer.from([3]))), true),
  extension('2.5.29.36', sequence(tlv(0x80, Buffer.from([0])))),
  extension('2.5.29.54', integer(2), true),
  extension('2.5.29.33', sequence(sequence(oid('1.2.3'), oid('1.2.4'))), true),
  extension('2.5.29.32', sequence(sequence(oid('1.2.3'))), true),
  extension('2.16.840.1.113730.1.1', tlv(0x03, Buffer.from([4, 0x10]))),
  extension('2.16.840.1.113730.1.1', tlv(0x03, Buffer.from([0, 0xff]))),
  extension('1.3.6.1.5.5.7.1.8', sequence(tlv(0xa0, sequence(integer(7))))),
  extension('1.3.6.1.5.5.7.1.14', sequence(sequence(oid('1.3.6.1.5.5.7.21.1')))),
  extension('2.5.29.14', Buffer.from('no key identifier')),
  extension('1.2.3.4.5', sequence()),
  extension('1.2.3.4.5', sequence(), true),
  extension('2.5.29.19', sequence(bool(false), integer(0))),
];

const common = {
  purposes: seldom<readonly Purpose[] | undefined>(
    undefined,
    ['serverAuth'],
    ['clientAuth'],
    ['any'],
    ['serverAuth', 'clientAuth'],
  ),
  oddity: seldom<Buffer | undefined>(undefined, ...oddities),
  times: seldom<readonly [number, number]>([-hour, hour], [-2 * hour, -hour], [hour, 2 * hour]),
  hash: seldom<'sha1' | 'sha256'>('sha256', 'sha1'),
  identified: seldom(true, false),
};

const link = fc.record({
  ...common,
  ca: seldom<boolean | undefined>(true, false, undefined),
  pathLength: seldom<number | undefined>(undefined, 0, 1, 2),
  usage: seldom<'keyCertSign' | 'digitalSignature' | undefined>('keyCertSign', 'digitalSignature', undefined),
  permitted: fc.oneof({ weight: 12, arbitrary: fc.constant([]) }, { weight: 2, arbitrary: constraint }),
  excluded: fc.oneof({ weight: 12, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: constraint }),
  selfIssued: seldom(false, true),
  spelling: fc.constantFrom(...spellings),
  upper: fc.boolean(),
  /** Who else shows up under this name. */
  double: seldom<'none' | 'look-alike' | 'renewed' | 'expired'>('none', 'look-alike', 'renewed', 'expired'),
});
type Link = typeof link extends fc.Arbitrary<infer T> ? T : never;

const leaf = fc.record({
  ...common,
  host: seldom<string | undefined>(undefined, 'x.svc', 'svc', 'b'),
  other: seldom<Buffer | undefined>(undefined, ipv4('10.1.2.3'), email('x@a.test'), directoryName(subject({}))),
  common: seldom<string | undefined>(undefined, 'x.b', 'x'),
  spelling: fc.constantFrom(...spellings),
});
type Leaf = typeof leaf extends fc.Arbitrary<infer T> ? T : never;

export const randomChain = fc.record({
  leaf,
  links: fc.array(link, { minLength: 1, maxLength: 5 }),
  order: seldom<'right' | 'reversed' | 'doubled'>('right', 'reversed', 'doubled'),
  /** Which of the links are authorities besides the last one. */
  anchored: seldom<number | undefined>(undefined, 0, 1, 2),
  foreign: seldom(false, true),
});

type Making = typeof randomChain extends fc.Arbitrary<infer T> ? T : never;

export function mintChain({ leaf, links, order, anchored, foreign }: Making): RandomChain {
  const made: Minted[] = [];
  const doubles: Minted[] = [];
  for (const [index, each] of [...links].reverse().entries()) {
    const issuer = made[0];
    const authority = mintLink(each, `link ${index}`, issuer);
    made.unshift(authority);
    if (each.double !== 'none') doubles.push(doubleOf(each, authority, issuer));
  }
  const [issuer] = made;
  const svid = mintLeaf(leaf, issuer ?? root('a.test'));
  const top = made.at(-1) ?? svid;
  const sent = [...doubles.filter((_, index) => index % 2 === 0), ...made.slice(0, -1)];
  const others = order === 'reversed' ? sent.reverse() : order === 'doubled' ? [...sent, ...sent, top] : sent;
  const authorities = [foreign ? root('a.test') : top, ...doubles.filter((_, index) => index % 2 === 1)];
  const more = anchored === undefined ? undefined : made[anchored];
  return { chain: [svid, ...others.slice(0, 9)], authorities: more ? [more, ...authorities] : authorities };
}

function recipeOf({ hash, identified, times: [from, to] }: Pick<Leaf, 'hash' | 'identified' | 'times'>) {
  const now = Date.now();
  return { hash, identified, from: now + from, to: now + to };
}

function mintLink(each: Link, common: string, issuer: Minted | undefined, change: Partial<Recipe> = {}): Minted {
  const { ca, pathLength, usage, purposes, permitted, excluded, oddity } = each;
  const extensions = [
    ...(ca === undefined ? [] : [basicConstraints(ca, ca ? pathLength : undefined)]),
    ...(usage === undefined ? [] : [keyUsage([usage])]),
    ...(purposes ? [extendedKeyUsage(...purposes)] : []),
    ...(permitted.length + excluded.length > 0 ? [constrainedNames(permitted, excluded)] : []),
    ...(oddity ? [oddity] : []),
  ];
  const own = each.selfIssued && issuer ? issuer.subject : subject({ common, ...each });
  return mint({ extensions, subject: own, ...recipeOf(each), ...(issuer ? { issuer } : {}), ...change });
}

/** Of the same name and key identifier: with another key, with the same key for longer, or with the same key and ended. */
function doubleOf(each: Link, original: Minted, issuer: Minted | undefined): Minted {
  const { privateKey, keyId, subject } = original;
  const named = { subject, keyId };
  if (each.double === 'look-alike') return mintLink(each, '', undefined, named);
  const times = each.double === 'expired' ? { to: Date.now() - 1000 } : { to: Date.now() + 2 * hour };
  return mintLink({ ...each, times: [-hour, hour] }, '', issuer, { ...named, privateKey, ...times });
}

function mintLeaf(each: Leaf, issuer: Minted): Minted {
  const { host, other, purposes, oddity, spelling } = each;
  const extensions = [
    basicConstraints(false),
    keyUsage(['digitalSignature']),
    ...(purposes ? [extendedKeyUsage(...purposes)] : []),
    alternativeNames([uri(id), ...(host === undefined ? [] : [dns(host)]), ...(other ? [other] : [])]),
    ...(oddity ? [oddity] : []),
  ];
  const own = subject({ spelling, ...(each.common === undefined ? {} : { common: each.common }) });
  return mint({ extensions, issuer, subject: own, ...recipeOf(each) });
}
