import type { CanonicalForm, JsonObject, KnownChains } from '@agentcard-operator/agentcard';
import {
  canonicalize,
  cardId,
  judgeSignatures,
  parseCardDocument,
  publishCard,
  readSignatures,
  type SeenSignature,
  type SignatureEvidence,
  sameJson,
  sha256,
} from '@agentcard-operator/agentcard';
import type { BundleSet, Result } from '@agentcard-operator/spiffe/x509';
import { agentName, withinBudget } from '../api/budget.ts';
import type { Publication, ReceivedCard, SignatureFinding, SignedCard } from './evidence.ts';

/** How signatures are verified. */
export interface SignatureRules {
  readonly forms: readonly CanonicalForm[];
  readonly bundles: BundleSet;
  /** Spares the cryptography of chains that were good before. */
  readonly knownChains: KnownChains;
}

export interface ReceiveContext {
  readonly source: ReceivedCard['source'];
  /** Undefined when signatures are not verified. */
  readonly signatures: SignatureRules | undefined;
  readonly seen: SeenSignature | undefined;
  readonly now: number;
}

/** From bytes to a card that may be published: where a signature is good, nothing but the signed payload is. */
export async function receiveCard(body: Uint8Array, context: ReceiveContext): Promise<Result<ReceivedCard>> {
  const { source, signatures: rules, now } = context;
  const parsed = parseCardDocument(body);
  if (!parsed.ok) return parsed;
  const { raw, view } = parsed.value;
  const served = publicationOf(raw, view.url);
  const origin = { source, digest: sha256(body) };
  if (rules === undefined) return { ok: true, value: { ...origin, ...served, signature: undefined } };
  const { facts, payloads } = await readSignatures(raw, { ...rules, now: new Date(now) });
  const others = [...payloads].filter(([payloadSha256]) => payloadSha256 !== served.cardId);
  const signed = { facts, served, payloads: new Map(others.map(([id, text]) => [id, payloadOf(text)])) };
  const value = { ...origin, ...judged(signed, rules, context) };
  // Where the signature is all the proof there is, a verdict that hangs on our clock is none: what was known stands.
  const isLate = source !== 'mtls' && value.signature.outcome === 'untrusted' && clockFault(facts, rules, now);
  return isLate || { ok: true, value };
}

function clockFault(facts: SignedCard['facts'], rules: SignatureRules, now: number): Result<never> | false {
  const { signatures } = judgeSignatures(facts, { ...rules, now: new Date(now) });
  const late = signatures.find(({ code }) => code === 'ClockSkew');
  return late !== undefined && { ok: false, error: { code: late.code, message: late.message } };
}

/** Another look at a card when bundles or time have changed. No signature is verified; the same card where nothing changes. */
export function rejudge(card: ReceivedCard, rules: SignatureRules, circumstances: Circumstances): ReceivedCard {
  const { source, digest, signature } = card;
  if (signature?.signed === undefined) return card;
  const again = { source, digest, ...judged(signature.signed, rules, circumstances) };
  return sameJson(again, card) ? card : again;
}

type Circumstances = Pick<ReceiveContext, 'seen' | 'now'>;

function judged(signed: SignedCard, rules: SignatureRules, { seen, now }: Circumstances) {
  const evidence = judgeSignatures(signed.facts, { ...rules, now: new Date(now), ...(seen ? { seen } : {}) });
  const payload = evidence.good && signed.payloads.get(evidence.good.payloadSha256);
  return { ...(payload ?? signed.served), signature: findingOf(evidence, signed) };
}

function publicationOf(raw: JsonObject, url: string | undefined): Publication {
  const { card, truncated } = publishCard(raw);
  const text = canonicalize(card);
  const published = { text, sha256: sha256(text) };
  const shown = { url: url && ownText(withinBudget(url)), agentName: agentName(raw.name) };
  return { cardId: cardId(raw), ...shown, published, truncated };
}

/** What was signed is a document of its own. A form that drops much may leave no AgentCard, but JSON always. */
function payloadOf(text: string): Publication {
  const raw: JsonObject = JSON.parse(text);
  const card = parseCardDocument(raw);
  return publicationOf(raw, card.ok ? card.value.view.url : undefined);
}

/** A copy: a part of a text keeps all of that text in memory. */
function ownText(part: string): string {
  return Buffer.from(part).toString();
}

function findingOf(evidence: SignatureEvidence, signed: SignedCard): SignatureFinding {
  const { outcome, message, good, signatures, unread } = evidence;
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
    unread,
    signed: signatures.length === 0 ? undefined : signed,
  };
}
