import { remedy } from '../../api/conditions.ts';
import { type PodQuestion, skipped } from '../question.ts';
import { signedBy } from './signed.ts';

const decides = {
  other: { weight: 'guilt', Bound: 'SpiffeIDMismatch', Verified: 'IdentityMismatch' },
  otherThanServer: { weight: 'guilt', Bound: 'SignerIsNotServer', Verified: 'SignatureInvalid' },
  tolerated: { weight: 'note', Bound: 'SpiffeIDMismatch' },
  toleratedBesideServer: { weight: 'note' },
} as const;

export const signerIdentity = {
  name: 'signer-identity',
  about: 'pod',
  asks: 'Is who signed the card the one who must?',
  decides,
  ask: (pod, demands) => {
    const signed = signedBy(pod, demands);
    if (signed === undefined) return skipped;
    const { strict, expected: ids, wanted: expected } = demands.target;
    const { signer, covers, server } = signed;
    const proof = covers ? { proof: { by: 'signature', identity: signer } as const } : {};
    if (ids.includes(signer)) return { result: 'pass', expected, observed: signer, ...proof };
    const hint = remedy('Bound', 'SignerIsNotServer');
    const seen = { result: 'fail', expected, observed: signer, hint } as const;
    const says = `The card is signed by ${signer}, expected ${expected}.`;
    if (strict) return { ...seen, says, effect: server === undefined ? decides.other : decides.otherThanServer };
    if (server !== undefined) return { ...seen, ...proof, effect: decides.toleratedBesideServer };
    return { ...seen, ...proof, says: `The pod proved ${signer}, expected ${expected}.`, effect: decides.tolerated };
  },
} as const satisfies PodQuestion;
