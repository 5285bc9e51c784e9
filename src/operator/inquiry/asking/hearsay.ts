/** What the child says of a question, as whoever took it over would say it: nothing counts but what is proven here. */

import { hash } from 'node:crypto';
import {
  chainFailure,
  type FetchFailure,
  type FetchOutcome,
  failed,
  failureCodes,
  type Peer,
} from '@agentcard-operator/spiffe/tls';
import type { IdentitySnapshot } from '@agentcard-operator/spiffe/workload-api';
import { type Fault, maxChain, parseSpiffeId, type TrustDomain, verifySvid } from '@agentcard-operator/spiffe/x509';
import * as z from 'zod';
import type { Frame } from './frames.ts';
import { fromBase64, longestMessage, type Question } from './question.ts';

const chain = z
  .array(z.string().max(48 * 1024))
  .min(1)
  .max(maxChain)
  .optional();
const said = z.strictObject({
  id: z.int(),
  /** Of the identity by which it was asked. */
  epoch: z.int(),
  outcome: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('answer'), status: z.int().min(0).max(999), chain }),
    z.strictObject({
      kind: z.literal('failed'),
      code: z.enum(failureCodes),
      message: z.string().max(longestMessage),
      claimedId: z.string().max(2_048).optional(),
      chain,
    }),
  ]),
});

export interface Hearsay extends z.infer<typeof said> {
  readonly body: Buffer;
}

/** By what it is judged. */
export interface Look {
  readonly identity: () => Pick<IdentitySnapshot, 'bundles'>;
  readonly now: () => number;
}

/** Throws for anything that is no report. */
export function hear({ header, body }: Frame): Hearsay {
  return { ...said.parse(header), body };
}

/** Undefined: no honest child says that. */
export function outcomeFrom(heard: Hearsay, question: Question, look: Look): FetchOutcome | undefined {
  const { outcome, body } = heard;
  const { trustDomains, request } = question;
  const peer = outcome.chain && peerFrom(outcome.chain, trustDomains ?? [], look);
  const overTls = trustDomains !== undefined;
  if (outcome.kind === 'answer') {
    if (overTls !== (peer !== undefined) || body.length > request.limits.maxBytes) return undefined;
    if (peer === undefined) return { kind: 'answer', status: outcome.status, body };
    return 'kind' in peer ? peer : { kind: 'answer', status: outcome.status, body, peer };
  }
  const { code, message, claimedId } = outcome;
  const failure = failed(code, message.replaceAll(/\p{C}/gu, '?'), claimedId);
  const speaksOfTls = failure.guilt === 'identity' || claimedId !== undefined || peer !== undefined;
  if (body.length > 0 || (speaksOfTls && !overTls)) return undefined;
  if (claimedId !== undefined && !parseSpiffeId(claimedId).ok) return undefined;
  if (peer === undefined) return failure;
  return 'kind' in peer ? peer : { ...failure, peer };
}

/** Without the chain, in which a peer may send much besides, and other things each time. */
interface Proven {
  readonly who: Omit<Peer, 'chain'>;
  /** When the path was found, and until when all of it is valid. */
  readonly from: number;
  readonly until: number;
}

/** What led to a bundle, while that is the same: asking again costs no cryptography. */
const provenBy = new WeakMap<object, Map<string, Proven>>();
const rememberedChains = 16_384;

function peerFrom(presented: readonly string[], trustDomains: readonly TrustDomain[], look: Look): Peer | FetchFailure {
  const { bundles } = look.identity();
  const now = look.now();
  const key = hash('sha256', presented.join(), 'base64');
  const chain = presented.map(fromBase64);
  for (const name of trustDomains) {
    const known = provenBy.get(bundles.get(name) ?? bundles)?.get(key);
    if (known !== undefined && now >= known.from && now < known.until) return { ...known.who, chain };
  }
  const verified = verifySvid({ chain, bundles, now: new Date(now), role: 'server' });
  const refused = (fault: Fault) => chainFailure(chain[0], trustDomains, () => fault);
  if (!verified.ok) return refused(verified.error);
  const { id, leafNotBefore: notBefore, leafNotAfter: notAfter, pathNotAfter } = verified.value;
  const bundle = trustDomains.includes(id.trustDomain) ? bundles.get(id.trustDomain) : undefined;
  if (bundle === undefined) return refused({ code: '', message: 'its trust domain is not expected' });
  const who = { id, notBefore, notAfter };
  const chains = provenBy.get(bundle) ?? new Map<string, Proven>();
  if (chains.size >= rememberedChains) chains.clear();
  provenBy.set(bundle, chains.set(key, { who, from: now, until: pathNotAfter.getTime() }));
  return { ...who, chain };
}
