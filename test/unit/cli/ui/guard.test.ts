import { expect, test } from 'vitest';
import { type Asked, admit, cookieName, safeHeaders } from '../../../../src/cli/ui/guard.ts';

const keys = { port: 4711, token: 'once', session: 'for-as-long-as-it-runs' };
const mine = `${cookieName(4711)}=${keys.session}`;
const own: Asked = {
  ...{ method: 'GET', path: '/api/feed', token: undefined, host: '127.0.0.1:4711', origin: undefined },
  ...{ site: 'same-origin', cookie: `other=1; ${mine}` },
};
const kind = (over: Partial<Asked>, of: typeof keys | (Omit<typeof keys, 'token'> & { token: undefined }) = keys) =>
  admit({ ...own, ...over }, of).kind;

test('the session’s cookie lets in, and nothing else does', () => {
  expect(kind({})).toBe('in');
  for (const cookie of [undefined, '', `${cookieName(4711)}=`, `${mine}x`, `${cookieName(4712)}=${keys.session}`])
    expect(kind({ cookie })).toBe('refused');
});

test('a token is exchanged on the first page alone, by reading, and only while it is unused', () => {
  const first = { path: '/', token: 'once', cookie: undefined, site: 'none' };
  expect(kind(first)).toBe('exchange');
  expect(kind({ ...first, site: 'cross-site' })).toBe('exchange');
  expect(kind({ ...first, token: 'twice' })).toBe('refused');
  expect(kind(first, { ...keys, token: undefined })).toBe('refused');
  expect(kind({ ...first, path: '/api/feed' })).toBe('refused');
  expect(kind({ ...first, method: 'POST', origin: 'http://127.0.0.1:4711' })).toBe('refused');
});

test.each(['evil.example:4711', 'localhost:4711', '127.0.0.1', '127.0.0.1:4712', '[::1]:4711', undefined])(
  'another host is refused whatever it brings: %s',
  (host) => {
    expect(kind({ host })).toBe('refused');
    expect(kind({ host, path: '/', token: 'once' })).toBe('refused');
  },
);

test.each(['http://evil.example', 'https://127.0.0.1:4711', 'http://127.0.0.1:4712', 'null'])(
  'another origin is refused: %s',
  (origin) => {
    expect(kind({ origin })).toBe('refused');
    expect(kind({ origin, method: 'POST' })).toBe('refused');
  },
);

test('an order needs an origin, and no other site’s page may ask, with the cookie or without', () => {
  const order = { method: 'POST', path: '/api/order' };
  expect(kind({ ...order, origin: 'http://127.0.0.1:4711' })).toBe('in');
  expect(kind(order)).toBe('refused');
  expect(kind({ ...order, origin: 'http://127.0.0.1:4711', site: 'cross-site' })).toBe('refused');
  for (const site of ['cross-site', 'same-site']) expect(kind({ site })).toBe('refused');
});

test('nothing inline, nothing from elsewhere, and no frame around it', () => {
  const policy = safeHeaders['content-security-policy'] ?? '';
  expect(policy).not.toMatch(/unsafe|\*|https?:|data:|blob:/);
  for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"])
    expect(policy.split('; ')).toContain(part);
});
