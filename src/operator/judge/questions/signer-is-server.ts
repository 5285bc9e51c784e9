import { remedy } from '../../api/conditions.ts';
import { type PodQuestion, skipped } from '../question.ts';
import { signedBy } from './signed.ts';

const decides = {
  elsewhere: { weight: 'absence', Verified: 'NotVerified' },
  other: { weight: 'note' },
} as const;

export const signerIsServer = {
  name: 'signer-is-server',
  about: 'pod',
  asks: 'Is who signed the card also who serves it?',
  decides,
  ask: (pod, demands) => {
    const signed = signedBy(pod, demands);
    if (signed === undefined) return skipped;
    const { signer, covers, server } = signed;
    const hint = remedy('Bound', 'SignerIsNotServer');
    if (!covers) {
      const says = `The signed card of ${signer} does not speak for this pod's service account.`;
      return { result: 'fail', expected: signer, observed: says, hint, effect: decides.elsewhere, says };
    }
    if (server === undefined) return skipped;
    if (server === signer) return { result: 'pass', expected: signer, observed: server };
    return { result: 'fail', expected: signer, observed: server, hint, effect: decides.other };
  },
} as const satisfies PodQuestion;
