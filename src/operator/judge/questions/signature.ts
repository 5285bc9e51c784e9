import { remedy } from '../../api/conditions.ts';
import { type Answer, type Matter, type PodQuestion, sentence, skipped } from '../question.ts';

const decides = {
  invalid: { weight: 'guilt', SignatureVerified: 'SignatureInvalid', Verified: 'SignatureInvalid' },
  unread: { weight: 'absence', SignatureVerified: 'SignatureMissing' },
  missing: { weight: 'absence', SignatureVerified: 'SignatureMissing', Verified: 'NotVerified' },
  expired: { weight: 'absence', SignatureVerified: 'SignatureExpired', Verified: 'NotVerified' },
  untrusted: { weight: 'absence', SignatureVerified: 'SignerUntrusted', Verified: 'NotVerified' },
} as const;

export const signature = {
  name: 'signature',
  about: 'pod',
  asks: 'Does the card carry a signature that holds, made with a key that leads to a trust bundle?',
  decides,
  ask: ({ shown, silence, lapsed }, { settings }) => {
    if (!settings.signature) return skipped;
    const finding = shown?.kind === 'card' ? shown.card.signature : undefined;
    // After too long a silence a signature says nothing any more; an alteration does.
    const over = silence !== undefined && lapsed && finding?.outcome !== 'invalid';
    if (finding === undefined || over) {
      return answer('unknown', 'unread', 'No signed card could be read.');
    }
    const { outcome, message } = finding;
    const says = sentence(message);
    if (outcome === 'valid') return { result: 'pass', observed: says };
    return answer(outcome === 'invalid' || outcome === 'missing' ? 'fail' : 'unknown', outcome, says);
  },
  recall: ({ settings, snapshot, hold }: Matter) => {
    const stored = snapshot.card.status?.conditions?.find(({ type }) => type === 'SignatureVerified');
    if (!settings.signature || !hold.holds || stored?.status !== 'True') return undefined;
    return { result: 'pass', observed: 'The signature was good when the card was last read.' };
  },
} as const satisfies PodQuestion;

function answer(result: 'fail' | 'unknown', outcome: keyof typeof decides, says: string): Answer {
  const effect = decides[outcome];
  const expected = 'a signature with an x5c chain to a trust bundle';
  return {
    result,
    expected,
    observed: says,
    hint: remedy('SignatureVerified', effect.SignatureVerified),
    effect,
    says,
  };
}
