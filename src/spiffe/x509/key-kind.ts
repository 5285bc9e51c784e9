/** What kind of key a certificate has, read without OpenSSL: what is of no kind that SPIFFE issuers use never reaches it. */

import { attempt, hex, MalformedDer, readAll, readOnly, tags } from './der.ts';

const versionTag = 0xa0;

/** Hex of the content of the key's AlgorithmIdentifier: RSA, RSASSA-PSS, P-256, P-384, P-521, Ed25519, Ed448. */
const known: readonly RegExp[] = [
  /^06092a864886f70d010101(0500)?$/,
  /^06092a864886f70d01010a/,
  /^06072a8648ce3d0201(06082a8648ce3d030107|06052b8104002[23])$/,
  /^06032b657[01]$/,
];

export function hasKnownKey(certificate: Uint8Array): boolean {
  const kind = attempt('CertificateMalformed', () => {
    const [tbs] = readAll(readOnly(certificate, tags.sequence).body);
    const fields = tbs === undefined ? [] : readAll(tbs.body);
    const key = fields[fields[0]?.tag === versionTag ? 6 : 5];
    const [algorithm] = key === undefined ? [] : readAll(key.body);
    if (algorithm === undefined) throw new MalformedDer('the certificate has no key');
    return hex(algorithm.body);
  });
  return kind.ok && known.some((each) => each.test(kind.value));
}
