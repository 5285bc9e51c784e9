import { createPrivateKey } from 'node:crypto';
import {
  cardId,
  defaultForms,
  type GoodSignature,
  isArray,
  type JsonObject,
  type JsonValue,
  parseCardDocument,
  readEntry,
  signCard,
  verifyCard,
  withoutSignatures,
} from '@agentcard-operator/agentcard';
import type { BundleSet, X509Svid } from '@agentcard-operator/spiffe/x509';
import { leafIdentity, ok, type Result, refused } from '@agentcard-operator/spiffe/x509';

export interface SignedCard {
  readonly text: string;
  readonly cardId: string;
  /** SPIFFE ID. */
  readonly signer: string;
}

/**
 * Signs a card as it is: every member stays, and so do signatures of others; earlier ones by the same workload make room
 * for the new one, which comes last. Codes: `CardInvalid`, `SvidIncomplete` and those of signCard.
 */
export async function signUnsigned(bytes: Uint8Array, svid: X509Svid): Promise<Result<SignedCard>> {
  const card = parseCardDocument(bytes);
  if (!card.ok) return refused('CardInvalid', `the unsigned card is no AgentCard: ${card.error.message}`);
  const [leaf, ...issuers] = svid.chain;
  if (leaf === undefined) return refused('SvidIncomplete', 'the X509-SVID has no certificate');
  const unsigned = withoutSignaturesBy(svid.id.uri, card.value.raw);
  const signed = await signCard(unsigned, { key: createPrivateKey(svid.keyPem), chain: [leaf, ...issuers] });
  if (!signed.ok) return signed;
  const text = `${JSON.stringify(signed.value, null, 2)}\n`;
  return ok({ text, cardId: cardId(card.value.raw), signer: svid.id.uri });
}

/**
 * Whether the bytes are the card that was signed, with a signature that every verifier of this project takes; that signature.
 * Codes: `CardChanged`, `SignatureUnusable`.
 */
export async function confirmSigned(
  bytes: Uint8Array,
  expected: SignedCard,
  bundles: BundleSet,
  now: Date,
): Promise<Result<GoodSignature>> {
  const card = parseCardDocument(bytes);
  if (!card.ok) return refused('SignatureUnusable', `the signed card would be refused: ${card.error.message}`);
  if (cardId(card.value.raw) !== expected.cardId) {
    return refused(
      'CardChanged',
      'the file holds another card than the one that was signed; let nothing else write to it',
    );
  }
  const { signatures } = await verifyCard({ card: card.value.raw, bundles, now, forms: defaultForms });
  const own = signatures.at(-1);
  if (own?.outcome === 'valid' && own.signer.uri === expected.signer) return ok(own);
  const reason = own === undefined ? 'it is missing' : `${own.message} (${own.code})`;
  return refused('SignatureUnusable', `the signature that was just made does not verify: ${reason}`);
}

function withoutSignaturesBy(id: string, card: JsonObject): JsonObject {
  const { signatures = [] } = card;
  if (!isArray(signatures)) return card;
  const others = signatures.filter((signature) => claimedSigner(signature) !== id);
  return others.length === 0 ? withoutSignatures(card) : { ...card, signatures: others };
}

function claimedSigner(signature: JsonValue): string | undefined {
  const entry = readEntry(signature);
  const x5c = entry.ok ? entry.value.header.x5c : undefined;
  const leaf = x5c !== undefined && isArray(x5c) ? x5c[0] : undefined;
  const identity = typeof leaf === 'string' ? leafIdentity(Buffer.from(leaf, 'base64')) : undefined;
  return identity?.ok ? identity.value.id.uri : undefined;
}
