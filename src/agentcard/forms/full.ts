import type { JsonObject } from '../document/json.ts';
import { canonicalize, withoutSignatures } from './canonical.ts';
import { applyPresence, TypeMismatch } from './presence.ts';

/**
 * A way to turn a card into the bytes that are signed. `coverage` says what a good signature over it proves:
 * `full` = everything in the card, `projected` = the fields of A2A 1.0 without empty ones, `legacy` = less.
 */
export interface CanonicalForm {
  readonly name: string;
  readonly coverage: 'full' | 'projected' | 'legacy';
  /** Undefined when the form does not apply to the card. */
  readonly write: (card: JsonObject) => string | undefined;
}

export const fullForms: readonly CanonicalForm[] = [
  { name: 'raw-jcs', coverage: 'full', write: (card) => canonicalize(withoutSignatures(card)) },
  { name: 'spec-8.4.1', coverage: 'full', write: whereTyped((card) => canonicalize(applyPresence(card, 'keep'))) },
];

/** A form that depends on the types of fields does not apply to a card that breaks them. */
export function whereTyped(write: CanonicalForm['write']): CanonicalForm['write'] {
  return (card) => {
    try {
      return write(card);
    } catch (error) {
      if (error instanceof TypeMismatch) return undefined;
      throw error;
    }
  };
}
