/** Name constraints (RFC 5280 §4.2.1.10) over a finished path: what a CA may name, held against what it named. */

import { type Certificate, NAME, uriNames } from './certificate.ts';
import type { Der } from './der.ts';

const DIRECTORY_NAME = 0xa4;

/**
 * The fault of a path (leaf first, anchor last), or `undefined`. URI and DNS constraints are applied; a constraint of
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
    if (kind === DIRECTORY_NAME) return false;
    const names = namesOf(certificate, kind);
    if (names === undefined) return false;
    const allowed = permitted.filter(({ tag }) => tag === kind);
    const forbidden = excluded.filter(({ tag }) => tag === kind);
    return names.every(
      (name) => (allowed.length === 0 || allowed.some(covers(kind, name))) && !forbidden.some(covers(kind, name)),
    );
  });
}

/** `undefined` when the certificate has a name of this kind that cannot be compared. */
function namesOf(certificate: Certificate, kind: number): string[] | undefined {
  const present = certificate.alternativeNames.filter(({ tag }) => tag === kind);
  if (kind === NAME.dns) return present.map(text);
  if (kind !== NAME.uri) return present.length === 0 ? [] : undefined;
  const hosts = uriNames(certificate).map((uri) => /^[a-z][a-z0-9+.-]*:\/\/([^/?#:]+)/i.exec(uri)?.[1]?.toLowerCase());
  return hosts.every((host) => host !== undefined) ? hosts : undefined;
}

/** A URI constraint names one host, or with a leading dot all hosts below; a DNS constraint always covers those below. */
const covers =
  (kind: number, name: string) =>
  (constraint: Der): boolean => {
    const base = text(constraint);
    if (name === base) return true;
    if (base.startsWith('.')) return name.endsWith(base) && name.length > base.length;
    return kind === NAME.dns && (base === '' || name.endsWith(`.${base}`));
  };

const text = ({ body }: Der): string => Buffer.from(body).toString('latin1').toLowerCase();
