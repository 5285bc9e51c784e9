/** Trust bundles: the authorities of one trust domain (SPIFFE Trust Domain and Bundle §4, X509-SVID §6). Never merged. */

import { createHash } from 'node:crypto';
import type { TrustDomain } from '../id.ts';
import { ok, type Result, refused } from '../result.ts';
import { readCertificate, splitCertificates } from './certificate.ts';
import { attempt, MalformedDer } from './der.ts';

export interface TrustBundle {
  readonly trustDomain: TrustDomain;
  /** DER of each authority. Empty is a statement: nothing of this trust domain is to be trusted. */
  readonly authorities: readonly Uint8Array[];
  /** Certificates that came with the others, and vouch for nobody. */
  readonly skipped?: readonly SkippedAuthority[];
  /** The authorities in PEM, for TLS. */
  readonly pems: readonly string[];
  /** `spiffe_sequence`, whole even above 2^53. */
  readonly sequence?: bigint;
  /** `spiffe_refresh_hint`. */
  readonly refreshHintSeconds?: number;
  /** Hex SHA-256 of the trust domain and its certificates in any order: equal digests trust the same. */
  readonly digest: string;
  /** The earliest and the latest end among the authorities, for alerts; absent in an empty bundle. */
  readonly notAfter?: { readonly first: Date; readonly last: Date };
}

export interface SkippedAuthority {
  /** Lowercase hex of the certificate's fingerprint, as `openssl x509 -fingerprint -sha256` says it with colons. */
  readonly sha256: string;
  /** For people. */
  readonly reason: string;
}

export type BundleSet = ReadonlyMap<TrustDomain, TrustBundle>;

const maxBundleBytes = 4 * 1024 * 1024;
const maxAuthorities = 1000;
const pemBlock = /-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----/g;

interface BundleFacts {
  readonly sequence?: bigint;
  readonly refreshHintSeconds?: number;
}

/**
 * PEM or SPIFFE JSON, told apart by the first character. A bad certificate costs itself alone, and is listed as skipped; where
 * none is good the text is refused, so that the caller keeps the last good bundle.
 * Codes: BundleMalformed, BundleEmpty, BundleTooLarge, AuthorityInvalid.
 */
export function parseBundle(trustDomain: TrustDomain, text: string): Result<TrustBundle> {
  return /^\s*\{/.test(text) ? parseBundleJson(trustDomain, text) : parseBundlePem(trustDomain, text);
}

/** CERTIFICATE blocks one after the other; text between them is a comment, a block of another kind is an error. */
export function parseBundlePem(trustDomain: TrustDomain, text: string): Result<TrustBundle> {
  if (text.length > maxBundleBytes) return tooLarge();
  const blocks = [...text.matchAll(pemBlock)];
  if (blocks.length !== text.split('-----BEGIN ').length - 1 || blocks.some(([, label]) => label !== 'CERTIFICATE')) {
    return refused('BundleMalformed', 'the bundle has a PEM block that is no complete CERTIFICATE');
  }
  if (blocks.length === 0) return refused('BundleEmpty', 'the bundle has no CERTIFICATE block');
  return bundleOf(
    trustDomain,
    blocks.map(([, , base64 = '']) => Buffer.from(base64, 'base64')),
  );
}

/** Concatenated DER, as the Workload API sends it. */
export function parseBundleDer(trustDomain: TrustDomain, der: Uint8Array): Result<TrustBundle> {
  if (der.length > maxBundleBytes) return tooLarge();
  const authorities = attempt('BundleMalformed', () => splitCertificates(der));
  return authorities.ok ? bundleOf(trustDomain, authorities.value) : authorities;
}

/** A SPIFFE bundle: a JWK Set whose `use: x509-svid` keys carry one authority each in `x5c[0]`; the rest is not for X.509. */
export function parseBundleJson(trustDomain: TrustDomain, text: string): Result<TrustBundle> {
  if (text.length > maxBundleBytes) return tooLarge();
  const document = parseDocument(text);
  if (document === undefined || !Array.isArray(document.keys)) {
    return refused('BundleMalformed', 'the bundle is no SPIFFE bundle document: it has no list "keys"');
  }
  const { spiffe_sequence: sequence, spiffe_refresh_hint: hint } = document;
  if (sequence !== undefined && typeof sequence !== 'bigint') {
    return refused('BundleMalformed', 'spiffe_sequence is no whole number');
  }
  const authorities: Buffer[] = [];
  for (const key of document.keys as unknown[]) {
    const certificate = authorityOf(key);
    if (certificate !== undefined) authorities.push(Buffer.from(certificate, 'base64'));
  }
  return bundleOf(trustDomain, authorities, {
    ...(sequence === undefined ? {} : { sequence }),
    ...(typeof hint === 'number' && hint > 0 ? { refreshHintSeconds: hint } : {}),
  });
}

function authorityOf(key: unknown): string | undefined {
  if (!isRecord(key) || key.use !== 'x509-svid' || typeof key.kty !== 'string' || !Array.isArray(key.x5c))
    return undefined;
  const [first] = key.x5c as unknown[];
  return typeof first === 'string' ? first : undefined;
}

function parseDocument(text: string): Record<string, unknown> | undefined {
  try {
    const document: unknown = JSON.parse(text, wholeSequence as (key: string, value: unknown) => unknown);
    return isRecord(document) ? document : undefined;
  } catch {
    return undefined;
  }
}

/** A sequence is 64 bits wide, so it is read from its text and not from the rounded number. */
function wholeSequence(key: string, value: unknown, context: { source?: string }): unknown {
  if (key !== 'spiffe_sequence' || context.source === undefined) return value;
  return /^\d{1,20}$/.test(context.source) ? BigInt(context.source) : value;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function bundleOf(
  trustDomain: TrustDomain,
  certificates: readonly Uint8Array[],
  facts: BundleFacts = {},
): Result<TrustBundle> {
  if (certificates.length > maxAuthorities) return tooLarge();
  const read = certificates.map((der) => ({ der, end: attempt('AuthorityInvalid', () => authorityEnd(der)) }));
  const authorities = read.flatMap(({ der, end }) => (end.ok ? [der] : []));
  const ends = read.flatMap(({ end }) => (end.ok ? [end.value] : []));
  const skipped = read.flatMap(({ der, end }) => (end.ok ? [] : [{ sha256: sha256(der), reason: end.error.message }]));
  const [first] = skipped;
  if (first !== undefined && authorities.length === 0) {
    return refused(
      'AuthorityInvalid',
      `no certificate of the bundle is an authority${leftOut({ trustDomain, skipped })}`,
    );
  }
  return ok({
    trustDomain,
    authorities,
    ...(first === undefined ? {} : { skipped }),
    pems: authorities.map(toPem),
    digest: digestOf(trustDomain, certificates),
    ...(ends.length === 0
      ? {}
      : { notAfter: { first: new Date(Math.min(...ends)), last: new Date(Math.max(...ends)) } }),
    ...facts,
  });
}

/** A leaf in a bundle would be its own anchor, so only CAs come in. One without keyUsage is restricted in nothing. */
function authorityEnd(der: Uint8Array): number {
  const { basicConstraints, keyUsage, x509 } = readCertificate(der);
  if (!basicConstraints?.ca) throw new MalformedDer('it is no CA: its basicConstraints do not say so');
  if (keyUsage?.has('keyCertSign') === false) throw new MalformedDer('its keyUsage does not let it sign certificates');
  return x509.validToDate.getTime();
}

/** What a message about a bundle adds, for whoever looks for the authority that is not there. */
export function leftOut({ trustDomain, skipped = [] }: Pick<TrustBundle, 'trustDomain' | 'skipped'>): string {
  const [first] = skipped;
  if (first === undefined) return '';
  const all = skipped.length === 1 ? 'one certificate' : `${skipped.length} certificates`;
  return `; ${all} of the bundle of ${trustDomain} left out, SHA-256 ${first.sha256.slice(0, 16)}…: ${first.reason}`;
}

export function toPem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function digestOf(trustDomain: TrustDomain, authorities: readonly Uint8Array[]): string {
  return sha256([trustDomain, ...new Set(authorities.map(sha256).sort())].join('\n'));
}

const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

const tooLarge = (): Result<never> =>
  refused('BundleTooLarge', `a bundle has at most ${maxBundleBytes} bytes and ${maxAuthorities} authorities`);
