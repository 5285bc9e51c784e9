import type { Key } from '@agentcard-operator/kube/objects';
import type { FetchRequest, MutualTls } from '@agentcard-operator/spiffe/tls';
import type { IdentitySnapshot } from '@agentcard-operator/spiffe/workload-api';
import { parseBundle, type TrustDomain } from '@agentcard-operator/spiffe/x509';

/** What the child says of a failure is cut at this, and the parent takes no more. */
export const longestMessage = 2_048;

/** One GET of one path of one pod. */
export interface Question {
  readonly card: Key;
  /** It has answered before. */
  readonly proven: boolean;
  readonly request: Omit<FetchRequest, 'tls' | 'signal'>;
  /** Absent: plain HTTP. */
  readonly trustDomains?: readonly TrustDomain[];
}

/** What the child is told. */
export interface Message {
  readonly ping?: true;
  readonly identity?: PackedIdentity;
  readonly ask?: { readonly id: number } & Pick<Question, 'request' | 'trustDomains'>;
  readonly cancel?: number;
}

/** What it takes to ask, in JSON. */
export type PackedIdentity = ReturnType<typeof packIdentity>;

export function packIdentity({ epoch, svid, bundles }: IdentitySnapshot) {
  const texts = [...bundles.values()].map(({ trustDomain, pems }) => [trustDomain, pems.join('')] as const);
  return { epoch, svid: svid && { chainPem: svid.chainPem, keyPem: svid.keyPem }, bundles: texts };
}

export function unpackIdentity({ svid, bundles }: PackedIdentity): MutualTls['identity'] {
  const read = bundles.map(([trustDomain, text]) => [trustDomain, parseBundle(trustDomain, text)] as const);
  const good = read.flatMap(([trustDomain, bundle]) => (bundle.ok ? [[trustDomain, bundle.value] as const] : []));
  return { ...(svid && { svid }), bundles: new Map(good) };
}

export const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** Bytes of its own: a slice would keep a pool alive as long as itself. */
export const fromBase64 = (text: string): Buffer => Buffer.from(new Uint8Array(Buffer.from(text, 'base64')).buffer);
