import type { JsonObject } from '../document/json.ts';
import { mostSignatures, type ReadingRules, type ReadSignatures, readSignatures } from './facts.ts';
import { type Circumstances, judgeSignatures, type SignatureEvidence } from './judge.ts';
import { KnownChains } from './known-chains.ts';

export interface SignatureInput extends ReadingRules, Circumstances {
  /** As received. Signatures are over this, never over what was made of it. */
  readonly card: JsonObject;
}

export interface VerifiedCard extends SignatureEvidence, Pick<ReadSignatures, 'payloads'> {}

/**
 * Verifies the signatures of a card once. Who keeps cards while bundles and time go on reads them by readSignatures and
 * judges them by judgeSignatures instead.
 */
export async function verifyCard({ card, ...input }: SignatureInput): Promise<VerifiedCard> {
  const rules = { ...input, knownChains: input.knownChains ?? new KnownChains(mostSignatures) };
  const { facts, payloads } = await readSignatures(card, rules);
  return { ...judgeSignatures(facts, rules), payloads };
}
