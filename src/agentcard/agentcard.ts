export { type CardChange, diffCards } from './document/diff.ts';
export { isArray, type JsonObject, type JsonValue, sameJson } from './document/json.ts';
export { type AgentCard, parseAgentCard } from './document/parse.ts';
export { publishCard } from './document/publish.ts';
export { cardLimits, parseStrictObject } from './document/strict-json.ts';
export { canonicalize, cardId, sha256, withoutSignatures } from './forms/canonical.ts';
export { type CanonicalForm, canonicalForms, defaultForms, parseForms } from './forms/forms.ts';
export { KnownChains } from './signature/known-chains.ts';
export { readEntry } from './signature/protected-header.ts';
export { type SigningIdentity, signCard } from './signature/sign.ts';
export {
  type GoodSignature,
  type SeenSignature,
  type SignatureEvidence,
  type SignatureInput,
  verifySignatures,
} from './signature/verify.ts';
