/** SPIFFE IDs and trust domains (SPIFFE-ID §2). */

import { ok, type Result, refused } from './result.ts';

/** The name of a trust domain, without scheme: `example.org`. Only {@link parseTrustDomain} makes one. */
export type TrustDomain = string & { readonly __trustDomain: unique symbol };

/** `uri` is the ID as one string; two IDs are the same when their `uri` is. `path` is empty or starts with `/`. */
export interface SpiffeId {
  readonly trustDomain: TrustDomain;
  readonly path: string;
  readonly uri: string;
}

const maxIdBytes = 2048;
const idPattern = /^spiffe:\/\/([a-z0-9._-]{1,255})((?:\/[A-Za-z0-9._-]+)*)$/;
const trustDomainPattern = /^(?:spiffe:\/\/)?([a-z0-9._-]{1,255})$/;

/**
 * A name (`example.org`) or the trust domain's own ID (`spiffe://example.org`), as Workload API answers spell it.
 * Code: TrustDomainInvalid.
 */
export function parseTrustDomain(text: string): Result<TrustDomain> {
  const name = trustDomainPattern.exec(text)?.[1];
  if (name !== undefined) return ok(name as TrustDomain);
  return refused(
    'TrustDomainInvalid',
    `${excerpt(text)} is no trust domain: use 1 to 255 of a-z, 0-9, dot, dash and underscore, for example example.org`,
  );
}

/** A whole SPIFFE ID, the trust domain's own (no path) included. No length, case or encoding is forgiven. Code: SpiffeIdInvalid. */
export function parseSpiffeId(text: string): Result<SpiffeId> {
  if (text.length > maxIdBytes) return refused('SpiffeIdInvalid', `the SPIFFE ID is longer than ${maxIdBytes} bytes`);
  const match = idPattern.exec(text);
  const [name, path] = [match?.[1], match?.[2]];
  if (name === undefined || path === undefined) return refused('SpiffeIdInvalid', `${excerpt(text)} is no SPIFFE ID`);
  if (path.split('/').some((segment) => segment === '.' || segment === '..')) {
    return refused('SpiffeIdInvalid', `${excerpt(text)} has a dot segment, which no SPIFFE ID may have`);
  }
  return ok({ trustDomain: name as TrustDomain, path, uri: text });
}

/** A short, quoted, printable-ASCII rendering of text that a peer chose. */
export function excerpt(text: string, length = 80): string {
  const cut = text.length > length ? `${text.slice(0, length)}…` : text;
  return `"${cut.replace(/["\\]|[^\x20-\x7e\u2026]/g, escapeUnit)}"`;
}

const escapeUnit = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** The trust domain's name in a SPIFFE ID that has been parsed before. */
export function trustDomainOf(uri: string): TrustDomain {
  return (uri.slice('spiffe://'.length).split('/', 1)[0] ?? '') as TrustDomain;
}
