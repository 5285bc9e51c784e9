import type { CanonicalForm, JsonObject, KnownChains } from '@agentcard-operator/agentcard';
import {
  canonicalize,
  cardId,
  parseAgentCard,
  publishCard,
  type SeenSignature,
  type SignatureEvidence,
  sha256,
  verifySignatures,
} from '@agentcard-operator/agentcard';
import type { BundleSet, Parsed } from '@agentcard-operator/spiffe/x509';
import { withinBudget } from '../api/budget.ts';
import type { CardSource, ReceivedCard, SignatureFinding } from './evidence.ts';

/** How signatures are verified. */
export interface SignatureRules {
  readonly forms: readonly CanonicalForm[];
  readonly bundles: BundleSet;
  /** Spares the cryptography of chains that were good before. */
  readonly knownChains: KnownChains;
}

export interface ReceiveContext {
  readonly source: CardSource;
  /** Undefined when signatures are not verified. */
  readonly signatures: SignatureRules | undefined;
  readonly seen: SeenSignature | undefined;
  readonly now: number;
}

/** From bytes to a card that may be published: where a signature is good, nothing but the signed payload is. */
export function receiveCard(body: Uint8Array, context: ReceiveContext): Parsed<ReceivedCard> {
  const parsed = parseAgentCard(body);
  if (!parsed.ok) return parsed;
  const { raw } = parsed.value;
  if (context.signatures === undefined) return { ok: true, value: published(raw, context.source, undefined) };
  return { ok: true, value: judged(raw, context.signatures, context) };
}

/** Another look at a card whose signer's authorities may have changed. */
export function rejudge(card: ReceivedCard, rules: SignatureRules, now: number): ReceivedCard {
  const { signature, source } = card;
  if (signature?.signed === undefined) return card;
  const seen = signature.seen;
  return judged(signature.signed, rules, { source, seen, now });
}

function judged(
  raw: JsonObject,
  rules: SignatureRules,
  { source, seen, now }: Pick<ReceiveContext, 'source' | 'seen' | 'now'>,
): ReceivedCard {
  const evidence = verifySignatures({ ...rules, card: raw, now: new Date(now), ...(seen ? { seen } : {}) });
  const { good } = evidence;
  const signed = good === undefined ? raw : (JSON.parse(Buffer.from(good.payload).toString('utf8')) as JsonObject);
  return published(signed, source, findingOf(evidence, raw));
}

function published(raw: JsonObject, source: CardSource, signature: SignatureFinding | undefined): ReceivedCard {
  const { card, truncated } = publishCard(raw);
  const again = parseAgentCard(raw);
  const url = again.ok ? ownText(withinBudget(again.value.view.url)) : undefined;
  const text = canonicalize(card);
  return { source, cardId: cardId(raw), url, published: { text, sha256: sha256(text) }, truncated, signature };
}

/** A copy: a part of a text keeps all of that text in memory. */
function ownText(part: string): string {
  return Buffer.from(part).toString();
}

function findingOf(evidence: SignatureEvidence, raw: JsonObject): SignatureFinding {
  const { outcome, message, good, signatures } = evidence;
  const decisive = good ?? signatures.find((signature) => signature.outcome === outcome);
  return {
    outcome,
    message,
    signer: decisive?.signer?.uri,
    keyId: decisive?.keyId,
    form: good?.form,
    notAfter: decisive?.notAfter?.getTime(),
    seen: good && {
      payloadSha256: good.payloadSha256,
      protectedSha256: good.protectedSha256,
      issuerSha256: good.issuerSha256,
    },
    signed: signatures.length === 0 ? undefined : raw,
  };
}
