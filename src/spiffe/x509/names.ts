/** Name constraints (RFC 5280 §4.2.1.10) over a finished path: what a CA may name, held against what was named below it. */

import { type Certificate, nameTags, uriNames } from './certificate.ts';
import { type Der, hex, readOnly, tags } from './der.ts';

/**
 * The fault of a path (leaf first, anchor last), or `undefined`. URI, DNS and directory name constraints are applied; one of
 * another kind refuses every certificate that has a name of that kind, because nobody here can compare it.
 */
export function nameConstraintFault(path: readonly Certificate[]): string | undefined {
  for (const [depth, issuer] of path.entries()) {
    if (issuer.nameConstraints === undefined) continue;
    const bound = path.slice(0, depth).filter((certificate, index) => index === 0 || !certificate.selfIssued);
    if (!bound.every((certificate) => respects(certificate, issuer))) {
      return 'a name lies outside the name constraints of a CA above it';
    }
  }
  return undefined;
}

function respects(certificate: Certificate, { nameConstraints }: Certificate): boolean {
  const { permitted = [], excluded = [] } = nameConstraints ?? {};
  const kinds = new Set([...permitted, ...excluded].map(({ tag }) => tag));
  return [...kinds].every((kind) => {
    const names = namesOf(certificate, kind);
    const allowed = permitted.filter(({ tag }) => tag === kind);
    const forbidden = excluded.filter(({ tag }) => tag === kind);
    return names?.every(
      (name) => (allowed.length === 0 || allowed.some(covers(name))) && !forbidden.some(covers(name)),
    );
  });
}

/** All names of one kind; `undefined` when there is one that cannot be compared. */
function namesOf(certificate: Certificate, kind: number): string[] | undefined {
  const present = certificate.alternativeNames.filter(({ tag }) => tag === kind);
  switch (kind) {
    case nameTags.dns:
      return present.map(text);
    case nameTags.directory: {
      const subject = hex(certificate.subject.body);
      return [...(subject === '' ? [] : [subject]), ...present.map(relativeNames)];
    }
    case nameTags.uri: {
      const hosts = uriNames(certificate).map((uri) => /^[a-z][a-z0-9+.-]*:\/\/([^/?#:]+)/i.exec(uri)?.[1]);
      return hosts.every((host) => host !== undefined) ? hosts.map((host) => host.toLowerCase()) : undefined;
    }
    default:
      return present.length === 0 ? [] : undefined;
  }
}

/**
 * A URI constraint names one host, or with a leading dot all hosts below; a DNS constraint always covers those below;
 * a directory name covers those that begin with it.
 */
const covers =
  (name: string) =>
  (constraint: Der): boolean => {
    if (constraint.tag === nameTags.directory) return name.startsWith(relativeNames(constraint));
    const base = text(constraint);
    if (name === base) return true;
    if (base.startsWith('.')) return name.endsWith(base) && name.length > base.length;
    return constraint.tag === nameTags.dns && (base === '' || name.endsWith(`.${base}`));
  };

const text = ({ body }: Der): string => Buffer.from(body).toString('latin1').toLowerCase();

/** Each relative name delimits itself, so a prefix of the hex is a prefix of the list. */
const relativeNames = ({ body }: Der): string => hex(readOnly(body, tags.sequence).body);
