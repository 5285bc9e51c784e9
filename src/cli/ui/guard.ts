import { createHash, timingSafeEqual } from 'node:crypto';

/** Of a request, what decides whether it is let in. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly token: string | undefined;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** Sec-Fetch-Site, which every browser sends by itself. */
  readonly site: string | undefined;
  readonly cookie: string | undefined;
}

/** What lets in. A token is good for one use; the session lives as long as the command. */
export interface Keys {
  readonly port: number;
  readonly token: string | undefined;
  readonly session: string;
}

export type Admission =
  | { readonly kind: 'in' }
  /** The token was right: the browser gets the session's cookie for it. */
  | { readonly kind: 'exchange' }
  | { readonly kind: 'refused'; readonly message: string };

const refused = (message: string): Admission => ({ kind: 'refused', message });

/** Cookies are of a host, whatever its port: two pages at once must not take each other's. */
export const cookieName = (port: number) => `agentcard-${port}`;

/** Another name that leads to this address (DNS rebinding), another page, another user of this machine: none is let in. */
export function admit(asked: Asked, keys: Keys): Admission {
  const authority = `127.0.0.1:${keys.port}`;
  if (asked.host !== authority)
    return refused(`this page answers as ${authority} only: open the URL that the command printed`);
  if (asked.origin !== undefined && asked.origin !== `http://${authority}`)
    return refused('another origin may not ask here');
  const writes = asked.method !== 'GET';
  if (writes && asked.origin === undefined) return refused('an order must say from which origin it comes');
  const foreign = asked.site !== undefined && asked.site !== 'same-origin' && asked.site !== 'none';
  // A link that leads here with the right token is what the token is for.
  if (asked.token !== undefined && !writes && asked.path === '/') return exchanged(asked.token, keys);
  if (foreign && (writes || asked.path.startsWith('/api/'))) return refused('another site may not ask here');
  const cookies = (asked.cookie ?? '').split(/;\s*/);
  const mine = cookies.find((one) => one.startsWith(`${cookieName(keys.port)}=`));
  if (mine !== undefined && same(mine.slice(mine.indexOf('=') + 1), keys.session)) return { kind: 'in' };
  return refused('this browser was not let in: open the URL that kubectl agentcard ui printed; it is good for one use');
}

function exchanged(token: string, keys: Keys): Admission {
  if (keys.token !== undefined && same(token, keys.token)) return { kind: 'exchange' };
  return refused("this link was used already, or is another command's: run kubectl agentcard ui again for a new one");
}

function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** On every answer. Nothing inline, nothing from elsewhere, no frame around it, nothing kept. */
export const safeHeaders: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'cache-control': 'no-store',
};
