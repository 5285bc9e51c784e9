/** One X.509 certificate (RFC 5280 §4), with the extensions that SPIFFE and path validation read from its own bytes. */

import { X509Certificate } from 'node:crypto';
import { excerpt } from '../id.ts';
import { type Der, hex, MalformedDer, readAll, readBoolean, readOnly, readSmallInteger, tags } from './der.ts';
import { isKnownKey, isStrongKey } from './strength.ts';

export interface Certificate {
  /** Names, dates, keys and signatures are OpenSSL's business. It also guarantees that `der` is one whole certificate. */
  readonly x509: X509Certificate;
  readonly der: Uint8Array;
  /** AlgorithmIdentifier of the signature, hex of its DER. */
  readonly signatureAlgorithm: string;
  readonly subject: Der;
  /** Hex of the SubjectPublicKeyInfo: equal for one key, whoever certified it. */
  readonly key: string;
  /** By the bytes of both names: where only OpenSSL takes two spellings for one, the rules here are the stricter ones. */
  readonly selfIssued: boolean;
  /** As OpenSSL sees it, or more often: by names in any spelling and key identifiers, whoever signed it. */
  readonly selfSigned: boolean;
  /** What nobody here understands, though it is critical, or OpenSSL evaluates it: no path may lead through it. */
  readonly notEvaluated: string | undefined;
  /** `undefined` is an absent extension, in every member below. */
  readonly basicConstraints: { readonly ca: boolean; readonly pathLength: number | undefined } | undefined;
  readonly keyUsage: ReadonlySet<KeyUsage> | undefined;
  /** Hex of each purpose's OID. */
  readonly extendedKeyUsage: ReadonlySet<string> | undefined;
  /** GeneralNames of the subjectAltName, tag and content. */
  readonly alternativeNames: readonly Der[];
  readonly nameConstraints: { readonly permitted: readonly Der[]; readonly excluded: readonly Der[] } | undefined;
}

export type KeyUsage = 'digitalSignature' | 'keyCertSign' | 'cRLSign';

export const nameTags = { email: 0x81, dns: 0x82, directory: 0xa4, uri: 0x86 } as const;

const versionTag = 0xa0;
const extensionsTag = 0xa3;
const maxCertificateBytes = 32 * 1024;
const oids = {
  subjectKeyId: '551d0e',
  authorityKeyId: '551d23',
  keyUsage: '551d0f',
  subjectAltName: '551d11',
  basicConstraints: '551d13',
  nameConstraints: '551d1e',
  crlDistributionPoints: '551d1f',
  certificatePolicies: '551d20',
  extendedKeyUsage: '551d25',
};
const keyUsageBits: ReadonlyMap<KeyUsage, number> = new Map([
  ['digitalSignature', 0],
  ['keyCertSign', 5],
  ['cRLSign', 6],
]);
const { subjectKeyId: _subject, authorityKeyId: _authority, ...evaluated } = oids;
const knownOids: ReadonlySet<string> = new Set(Object.values(evaluated));
/** OpenSSL evaluates these, or does under flags that nobody sets here: critical or not, we do not say yes beside it. */
const refusedOids: ReadonlyMap<string, string> = new Map([
  ['551d21', 'policyMappings'],
  ['551d24', 'policyConstraints'],
  ['551d36', 'inhibitAnyPolicy'],
  ['2b06010505070107', 'ipAddrBlocks'],
  ['2b06010505070108', 'autonomousSysIds'],
  ['2b0601050507010e', 'proxyCertInfo'],
  ['6086480186f8420101', 'nsCertType'],
]);

/**
 * Throws MalformedDer for anything that OpenSSL or the strict reader does not take as one certificate. OpenSSL sees only
 * what the strict reader took, and only a key of a kind that is allowed (code CertificateWeak).
 */
export function readCertificate(der: Uint8Array): Certificate {
  if (der.length > maxCertificateBytes) throw new MalformedDer('the certificate is too large');
  const [tbs, algorithm] = readAll(readOnly(der, tags.sequence).body);
  const fields = readAll(tbs?.body ?? der.subarray(0, 0));
  const [issuer, validity, subject, key] = fields.slice(fields[0]?.tag === versionTag ? 3 : 2);
  if (!algorithm || !issuer || !validity || !subject || !key) throw new MalformedDer('the certificate is incomplete');
  if (!readAll(validity.body).every(isTime)) throw new MalformedDer('a time of the certificate is malformed');
  const extensions = readExtensions(fields);
  const read = <T>(oid: string, parse: (value: Uint8Array) => T): T | undefined => {
    const extension = extensions.get(oid);
    return extension && parse(extension.value);
  };
  const [odd] =
    [...extensions].find(([oid, { critical }]) => refusedOids.has(oid) || (critical && !knownOids.has(oid))) ?? [];
  const x509 = openCertificate(der, key);
  const ownKeyId = read(oids.subjectKeyId, (value) => hex(readOnly(value, 0x04).body));
  const issuerKeyId = read(oids.authorityKeyId, (value) => sequence(value).find(({ tag }) => tag === 0x80));
  const isOwnKey = !ownKeyId || !issuerKeyId || hex(issuerKeyId.body) === ownKeyId;
  return {
    x509,
    der,
    subject,
    key: hex(key.whole),
    signatureAlgorithm: hex(algorithm.whole),
    selfIssued: hex(subject.whole) === hex(issuer.whole),
    selfSigned: isOwnKey && letters(x509.subject) === letters(x509.issuer),
    notEvaluated: odd && (refusedOids.get(odd) ?? `the critical extension ${odd}`),
    basicConstraints: read(oids.basicConstraints, readBasicConstraints),
    keyUsage: read(oids.keyUsage, readKeyUsage),
    extendedKeyUsage: read(oids.extendedKeyUsage, (value) => new Set(sequence(value).map(({ body }) => hex(body)))),
    alternativeNames: read(oids.subjectAltName, sequence) ?? [],
    nameConstraints: read(oids.nameConstraints, readNameConstraints),
  };
}

const letters = (name: string | undefined): string => (name ?? '').toLowerCase().replace(/[^a-z0-9]+/g, '');

/** Concatenated certificates, as the Workload API sends them. */
export function splitCertificates(bytes: Uint8Array): Uint8Array[] {
  return readAll(bytes).map(({ whole }) => whole);
}

/** Printable ASCII only: a NUL, a space or a byte above 0x7e in a URI is how names are smuggled past readers of text. */
export function uriNames(certificate: Certificate): string[] {
  return certificate.alternativeNames
    .filter(({ tag }) => tag === nameTags.uri)
    .map(({ body }) => {
      const text = Buffer.from(body).toString('latin1');
      if (!/^[\x21-\x7e]+$/.test(text)) throw new MalformedDer(`the URI name ${excerpt(text)} is not printable ASCII`);
      return text;
    });
}

function openCertificate(der: Uint8Array, { body }: Der): X509Certificate {
  const [algorithm] = readAll(body);
  if (!algorithm || !isKnownKey(hex(algorithm.whole))) throw weakKey();
  let x509: X509Certificate | undefined;
  try {
    x509 = new X509Certificate(der);
    if (!isStrongKey(x509.publicKey)) throw weakKey();
  } catch (error) {
    if (error instanceof MalformedDer) throw error;
    // OpenSSL's own words name internals; the refusal below says all that a reader can use.
  }
  if (x509?.raw.equals(der)) return x509;
  throw new MalformedDer('the bytes are no X.509 certificate');
}

const weakKey = (): MalformedDer =>
  new MalformedDer(
    'a key is too weak or of an unusual kind; use P-256, P-384, P-521, RSA from 2048 bits or Ed25519',
    'CertificateWeak',
  );

/** The only two spellings that RFC 5280 leaves; other readers take more, and not the same ones. */
const isTime = ({ tag, body }: Der): boolean =>
  (tag === 0x17 ? /^\d{12}Z$/ : tag === 0x18 ? /^\d{14}Z$/ : /$^/).test(Buffer.from(body).toString('latin1'));

function readExtensions(fields: readonly Der[]): Map<string, { critical: boolean; value: Uint8Array }> {
  const extensions = new Map<string, { critical: boolean; value: Uint8Array }>();
  const block = fields.find(({ tag }) => tag === extensionsTag);
  if (block === undefined) return extensions;
  for (const extension of sequence(block.body)) {
    const [oid, second, third] = readAll(extension.body);
    const value = third ?? second;
    if (oid?.tag !== tags.oid || value?.tag !== 0x04 || second === undefined) {
      throw new MalformedDer('an extension is malformed');
    }
    const name = hex(oid.body);
    if (extensions.has(name)) throw new MalformedDer(`the extension ${name} appears twice`);
    extensions.set(name, { critical: third !== undefined && readBoolean(second), value: value.body });
  }
  return extensions;
}

const sequence = (bytes: Uint8Array): Der[] => readAll(readOnly(bytes, tags.sequence).body);

function readBasicConstraints(value: Uint8Array): { ca: boolean; pathLength: number | undefined } {
  const fields = sequence(value);
  const ca = fields[0]?.tag === tags.boolean ? readBoolean(fields[0]) : false;
  const rest = fields[0]?.tag === tags.boolean ? fields.slice(1) : fields;
  if (rest.length > 1) throw new MalformedDer('basicConstraints is malformed');
  return { ca, pathLength: rest[0] && readSmallInteger(rest[0]) };
}

function readKeyUsage(value: Uint8Array): Set<KeyUsage> {
  const { body } = readOnly(value, tags.bitString);
  if (body.length < 2 || body.length > 3) throw new MalformedDer('keyUsage is malformed');
  const isSet = (bit: number): boolean => ((body[1 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7))) !== 0;
  return new Set([...keyUsageBits].filter(([, bit]) => isSet(bit)).map(([name]) => name));
}

function readNameConstraints(value: Uint8Array): { permitted: Der[]; excluded: Der[] } {
  const constraints = { permitted: [] as Der[], excluded: [] as Der[] };
  for (const list of sequence(value)) {
    if (list.tag !== 0xa0 && list.tag !== 0xa1) throw new MalformedDer('nameConstraints is malformed');
    for (const subtree of readAll(list.body)) {
      const [base, bounds] = readAll(subtree.body);
      if (base === undefined || bounds !== undefined) throw new MalformedDer('a name constraint has bounds or no name');
      (list.tag === 0xa0 ? constraints.permitted : constraints.excluded).push(base);
    }
  }
  return constraints;
}
