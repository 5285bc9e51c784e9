import { readFileSync } from 'node:fs';
import type { JsonObject } from '../../../../src/agentcard/document/json.ts';
import { parseStrictObject } from '../../../../src/agentcard/document/strict-json.ts';
import { parseTrustDomain } from '../../../../src/spiffe/id.ts';
import { type BundleSet, parseBundle } from '../../../../src/spiffe/x509/bundle.ts';

export interface Vector {
  readonly name: string;
  readonly file: string;
  readonly kind: string;
  readonly verified: boolean;
  readonly outcome: string;
  readonly codes: readonly string[];
  readonly form?: string;
  readonly signedOver?: string;
  readonly payloadSha256?: string;
}

const directory = new URL('../../../vectors/', import.meta.url);
export const pathOf = (file: string) => new URL(file, directory).pathname;
export const bytesOf = (file: string) => readFileSync(pathOf(file));

export const manifest: {
  readonly trustDomain: string;
  readonly bundle: string;
  readonly spiffeId: string;
  readonly forms: readonly string[];
  readonly vectors: readonly Vector[];
} = JSON.parse(bytesOf('manifest.json').toString());

export function cardOf(name: string): JsonObject {
  const card = parseStrictObject(bytesOf(`cards/${name}.json`));
  if (!card.ok) throw new Error(card.error.message);
  return card.value;
}

export function bundlesOf(trustDomain: string, file: string): BundleSet {
  const domain = parseTrustDomain(trustDomain);
  const bundle = domain.ok ? parseBundle(domain.value, bytesOf(file).toString()) : domain;
  if (!domain.ok || !bundle.ok) throw new Error('the bundle of the vectors cannot be read');
  return new Map([[domain.value, bundle.value]]);
}

export const bundles = bundlesOf(manifest.trustDomain, manifest.bundle);
/** Within the validity of every certificate of the vectors but that of leaf-expired. */
export const now = new Date('2026-11-24T00:00:00Z');
