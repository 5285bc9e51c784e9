/** Name constraints (RFC 5280 §4.2.1.10) over a finished path: what a CA may name, held against what was named below it. */

import { type Certificate, nameTags, uriNames } from './certificate.ts';
import { type Der, hex, readOnly, tags } from './der.ts';

/** What one certificate and one CA above it may cost: nobody writes as many names. OpenSSL has such a bound too. */
const mostComparisons = 1 << 14;

/**
 * The fault of a path (leaf first, anchor last), or `undefined`. URI and DNS name constraints are applied as OpenSSL does, and
 * directory names that are permitted, byte by byte. Whatever else is constrained may not be there, since nobody here can
 * compare it as OpenSSL does: an excluded name would pass in another spelling.
 */
export function nameConstraintFault(path: readonly Certificate[]): string | undefined {
  for (const [depth, issuer] of path.entries()) {
    if (issuer.nameConstraints === undefined) continue;
    const bound = path.slice(0, depth).filter((certificate, index) => index === 0 || !certificate.selfIssued);
    if (!bound.every((certificate) => respects(certificate, issuer, certificate === path[0]))) {
      return 'a name lies outside the name constraints of a CA above it, or is of a kind that is not compared here';
    }
  }
  return undefined;
}

function respects(certificate: Certificate, { nameConstraints }: Certificate, isLeaf: boolean): boolean {
  const { permitted = [], excluded = [] } = nameConstraints ?? {};
  const constraints = [...permitted, ...excluded];
  if (constraints.length * (certificate.alternativeNames.length + 1) > mostComparisons) return false;
  return [...new Set(constraints.map(({ tag }) => tag))].every((kind) => {
    const allowed = permitted.filter(({ tag }) => tag === kind);
    const forbidden = excluded.filter(({ tag }) => tag === kind);
    const names = namesOf(certificate, kind, isLeaf);
    if (kind === nameTags.directory && forbidden.length > 0) return names?.length === 0;
    return names?.every(
      (name) => (allowed.length === 0 || allowed.some(covers(name))) && !forbidden.some(covers(name)),
    );
  });
}

/** All names of one kind; `undefined` when there is one that cannot be compared. */
function namesOf(certificate: Certificate, kind: number, isLeaf: boolean): string[] | undefined {
  const { alternativeNames } = certificate;
  const subject = hex(certificate.subject.body);
  const present = alternativeNames.filter(({ tag }) => tag === kind);
  switch (kind) {
    case nameTags.dns:
      // OpenSSL takes the common name of a leaf without DNS names for one.
      return isLeaf && present.length === 0 && subject.includes(commonName) ? undefined : present.map(text);
    case nameTags.directory:
      return [...(subject === '' ? [] : [subject]), ...present.map(relativeNames)];
    case nameTags.uri: {
      const hosts = uriNames(certificate).map((uri) => plainUri.exec(uri)?.[1]);
      return hosts.every((host) => host !== undefined) ? hosts.map(lowerCase) : undefined;
    }
    default: {
      // Mail addresses hide in the subject, and in other names.
      const isMail = kind === nameTags.email;
      const hidden = isMail && (subject.includes(emailAddress) || alternativeNames.some(({ tag }) => tag === 0xa0));
      return present.length === 0 && !hidden ? [] : undefined;
    }
  }
}

const commonName = '0603550403';
const emailAddress = '06092a864886f70d010901';
/** Of other URIs, readers disagree on which part is the host. */
const plainUri = /^[a-z][a-z0-9+.-]*:\/\/([a-z0-9._-]+)(?:\/[^:]*)?$/i;

/**
 * A URI constraint names one host, or with a leading dot all hosts below; a DNS constraint always covers those below;
 * a directory name covers those that begin with it.
 */
const covers =
  (name: string) =>
  (constraint: Der): boolean => {
    if (constraint.tag === nameTags.directory) return name.startsWith(relativeNames(constraint));
    const base = text(constraint);
    const isDns = constraint.tag === nameTags.dns;
    if (name === base) return isDns || !base.startsWith('.');
    if (base.startsWith('.')) return name.endsWith(base);
    return isDns && (base === '' || name.endsWith(`.${base}`));
  };

const text = ({ body }: Der): string => lowerCase(Buffer.from(body).toString('latin1'));

/** Only ASCII has cases here, as in OpenSSL. */
const lowerCase = (name: string): string => name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

/** Each relative name delimits itself, so a prefix of the hex is a prefix of the list. */
const relativeNames = ({ body }: Der): string => hex(readOnly(body, tags.sequence).body);
