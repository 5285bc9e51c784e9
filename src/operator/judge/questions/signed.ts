import type { Demands } from '../question.ts';
import type { Sight } from '../sight.ts';

/** Who signed a pod's card. */
export interface Signed {
  readonly signer: string;
  /** The card speaks for this pod: the signer's account is its own. */
  readonly covers: boolean;
  /** Who served it, where that was proven. */
  readonly server: string | undefined;
}

/** Undefined unless the signature holds. */
export function signedBy({ shown, evidence }: Sight, { settings, speaksFor, canBe }: Demands): Signed | undefined {
  if (!settings.signature || shown?.kind !== 'card' || evidence === undefined) return undefined;
  const { signature, source } = shown.card;
  if (signature?.outcome !== 'valid' || signature.signer === undefined) return undefined;
  const { signer } = signature;
  return {
    signer,
    covers: (source === 'configmap' ? speaksFor : canBe)(signer, evidence.facts),
    server: shown.peer?.uri,
  };
}
